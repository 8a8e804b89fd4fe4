"""What ``fit`` returns: the values of every epoch."""

from __future__ import annotations

from minidl.callbacks.base import Callback, Logs


class History(Callback):
    """``history.history`` maps names such as ``"val_loss"`` to lists, one value per epoch; ``history.epoch`` numbers them."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
