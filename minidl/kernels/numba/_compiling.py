"""What holds while kernels compile: no garbage collector, Ctrl-C only between passes, and a line when it takes long."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from minidl import interrupts
from minidl.kernels.numba._folder import FOLDER, say
from minidl.kernels.numba._private import before_each_pass

_PATIENCE = 1.0  # seconds without a word, and the pause after which they are counted anew


class _Compilations:
    """Those that run now, in whatever thread, and how long the last ones took that followed each other closely."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running, self._collects, self._said = 0, False, False
        self._spent, self._ended, self._began = 0.0, float("-inf"), None

    _began: float | None  # when the first of those that run had something to compile

    def enter(self) -> None:
        """One begins. Looking for garbage among the compiler's many objects would take a tenth of the time."""
        with self._lock:
            if self._running == 0:
                self._collects = gc.isenabled()
                gc.disable()
            self._running += 1

    def leave(self) -> None:
        """One has ended; after the last the collector does what it did before."""
        with self._lock:
            self._running -= 1
            if self._running == 0:
                if self._collects:
                    gc.enable()
                if self._began is not None:
                    self._ended = time.monotonic()
                    self._spent += self._ended - self._began
                    self._began = None

    def work(self) -> None:
        """Something is compiled rather than found in the folder; the first time that it takes long, say so."""
        with self._lock:
            if self._running == 0 or self._said:  # 0: a kernel of the user's
                return
            now = time.monotonic()
            if self._began is None:
                self._began = now
                if now - self._ended > _PATIENCE:
                    self._spent = 0.0
            self._said = self._spent + now - self._began > _PATIENCE
            if not self._said:
                return
        say(f"compiling its kernels for this machine, {FOLDER.what_happens()}")


_compilations = _Compilations()


@contextmanager
def compiling() -> Iterator[None]:
    """Around a compilation, which may also turn out to be kept from another run."""
    with interrupts.held_to_safe_points():
        _compilations.enter()
        try:
            yield
        finally:
            _compilations.leave()


def between_passes() -> None:
    """Something is compiled, and nothing is half done: an interrupt is let through here."""
    _compilations.work()
    interrupts.safe_point()


before_each_pass(between_passes)
