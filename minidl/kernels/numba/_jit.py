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
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba

FAST = {"reassoc", "contract", "arcp", "nsz"}
DISABLED = bool(numba.config.DISABLE_JIT)
_SPINS = "20000"  # how long an idle thread of the team waits awake: long enough between kernels, short enough beside BLAS


def cache_folder() -> Path:
    """Where compiled kernels of these sources and versions are kept: MINIDL_HOME, or minidl's place in the user's cache."""
    home = os.environ.get("MINIDL_HOME")
    user = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(home).expanduser() if home else (Path(user) if os.path.isabs(user) else Path.home() / ".cache") / "minidl"
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for item in (numba.__version__, llvmlite.__version__, sys.version, str(sorted(FAST))):
        digest.update(item.encode())
    return base / "kernels" / digest.hexdigest()[:16]


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


def _say_that_it_takes_a_while(cache: str) -> None:
    """The first run on a machine compiles for some seconds; nobody should wonder why."""
    if not os.path.isdir(cache):
        with suppress(Exception):  # no stream to say it on is no reason to stop
            print(f"minidl: compiling its kernels for this machine, once; they are kept in {cache}", file=sys.stderr)


if not DISABLED:
    _start_threads()
    _CACHE = str(cache_folder())
    _say_that_it_takes_a_while(_CACHE)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile ``function`` on first use, with the project's flags, without Python's lock, into our cache."""
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
    if DISABLED:
        return function
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _CACHE  # only for ours: the user's own kernels stay where they are
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to write: compile in every process
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = before


def threads() -> int:
    """Threads a parallel kernel uses now."""
    return 1 if DISABLED else numba.get_num_threads()


_one_at_a_time = threading.RLock()


def guarded(twin: Callable[..., Any]) -> Callable[..., Any]:
    """``twin``, one call at a time where the thread team cannot serve two callers (Numba's built-in one aborts the process)."""
    if DISABLED or numba.threading_layer() != "workqueue":
        return twin

    @functools.wraps(twin)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with _one_at_a_time:
            return twin(*args, **kwargs)

    return alone
