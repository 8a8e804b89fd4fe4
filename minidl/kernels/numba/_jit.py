"""The only place with compiler flags: how a kernel is compiled, cached and run on several threads.

Floating point may be reassociated, contracted and divided by reciprocals, and the sign of zero ignored; NaN and infinity keep
their meaning (``fastmath=True`` would let ``isnan`` return False).

Compiled code is cached in the user's cache folder under a key made of all kernel sources, the versions of Numba and LLVM and
the flags: Numba's own key sees neither a changed callee nor changed flags.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from minidl.backend.threads import IN_USE
from minidl.folders import kernel_folder
from minidl.kernels.numba import _inner
from minidl.kernels.numba._team import DISABLED as DISABLED

FAST = {"reassoc", "contract", "arcp", "nsz"}
FLOATS = (np.dtype("float32"), np.dtype("float64"))  # what kernels are compiled for
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy", "no_cfunc_wrapper": True}


def cache_folder() -> Path | None:
    """Where compiled kernels of these sources and versions are kept; None where nothing can be written."""
    folder = kernel_folder()
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for item in (numba.__version__, llvmlite.__version__, sys.version, str(sorted(FAST))):
        digest.update(item.encode())
    folder = folder / digest.hexdigest()[:16]
    first_time = not folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    if first_time:
        _say_that_it_takes_a_while(folder)
    return folder


def _say_that_it_takes_a_while(folder: Path) -> None:
    """The first run on a machine compiles for some seconds; nobody should wonder why."""
    with suppress(Exception):  # no stream to say it on is no reason to stop
        print(f"minidl: compiling its kernels for this machine, once; they are kept in {folder}", file=sys.stderr)


CACHE = None if DISABLED else cache_folder()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, with the project's flags, without Python's lock, into our cache."""
    if DISABLED:
        return np.errstate(all="ignore")(function)  # compiled arithmetic does not warn
    if CACHE is None:  # compile in every process
        return _quickly(numba.njit(**_OPTIONS, **_inner.pipeline())(function))
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(CACHE)  # ours only: the user's kernels stay where they are
    try:
        kernel = numba.njit(cache=True, **_OPTIONS, **_inner.pipeline())(function)
    finally:
        numba.config.CACHE_DIR = before
    _heal(kernel._cache)
    return _quickly(kernel)


def _refuse_calls(kernel: Any) -> None:
    """The cache keeps of a kernel only its machine code, so there is nothing that another kernel could take in."""

    def get_call_template(*args: Any) -> Any:
        name = kernel.py_func.__name__
        raise numba.core.errors.TypingError(f"{name} is @compiled, for Python to call; what kernels call is @inner")

    kernel.get_call_template = get_call_template


def _quickly(kernel: Any) -> Any:
    """``kernel``, compiled without looking for garbage among the compiler's many objects: a tenth of the time."""
    compile_for = kernel.compile

    def compile_without_collector(*args: Any) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            return compile_for(*args)
        finally:
            if collects:
                gc.enable()

    kernel.compile = compile_without_collector
    _refuse_calls(kernel)
    return kernel


def _heal(cache: Any) -> None:
    """A file that was cut short, by a full disk or a computer switched off, is one that is not there."""
    load = cache.load_overload

    def load_overload(*args: Any) -> Any:
        try:
            return load(*args)
        except Exception:  # whatever a pickle that is none may raise
            cache.flush()
            return None

    cache.load_overload = load_overload


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
