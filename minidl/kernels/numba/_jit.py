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

from minidl.backend.threads import IN_USE
from minidl.kernels.numba import _inner
from minidl.kernels.numba._compiling import compiling
from minidl.kernels.numba._kept import KeptVersions
from minidl.kernels.numba._team import DISABLED as DISABLED

FAST = {"reassoc", "contract", "arcp", "nsz"}
FLOATS = (np.dtype("float32"), np.dtype("float64"))  # what kernels are compiled for
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy", "no_cfunc_wrapper": True}
_OURS = "minidl.kernels.numba."


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, with the project's flags, without Python's lock, into our cache."""
    if DISABLED:
        return np.errstate(all="ignore")(function)  # compiled arithmetic does not warn
    kernel = numba.njit(**_OPTIONS, **_inner.pipeline())(function)
    if function.__module__.startswith(_OURS):  # the folder's name stands for our sources alone
        kernel._cache = KeptVersions(function)
    compile_for = kernel.compile

    def compile_with_care(*args: Any) -> Any:
        with compiling():
            return compile_for(*args)

    kernel.compile = compile_with_care
    _refuse_calls(kernel)
    return kernel


def _refuse_calls(kernel: Any) -> None:
    """The cache keeps of a kernel only its machine code, so there is nothing that another kernel could take in."""

    def get_call_template(*args: Any) -> Any:
        name = kernel.py_func.__name__
        raise numba.core.errors.TypingError(f"{name} is @compiled, for Python to call; what kernels call is @inner")

    kernel.get_call_template = get_call_template


def inner(function: Callable[..., Any]) -> Any:
    """For a function that only compiled functions call: it becomes a part of each of them, cached there, and nothing else."""
    return function if DISABLED else _inner.translated(function, _OPTIONS)


@functools.cache
def inner_of(dispatcher: Any) -> Any:
    """``dispatcher``, a function made by ``compiled`` or ``inner``, as a part of another."""
    return dispatcher if _inner.is_translated(dispatcher) else inner(dispatcher.py_func)


def threads() -> int:
    """Threads a parallel kernel is cut up for."""
    return 1 if DISABLED else IN_USE.value


_one_at_a_time = threading.RLock()


def guarded(twin: Callable[..., Any]) -> Callable[..., Any]:
    """``twin``, safe from callers its thread team cannot serve together.

    Numba's built-in team aborts the process when two threads call it, so there the calls wait for each other.
    """
    if DISABLED or numba.threading_layer() != "workqueue":
        return twin

    @functools.wraps(twin)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _one_at_a_time:
            return twin(*args, **kwargs)

    return call
