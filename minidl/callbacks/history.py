"""What ``fit`` returns: the values of every epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.direction import direction
from minidl.callbacks.progress import value_text, values

_SHOWN = 20  # rows of the table in a notebook; of more epochs the first, the best and the last are shown
_NEITHER = {"lr", "learning_rate", "epoch"}  # logged beside the metrics, neither good nor bad


class History(Callback):
    """``history.history`` maps names such as ``"val_loss"`` to lists, one value per epoch; ``history.epoch`` numbers them.

    Attributes:
        history: name -> values, in the order of the epochs.
        epoch: the epochs of this fit, counted from 0.
        epochs: name -> the epochs that its values belong to: not all of them, where validation ran only now and then.

    In a notebook it shows as a table, the best value of each column in bold.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.epochs: dict[str, list[int]] = {}

    def __repr__(self) -> str:
        """What a notebook shows below ``model.fit(...)``."""
        last = ", ".join(values({name: each[-1] for name, each in self.history.items()}))
        return f"<History of {len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}{'; the last: ' * bool(last)}{last}>"

    def _repr_html_(self) -> str:
        """The epochs as a table: names above, a curve of each column, then the values, the best of a column in bold."""
        import html  # for notebooks only

        if not self.epoch:
            return f"<p>{html.escape(repr(self))}</p>"
        best = {name: best_index(name, each) for name, each in self.history.items()}
        best_epochs = {name: self._epochs_of(name)[index] for name, index in best.items() if index is not None}
        by_epoch = {name: dict(zip(self._epochs_of(name), each)) for name, each in self.history.items()}
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.history)
        lines = "".join(f"<td>{sparkline(each)}</td>" for each in self.history.values())
        rows, shown = [], _rows(self.epoch, set(best_epochs.values()))
        for epoch in shown:
            if epoch is None:
                rows.append(f'<tr><td colspan="{len(self.history) + 1}" style="text-align:center">&#8943;</td></tr>')
                continue
            cells = []
            for name in self.history:
                text = value_text(by_epoch[name][epoch]) if epoch in by_epoch[name] else ""
                cells.append(f"<td>{f'<b>{text}</b>' if best_epochs.get(name) == epoch else text}</td>")
            rows.append(f"<tr><td>{epoch + 1}</td>{''.join(cells)}</tr>")
        body = f"<tr><td></td>{lines}</tr>{''.join(rows)}"
        return f"<table><thead><tr><th>epoch</th>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _epochs_of(self, name: str) -> Sequence[int]:
        """The epochs of one name; those of the fit where the lists were filled by hand."""
        known = self.epochs.get(name, ())
        return known if len(known) == len(self.history[name]) else self.epoch

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
            self.epochs.setdefault(name, []).append(epoch)


def is_measure(name: str) -> bool:
    """Whether small or large values of ``name`` are better; not so for a learning rate."""
    return name.removeprefix("val_") not in _NEITHER


def best_index(name: str, each: Sequence[float]) -> int | None:
    """Index of the best finite value, the first of equal ones; None where there is none, or where nobody knows what is better.

    >>> best_index("loss", [0.5, float("nan"), 0.25, 0.25]), best_index("accuracy", [0.5, 0.75, 0.5])
    (2, 1)
    """
    finite = [index for index, value in enumerate(each) if math.isfinite(value)]
    better = direction(name)
    if not finite or not is_measure(name) or not better:
        return None
    return max(finite, key=lambda index: better * each[index])


def sparkline(each: Sequence[float], width: int = 90, height: int = 22) -> str:
    """A small curve of the finite values as SVG, in the colour of the text around it; "" where there are fewer than two.

    >>> sparkline([1.0]), sparkline([0.0, 1.0]).count("<polyline")
    ('', 1)
    """
    finite = [(index, value) for index, value in enumerate(each) if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    if len(finite) > 2 * width:  # more points than pixels
        finite = [finite[round(i * (len(finite) - 1) / (2 * width))] for i in range(2 * width + 1)]
    low, high = min(value for _, value in finite), max(value for _, value in finite)
    half = max(high / 2 - low / 2, 0.0) or 1.0  # halves: the difference of two large numbers may be infinite
    points = []
    for index, value in finite:
        x = 1 + (width - 2) * index / (len(each) - 1)
        y = 1 + (height - 2) * (1 - (value / 2 - low / 2) / half)
        points.append(f"{x:.1f},{y:.1f}")
    line = f'<polyline points="{" ".join(points)}" fill="none" stroke="currentColor" stroke-width="1"/>'
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}">{line}</svg>'


def _rows(epochs: Sequence[int], best: set[int]) -> list[int | None]:
    """The epochs to show, with None where some are left out."""
    if len(epochs) <= _SHOWN:
        return list(epochs)
    chosen = {*epochs[:5], *epochs[-5:], *best}
    rows: list[int | None] = []
    for epoch in epochs:
        if epoch in chosen:
            rows.append(epoch)
        elif rows[-1] is not None:
            rows.append(None)
    return rows
