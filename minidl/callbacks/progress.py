"""Progress for people: a bar with the time left in a terminal or notebook, one line per epoch in a log.

A line that is redrawn must not reach the terminal's last column: there the terminal wraps it, a carriage return goes back
to the second half only, and the first half stays for ever. So every line of a bar is made for the width of the moment.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
import unicodedata
from contextlib import suppress
from typing import Any, TextIO

from minidl.callbacks.base import Callback, Logs, now_and_then
from minidl.callbacks.notebook import Board, board

_CELLS = 30  # of the bar, where there is room
_FEWEST_CELLS = 5  # a shorter bar shows nothing
_NARROWEST = 19  # columns into which a sentence is broken; what is narrower still breaks it itself
_USUAL_COLUMNS = 80  # where the width is unknown
_SECONDS_BETWEEN_UPDATES = 0.2
_TO_THE_END = "" if os.name == "nt" else "\x1b[K"  # clears the rest of a line; Windows' old console shows the letters


class ProgressBar(Callback):
    """Prints how training goes.

    Args:
        verbose: 1: a bar in a terminal, a line per epoch elsewhere, and in a notebook above these lines a bar that updates in
            place; 2: a line per epoch; 0: nothing.
        stream: where to; None is standard output as it is when training begins.

    Training never fails for its progress: a closed or unwilling stream is left alone.
    """

    def __init__(self, verbose: int = 1, stream: TextIO | None = None) -> None:
        self.verbose, self.stream = verbose, stream
        self._drawn = 0  # width of the bar's line in which the cursor stands
        self._board: Board | None = None  # the bar of a notebook

    def on_train_begin(self, logs: Logs) -> None:
        """Say what is trained on what."""
        self.start("")
        self._board = self._new_board()
        p = self.params
        validation = f", validating on {p['validation_samples']}" if p.get("validation_samples") else ""
        what = f"{p['samples']} samples{validation}, batches of {p['batch_size']}"
        if p["samples"] is None:  # of a stream
            what = f"a stream of batches{validation}"
        text = f"Training on {what}, {p['device']}"
        if self.bar:
            text = textwrap.fill(text, max(columns(self._output) - 1, _NARROWEST))
        self._write(f"{text}\n")

    def on_train_end(self, logs: Logs) -> None:
        """End the line of a bar that an exception left, so that what is printed next begins a line."""
        if self._drawn:
            self._write("\n")
            self._drawn = 0

    def start(self, title: str) -> None:
        """Find out where to print, and start the clock; ``title`` begins the lines of a log."""
        self._output = self.stream or sys.stdout
        self.bar = self.verbose == 1 and is_terminal(self._output)
        self._title, self._began, self._printed = title, time.monotonic(), float("-inf")
        self._done, self._drawn = 0, 0  # steps of this pass

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Start the clock again."""
        self.start(f"Epoch {epoch + 1}/{self.params['epochs']} - ")
        if self.bar:
            self._write(f"Epoch {epoch + 1}/{self.params['epochs']}\n")

    @now_and_then
    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Redraw the bar from time to time."""
        now, self._done = time.monotonic(), batch + 1
        if (self.bar or self._board) and now - self._printed >= _SECONDS_BETWEEN_UPDATES:
            self._printed = now
            done, steps = self._done, self.params["steps"]
            left = f"ETA: {clock((now - self._began) / done * (steps - done))}" if steps else clock(now - self._began)
            count = f"{done:>{len(str(steps))}}/{steps}" if steps else f"{done} step{'s' if done > 1 else ''}"
            if self.bar:
                shortest = f"{100 * done // steps}%" if steps else str(done)
                self._draw(((count, left), (count,), (shortest,)), logs)
            else:
                self._show([count, left, *values(logs)])

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """The epoch's line."""
        if not self.verbose:
            return
        seconds = time.monotonic() - self._began
        steps = self.params["steps"] or max(self._done, 1)  # a stream has had as many as there were
        self._done = self._done or steps  # no step at all: predict of no samples
        took, each = clock(seconds), per_step(seconds / self._done)
        if self.bar:
            count = f"{self._done}/{steps}"
            line = self._draw(((count, f"{took} {each}"), (count, took), (took,)), logs)
            numbers = [_printable(text) for text in values(logs)]
            in_line = [n for n in range(len(numbers) + 1) if any(by.join(numbers[:n]) in line for by in (" - ", " "))]
            self._write("".join(f"\n{more}" for more in below(numbers[max(in_line) :], columns(self._output) - 1)) + "\n")
            self._drawn = 0
        else:
            if self._board and self._board.shown:
                self._show([f"{self._done}/{steps}", took])
            self._write(f"{self._title}{' - '.join([f'{took} {each}', *values(logs)])}\n")

    def _new_board(self) -> Board | None:
        """A place for the bar, where output goes to a notebook."""
        return board() if self.verbose == 1 and self.stream is None and not self.bar else None

    def _show(self, parts: list[str]) -> None:
        """Replace the bar of a notebook; one that cannot be shown is given up."""
        if self._board and not self._board.show(f"{self._title}{' - '.join(parts)}", self._done, self.params["steps"]):
            self._board = None

    def _draw(self, heads: tuple[tuple[str, ...], ...], logs: Logs) -> str:
        """Write over the line before: the first of ``heads`` with a bar behind its count, or what fits without a bar."""
        room, numbers = columns(self._output) - 1, [_printable(text) for text in values(logs)]
        count, *times = heads[0]
        cells = room - width(" - ".join([f"{count} []", *times, *numbers]))
        if cells >= _FEWEST_CELLS and self.params["steps"]:  # of an unknown number there is no part to be shown
            bar = _bar(self._done, self.params["steps"], min(cells, _CELLS))
            line = " - ".join([f"{count} [{bar}]", *times, *numbers])
        else:
            line = fit(heads, numbers, room)
        above = "\n" if self._drawn > room else "\r"  # a line broken by a narrower window cannot be written over
        self._write(f"{above}{line}{_TO_THE_END or ' ' * (min(self._drawn, room) - width(line))}")
        self._drawn = width(line)
        return line

    def _write(self, text: str) -> None:
        if self.verbose:
            write(self._output, text)


