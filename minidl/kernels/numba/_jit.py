"""The only place with compiler flags: how a kernel is compiled, cached and run on several threads.

Floating point may be reassociated, contracted and divided by reciprocals, and the sign of zero ignored; NaN and infinity keep
their meaning (``fastmath=True`` would let ``isnan`` return False).

Compiled code is kept between runs: ``_folder`` says where, ``_kept`` what. ``_compiling`` says what holds meanwhile.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from minidl.backend.tape import current, tapes
from minidl.backend.threads import IN_USE
from minidl.kernels.numba import _private
from minidl.kernels.numba._compiling import compiling
from minidl.kernels.numba._folder import say
from minidl.kernels.numba._kept import keep
from minidl.kernels.numba._private import DISABLED as DISABLED

FAST = {"reassoc", "contract", "arcp", "nsz"}
FLOATS = (np.dtype("float32"), np.dtype("float64"))  # what kernels are compiled for
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
_OURS = "minidl.kernels.numba."

if _private.MISSING:
    say(f"Numba is not as expected: {_private.consequences()}. What to do: python -m minidl doctor")


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, with the project's flags, without Python's lock, into our cache."""
    if DISABLED:
        return _noted(np.errstate(all="ignore")(function))  # compiled arithmetic does not warn
    kernel = _private.compiled(function, _OPTIONS)
    if function.__module__.startswith(_OURS):  # the folder's name stands for our sources alone
        keep(kernel)
    _private.around_compilations(kernel, compiling)
    return _noted(kernel)


def _noted(kernel: Any) -> Any:
    """``kernel``, each call of which is noted on the tape of a step that is recorded."""

    @functools.wraps(kernel)
    def call(*args: Any) -> Any:
        result = kernel(*args)
        if tapes and (tape := current()) is not None:
            tape.note(kernel, args, result)
        return result

    call.dispatcher = kernel  # type: ignore[attr-defined]
    call._numba_type_ = getattr(kernel, "_numba_type_", None)  # type: ignore[attr-defined]  # what a kernel sees that calls it
    return call


def replays(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Say of an op's kernel that calling its compiled functions again, with the same arrays, is all that it does.

    Then a recorded step calls those alone. Around them it may make views and memory, and decide by shapes, types and threads;
    what NumPy computes in between goes through ``backend.tape.again``. It may not look at numbers, nor count on memory that it
    has filled beforehand.
    """
    kernel.replays = True  # type: ignore[attr-defined]
    return kernel


def inner(function: Callable[..., Any]) -> Any:
    """For a function that only compiled functions call: it becomes a part of each of them, cached there, and nothing else."""
    return function if DISABLED else _private.translated(function, _OPTIONS)


@functools.cache
def inner_of(dispatcher: Any) -> Any:
    """``dispatcher``, a function made by ``inner`` or ``numba.njit``, as a part of another."""
    return dispatcher if _private.is_translated(dispatcher) else inner(dispatcher.py_func)


def threads() -> int:
    """Threads a parallel kernel is cut up for."""
    return 1 if DISABLED else IN_USE.value


_one_at_a_time = threading.RLock()


def _shares_a_team() -> bool:
    """Whether two callers at once would meet in a team that serves one."""
    try:
        return bool(numba.threading_layer() == "workqueue")
    except ValueError:  # no team was started: nothing that was imported so far uses one
        return False


def guarded(kernel: Callable[..., Any]) -> Callable[..., Any] | None:
    """``kernel``, safe from callers its thread team cannot serve together; None where this Numba cannot compile it.

    Numba's built-in team aborts the process when two threads call it, so there the calls wait for each other.
    """
    if "instructions" in _private.MISSING:
        return None
    if DISABLED or not _shares_a_team():
        return kernel

    @functools.wraps(kernel)
    def call(*args: Any, **kwargs: Any) -> Any:  # in a recorded step too
        with _one_at_a_time:
            return kernel(*args, **kwargs)

    call.replays = False  # type: ignore[attr-defined]
    return call
