"""What ``fit`` returns: the values of every epoch."""

from __future__ import annotations

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.progress import values


class History(Callback):
    """``history.history`` maps names such as ``"val_loss"`` to lists, one value per epoch; ``history.epoch`` numbers them."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def __repr__(self) -> str:
        """What a notebook shows below ``model.fit(...)``."""
        last = ", ".join(values({name: each[-1] for name, each in self.history.items()}))
        return f"<History of {len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}{'; the last: ' * bool(last)}{last}>"

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