class PassProgress:
    """Progress of a single pass over data, for evaluate and predict."""

    def __init__(self, what: str, steps: int | None, verbose: int) -> None:
        self._bar = ProgressBar(verbose)
        self._bar.params = {"steps": None if steps is None else max(steps, 1)}  # None: of a stream nobody knows
        self._bar.start(f"{what} - ")
        self._bar._board = self._bar._new_board()

    def update(self, done: int, logs: Logs) -> None:
        """After ``done`` batches."""
        self._bar.on_train_batch_end(done - 1, logs)

    def finish(self, logs: Logs) -> None:
        """The closing line."""
        self._bar.on_epoch_end(0, logs)


def is_terminal(stream: Any) -> bool:
    """Whether a person watches: carriage returns work."""
    try:
        return bool(stream.isatty())
    except Exception:
        return False


def write(stream: Any, text: str) -> None:
    """Print if it can be printed."""
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # noqa: S110, RUF100  (closed, full or of another encoding: not a reason to stop training)
        pass


def columns(stream: Any) -> int:
    """The terminal's width now, as a window may be resized: COLUMNS, or the stream's own, or standard output's, or 80."""
    with suppress(ValueError):
        if (given := int(os.environ.get("COLUMNS", "0"))) > 0:
            return given
    with suppress(Exception):  # a stream without a file, or a file that is no terminal
        if (own := os.get_terminal_size(stream.fileno()).columns) > 0:
            return own
    import shutil  # which loads what packs and unpacks files

    return shutil.get_terminal_size((_USUAL_COLUMNS, 24)).columns or _USUAL_COLUMNS


def width(text: str) -> int:
    """Columns that ``text`` takes at most: letters that some or all terminals draw double are counted as two.

    >>> width("loss"), width("\u640d\u5931")
    (4, 4)
    """
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WFA" for letter in text if letter > "~")


def fit(heads: tuple[tuple[str, ...], ...], numbers: list[str], room: int) -> str:
    """The fullest line of at most ``room`` columns: with one of ``heads``, from the longest, and as many numbers as fit.

    All numbers with a shorter head come before fewer numbers with a longer one; dots stand for numbers left out.

    >>> heads, numbers = (("3/9", "ETA: 5s"), ("3/9",)), ["loss: 0.5000", "accuracy: 0.9000"]
    >>> for room in (50, 40, 35, 24, 12): print(fit(heads, numbers, room))
    3/9 - ETA: 5s - loss: 0.5000 - accuracy: 0.9000
    3/9 - loss: 0.5000 - accuracy: 0.9000
    3/9 loss: 0.5000 accuracy: 0.9000
    3/9 loss: 0.5000 ...
    3/9 loss:...
    """
    lines = [between.join([*head, *numbers]) for head in heads for between in (" - ", " ")]
    for count in range(len(numbers) - 1, 0, -1):
        lines += [" ".join([*head, *numbers[:count], "..."]) for head in heads]
    lines += [" ".join([*head, *numbers[:1]]) for head in heads]
    for line in lines:
        if width(line) <= room:
            return line
    line = " ".join([*heads[-1], *numbers])
    while width(line) > max(room - 3, 0):
        line = line[:-1]
    return f"{line}..."[: max(room, 0)]


def below(numbers: list[str], room: int) -> list[str]:
    """The numbers that the closing line of an epoch has no room for, in lines of at most ``room`` columns.

    >>> below(["precision: 0.5000", "val_loss: 0.3000", "val_precision: 0.4000"], 40)
    ['  precision: 0.5000 - val_loss: 0.3000', '  val_precision: 0.4000']
    """
    lines: list[str] = []
    for number in numbers if room >= _NARROWEST else ():
        longer = f"{lines[-1]} - {number}" if lines else ""
        if lines and width(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(f"  {number}" if width(number) + 2 <= room else f"  {fit(((),), [number], room - 2)}")
    return lines


def _printable(text: str) -> str:
    """Without what would move the cursor: metrics have the names that users give them."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())


def _bar(done: int, steps: int, cells: int) -> str:
    filled = cells * done // steps
    head = ">" if filled < cells else ""
    return f"{'=' * (filled - len(head)) + head:.<{cells}}"


def clock(seconds: float) -> str:
    """Seconds as people read them.

    >>> clock(5.2), clock(65), clock(3661)
    ('5s', '1:05', '1:01:01')
    """
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def per_step(seconds: float) -> str:
    """Time of one step in a unit that gives two or three digits.

    >>> per_step(0.0123), per_step(0.0000123)
    ('12ms/step', '12us/step')
    """
    if seconds >= 1:
        return f"{seconds:.1f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"


def values(logs: Logs) -> list[str]:
    """Loss and metrics with four digits; metrics of several numbers, such as a confusion matrix, are left to the history.

    >>> values({"loss": 0.12345, "accuracy": 0.000012, "squares": 1e30})
    ['loss: 0.1235', 'accuracy: 1.2000e-05', 'squares: 1.0000e+30']
    """
    return [f"{name}: {value_text(value)}" for name, value in logs.items() if not getattr(value, "ndim", 0)]


def value_text(value: float) -> str:
    """One value with four digits."""
    return f"{value:.4f}" if 1e-3 < abs(value) < 1e6 or value == 0 else f"{value:.4e}"
