"""Progress for people: a bar with the time left in a terminal, one line per epoch in a log."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from minidl.callbacks.base import Callback, Logs

_WIDTH = 30  # cells of the bar
_SECONDS_BETWEEN_UPDATES = 0.2


class ProgressBar(Callback):
    """Prints how training goes.

    Args:
        verbose: 1: a bar in a terminal and a line per epoch elsewhere; 2: a line per epoch; 0: nothing.
        stream: where to; None is standard output as it is when training begins.

    Training never fails for its progress: a closed or unwilling stream is left alone.
    """

    def __init__(self, verbose: int = 1, stream: TextIO | None = None) -> None:
        self.verbose, self._stream = verbose, stream

    def on_train_begin(self, logs: Logs) -> None:
        """Say what is trained on what."""
        self.start("")
        p = self.params
        validation = f", validating on {p['validation_samples']}" if p.get("validation_samples") else ""
        self._write(f"Training on {p['samples']} samples{validation}, batches of {p['batch_size']}, {p['device']}\n")

    def start(self, title: str) -> None:
        """Find out where to print, and start the clock; ``title`` begins the lines of a log."""
        self.stream = self._stream or sys.stdout
        self.bar = self.verbose == 1 and is_terminal(self.stream)
        self._title, self._began, self._printed = title, time.monotonic(), float("-inf")

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Start the clock again."""
        self.start(f"Epoch {epoch + 1}/{self.params['epochs']} - ")
        if self.bar:
            self._write(f"Epoch {epoch + 1}/{self.params['epochs']}\n")

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Redraw the bar from time to time."""
        now = time.monotonic()
        if self.bar and now - self._printed >= _SECONDS_BETWEEN_UPDATES:
            self._printed = now
            done, steps = batch + 1, self.params["steps"]
            left = (now - self._began) / done * (steps - done)
            self._write(f"\r{_bar(done, steps)} - ETA: {clock(left)}{values(logs)}\x1b[K")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """The epoch's line."""
        if not self.verbose:
            return
        steps, seconds = self.params["steps"], time.monotonic() - self._began
        took = f"{clock(seconds)} {per_step(seconds / steps)}{values(logs)}"
        if self.bar:
            self._write(f"\r{_bar(steps, steps)} - {took}\x1b[K\n")
        else:
            self._write(f"{self._title}{took}\n")

    def _write(self, text: str) -> None:
        if self.verbose:
            write(self.stream, text)


class PassProgress:
    """Progress of a single pass over data, for evaluate and predict."""

    def __init__(self, what: str, samples: int, batch_size: int, verbose: int) -> None:
        self._bar = ProgressBar(verbose)
        self._bar.params = {"steps": max(-(-samples // batch_size), 1)}
        self._bar.start(f"{what} - ")

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


def _bar(done: int, steps: int) -> str:
    filled = _WIDTH * done // steps
    head = ">" if filled < _WIDTH else ""
    return f"{done:>{len(str(steps))}}/{steps} [{'=' * (filled - len(head)) + head:.<{_WIDTH}}]"


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


def values(logs: Logs) -> str:
    """Loss and metrics with four digits, each after a dash.

    >>> values({"loss": 0.12345, "accuracy": 0.000012})
    ' - loss: 0.1235 - accuracy: 1.2000e-05'
    """
    return "".join(f" - {name}: {v:.4f}" if abs(v) > 1e-3 or v == 0 else f" - {name}: {v:.4e}" for name, v in logs.items())
