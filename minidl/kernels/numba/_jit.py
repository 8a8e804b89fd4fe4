"""The only place with compiler flags: how a kernel is compiled, cached and run on several threads.

Floating point may be reassociated, contracted and divided by reciprocals, and the sign of zero ignored; NaN and infinity keep
their meaning (``fastmath=True`` would let ``isnan`` return False).

Compiled code is cached in the user's cache folder under a key made of all kernel sources, the versions of Numba and LLVM and
the flags: Numba's own key sees neither a changed callee nor changed flags.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from minidl.folders import kernel_folder

FAST = {"reassoc", "contract", "arcp", "nsz"}
FLOATS = (np.dtype("float32"), np.dtype("float64"))  # what kernels are compiled for
DISABLED = bool(numba.config.DISABLE_JIT)
_SPINS = "20000"  # how long an idle thread of the team waits awake: long enough between kernels, short enough beside BLAS


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


def _start_threads() -> None:
    """Start Numba's team with a short wait between kernels, unless the user chose how OpenMP waits."""
    chosen = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        from numba.np.ufunc.parallel import _launch_threads

        _launch_threads()
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


if not DISABLED:
    _start_threads()
    _CACHE = cache_folder()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, with the project's flags, without Python's lock, into our cache."""
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
    if DISABLED:
        return np.errstate(all="ignore")(function)  # compiled arithmetic does not warn
    if _CACHE is None:  # compile in every process
        return numba.njit(**options)(function)
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_CACHE)  # ours only: the user's kernels stay where they are
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


_threads = 1 if DISABLED else numba.get_num_threads()


def threads() -> int:
    """Threads a parallel kernel is cut up for."""
    return _threads


_one_at_a_time = threading.RLock()


def guarded(twin: Callable[..., Any]) -> Callable[..., Any]:
    """``twin``, safe from a cache that was cut short by a full disk, and from callers its thread team cannot serve together.

    A damaged cache is thrown away and the kernel compiled anew. Numba's built-in team aborts the process when two threads
    call it, so there the calls wait for each other.
    """
    if DISABLED:
        return twin
    alone = numba.threading_layer() == "workqueue"

    @functools.wraps(twin)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if alone:
                with _one_at_a_time:
                    return twin(*args, **kwargs)
            return twin(*args, **kwargs)
        except (EOFError, pickle.UnpicklingError):
            if _CACHE is not None:
                shutil.rmtree(_CACHE, ignore_errors=True)
                _CACHE.mkdir(parents=True, exist_ok=True)
            return twin(*args, **kwargs)

    return call
