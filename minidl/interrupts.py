"""Ctrl-C held back for a short section of code that must run to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class _Noted:
    """A handler that only notes the signal while ``holding``; afterwards it passes signals on to the handler before it."""

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self.handler, self.holding, self.pressed = handler, True, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.holding:
            self.pressed = True
        else:
            self.handler(number, frame)


@contextmanager
def held() -> Iterator[None]:
    """Within it SIGINT waits: its handler, the program's own too, runs when the section has ended, however it ended.

    Nothing is done outside the main thread, where Python never runs signal handlers, and where SIGINT is ignored. The
    section should last milliseconds. ``training.interrupt.WholeSteps`` is for fit, which enters a section at each step.

    >>> with held():
    ...     print("whole")
    whole
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    noted = _Noted(handler)
    signal.signal(signal.SIGINT, noted)
    try:
        yield
    finally:
        noted.holding = False  # first: should another signal's handler raise before the next line, Ctrl-C works all the same
        signal.signal(signal.SIGINT, handler)
        if noted.pressed:
            handler(signal.SIGINT, None)
