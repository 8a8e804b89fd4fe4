"""The progress bar of Keras 2.1, line by line: of ``fit``, ``evaluate`` and ``predict``, and ``generic_utils.Progbar``.

      128/60000 [..............................] - ETA: 5:56 - loss: 2.5313 - acc: 0.0625
    60000/60000 [==============================] - 1s 14us/step - loss: 0.2760 - acc: 0.9227

30 cells, the count right-aligned to the digits of the total, and a time per sample (per batch where batches are counted), which
is called a step. In a terminal or notebook each update is written over the one before; elsewhere it begins a new line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Values = Sequence[tuple[str, Any]]  # name and mean of each number that a line ends with


class Progbar:
    """A bar that is fed by hand.

    Args:
        target: how many steps there will be; None: nobody knows.
        width: cells of the bar.
        verbose: 1 a bar, 2 one line at the end, 0 nothing.
        interval: seconds that lie at least between two updates.

    >>> bar = Progbar(4, width=8, verbose=2)
    >>> bar.update(2, [("loss", 1.0)]); bar.update(4, [("loss", 2.0)])
     - 0s - loss: 1.5000
    """

    def __init__(self, target: Any, width: int = 30, verbose: int = 1, interval: float = 0.05) -> None:
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.start, self.last_update, self.total_width, self.seen_so_far = time.time(), 0.0, 0, 0
        self.sum_values: dict[str, list[Any]] = {}  # of each name: the sum so far, and over how many steps
        self.unique_values: list[str] = []
        self.redraws = _redraws()

    def update(self, current: Any, values: Iterable[tuple[str, Any]] | None = None, force: bool = False) -> None:
        """``current`` steps are done; ``values`` are (name, value of the steps since the last update), shown as means."""
        steps = current - self.seen_so_far
        for name, value in values or ():
            if name not in self.sum_values:
                self.sum_values[name] = [0.0, 0]
                self.unique_values.append(name)
            of_name = self.sum_values[name]
            of_name[0] += value * steps
            of_name[1] += steps
        self.seen_so_far = current
        if self.is_due(current, force):
            self.show(current, [(name, self._mean(name)) for name in self.unique_values])

    def add(self, n: Any, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """``n`` more steps are done."""
        self.update(self.seen_so_far + n, values)

    def is_due(self, current: Any, force: bool = False) -> bool:
        """Whether an update is to be seen: not so soon after the last one, unless it is the end."""
        ends = self.target is None or current >= self.target
        if self.verbose == 1:
            return force or time.time() - self.last_update >= self.interval or (ends and self.target is not None)
        return bool(self.verbose == 2 and ends)

    def show(self, current: Any, values: Values) -> None:
        """Write the line for ``current`` steps with these means."""
        self.last_update = now = time.time()
        if self.verbose == 2:
            write(f" - {now - self.start:.0f}s{numbers(values, signed=False)}\n")
            return
        bar = bar_text(current, self.target, self.width)
        rest = time_text(now - self.start, current, self.target) + numbers(values)
        before, self.total_width = self.total_width, len(bar) + len(rest)
        back = "\b" * before + "\r" if self.redraws else "\n"
        end = "\n" if self.target is not None and current >= self.target else ""
        write(f"{back}{bar}{rest}{' ' * (before - self.total_width)}{end}")

    def _mean(self, name: str) -> Any:
        total, count = self.sum_values[name]
        return total / max(1, count)


class PassBar:
    """The bar of ``evaluate`` and ``predict``: counts samples, or batches of a stream; no numbers are shown.

    Args:
        target: samples, or batches where ``size`` is None.
        size: samples of a batch.
        verbose: only 1 shows anything.
        first: how many samples the first line counts: larger batches are as fast as they can be, and the bar begins with the
            32 of a batch of Keras 2.1.
    """

    def __init__(self, target: Any, size: int | None, verbose: Any, first: int | None = None) -> None:
        self._bar, self._size, self._first = (Progbar(target) if verbose == 1 else None), size or 1, first

    def update(self, done: int, logs: Mapping[str, Any]) -> None:
        """``done`` batches are done."""
        bar = self._bar
        if bar is None:
            return
        current = min(done * self._size, bar.target)
        if done == 1 and self._first is not None and self._first < current:
            now, start = time.time(), bar.start
            bar.start = now - (now - start) * self._first / current  # the time that so many took
            bar.show(self._first, ())
            bar.start = start
        bar.update(current)

    def finish(self, logs: Mapping[str, Any]) -> None:
        """The last update has said everything."""


def bar_text(current: Any, target: Any, width: int = 30) -> str:
    """The count and the cells.

    >>> bar_text(128, 60000), bar_text(5, 10, width=4)
    ('  128/60000 [..............................]', ' 5/10 [=>..]')
    """
    if target is None:
        return f"{int(current):7d}/Unknown"
    filled = int(width * current / target) if target else width
    head = ("=" * (filled - 1) + (">" if current < target else "=")) if filled > 0 else ""
    total = str(int(target))
    return f"{int(current):{len(total)}d}/{total} [{head}{'.' * (width - filled)}]"


def time_text(elapsed: float, current: Any, target: Any) -> str:
    """The time that is left; in the end, or where nobody knows it, the time taken and that of each step.

    >>> time_text(0.6, 128, 60000), time_text(20.0, 1, 200), time_text(0.672, 48000, 48000)
    (' - ETA: 4:40', ' - ETA: 1:06:20', ' - 1s 14us/step')
    """
    each = elapsed / current if current else 0.0
    if target is not None and current < target:
        left = int(each * (target - current))
        if left > 3600:
            return f" - ETA: {left // 3600}:{left % 3600 // 60:02d}:{left % 60:02d}"
        return f" - ETA: {left // 60}:{left % 60:02d}" if left > 60 else f" - ETA: {left}s"
    if each >= 1:
        return f" - {elapsed:.0f}s {each:.0f}s/step"
    return f" - {elapsed:.0f}s {each * 1e3:.0f}ms/step" if each >= 1e-3 else f" - {elapsed:.0f}s {each * 1e6:.0f}us/step"


def numbers(values: Values, signed: bool = True) -> str:
    """Name and value of each, with four digits; ``signed=False``: a negative number counts as a small one, as in ``verbose=2``.

    >>> numbers([("loss", 3.4055e-4), ("acc", 1.0)])
    ' - loss: 3.4055e-04 - acc: 1.0000'
    """
    text = ""
    for name, value in values:
        if getattr(value, "ndim", 0):  # of several numbers, such as a confusion matrix, nothing is shown
            continue
        large = (abs(value) if signed else value) > 1e-3
        text += f" - {name}: {value:.4f}" if large else f" - {name}: {value:.4e}"
    return text


def write(text: str) -> None:
    """Print if it can be printed: training does not end because nobody can be shown how it goes."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):  # closed, or full
        pass


def _redraws() -> bool:
    """Whether a line can be written over: in a terminal, and in a notebook."""
    try:
        return sys.stdout.isatty() or "ipykernel" in sys.modules
    except (AttributeError, ValueError):
        return False
