"""Ctrl-C while something must not be left half done: it is held, and raised at the end or at a safe point before.

held()                 a short section that runs to its end: new values for all weights
WholeSteps             a training step; compiling the kernels for the first one takes seconds, and between two passes of
                       the compiler nothing of the model has changed yet: those are the safe points
held_to_safe_points()  an import, or a compilation outside of a step
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# The functions in C under those of ``signal``, which make enums of numbers and handlers: three calls of those take longer than
# a small model needs for a prediction.
_signals: Any = getattr(signal, "_signal", signal)


def _without_leftovers(handler: Any) -> Any:
    """The handler before sections that an interrupt left at their very end, before they could put it back."""
    while isinstance(handler, _Noted) and not handler.holding:
        handler = handler.handler
    return handler


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
    handler = _without_leftovers(signal.getsignal(signal.SIGINT))
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


class WholeSteps:
    """While active, SIGINT inside ``with guard.step():`` raises KeyboardInterrupt at a safe point or when the step has ended.

    Outside a step (callbacks, progress) it raises at once. Where Python delivers signals to another thread, or the program
    has a handler of its own, nothing is changed.
    """

    def __init__(self) -> None:
        self._inside = self._pressed = self._installed = self._only_at_end = False
        self._outer: WholeSteps | None = None

    @contextmanager
    def installed(self) -> Iterator[WholeSteps]:
        """For the time of a fit."""
        before = _without_leftovers(_signals.getsignal(signal.SIGINT))
        ours = before is signal.default_int_handler or isinstance(getattr(before, "__self__", None), WholeSteps)
        if threading.current_thread() is not threading.main_thread() or not ours:
            yield self
            return
        _signals.signal(signal.SIGINT, self._handle)
        self._installed = True
        try:
            yield self
        finally:
            self._installed = False
            _signals.signal(signal.SIGINT, before)

    def step(self) -> WholeSteps:
        """Around one step: ``with guard.step():``."""
        return self

    def __enter__(self) -> None:
        global _holding
        self._only_at_end, self._inside = False, True
        if self._installed:  # so this is the main thread
            self._outer, _holding = _holding, self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        global _holding
        self._inside = False
        if self._installed:
            _holding, self._outer = self._outer, None
        if self._pressed:  # also where the step raised something else, which the interrupt then names as its context
            self._pressed = False
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._inside:
            self._pressed = True
        else:
            raise KeyboardInterrupt


_holding: WholeSteps | None = None  # the innermost that is inside a step, in the main thread
_main = threading.main_thread().ident


def _holder() -> WholeSteps | None:
    """What holds an interrupt of this thread."""
    return _holding if _holding is not None and threading.get_ident() == _main else None


def safe_point() -> None:
    """Raise KeyboardInterrupt if one is held: here an exception leaves nothing half done."""
    holder = _holder()
    if holder is not None and holder._pressed and not holder._only_at_end:
        holder._pressed = False
        raise KeyboardInterrupt


def only_at_end() -> None:
    """From here to the end of the step no point is safe: the update begins."""
    holder = _holder()
    if holder is not None:
        holder._only_at_end = True


@contextmanager
def held_to_safe_points() -> Iterator[None]:
    """Around an import or a compilation, which an interrupt in the middle would leave broken for the whole process."""
    if _holder() is not None:  # a step is around it
        yield
        return
    guard = WholeSteps()
    with guard.installed(), guard.step():
        yield
