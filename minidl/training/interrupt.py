"""Ctrl-C between steps: an interrupt that arrives inside a step is held until the step is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class WholeSteps:
    """While active, SIGINT inside ``with guard.step():`` raises KeyboardInterrupt only when the step has ended.

    Outside a step (callbacks, progress) it raises at once. Where Python delivers signals to another thread, or the program
    has a handler of its own, nothing is changed.
    """

    def __init__(self) -> None:
        self._inside = self._pressed = False

    @contextmanager
    def installed(self) -> Iterator[WholeSteps]:
        """For the time of a fit."""
        before = signal.getsignal(signal.SIGINT)
        ours = before is signal.default_int_handler or isinstance(getattr(before, "__self__", None), WholeSteps)
        if threading.current_thread() is not threading.main_thread() or not ours:
            yield self
            return
        signal.signal(signal.SIGINT, self._handle)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around one step."""
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._inside:
            self._pressed = True
        else:
            raise KeyboardInterrupt
