"""The only place with compiler flags: how a kernel is compiled, cached and run on several threads.

Floating point may be reassociated, contracted and divided by reciprocals, and the sign of zero ignored; NaN and infinity keep
their meaning (``fastmath=True`` would let ``isnan`` return False).

Compiled code is cached in the user's cache folder under a key made of all kernel sources, the versions of Numba and LLVM and
the flags: Numba's own key sees neither a changed callee nor changed flags.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba

FAST = {"reassoc", "contract", "arcp", "nsz"}
DISABLED = bool(numba.config.DISABLE_JIT)
_SPINS = "20000"  # how long an idle thread of the team waits awake: long enough between kernels, short enough beside BLAS


def cache_folder() -> Path:
    """Where compiled kernels of these sources and versions are kept."""
    home = os.environ.get("MINIDL_HOME")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minidl"
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for item in (numba.__version__, llvmlite.__version__, sys.version, str(sorted(FAST))):
        digest.update(item.encode())
    return base / "kernels" / digest.hexdigest()[:16]


def _prepare() -> None:
    """Point Numba's cache at our folder and start its threads with a short wait, before anything is compiled."""
    if not os.environ.get("NUMBA_CACHE_DIR"):
        numba.config.CACHE_DIR = str(cache_folder())
    before = {name: os.environ.get(name) for name in ("GOMP_SPINCOUNT",)}
    if before["GOMP_SPINCOUNT"] is None and os.environ.get("OMP_WAIT_POLICY") is None:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        from numba.np.ufunc.parallel import _launch_threads

        _launch_threads()
    except Exception:  # no threading layer: kernels then say so when they are called
        pass
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


if not DISABLED:
    _prepare()


def compiled(function: Callable[..., Any] | None = None, *, parallel: bool = False, inline: bool = False) -> Any:
    """Compile a function on first use, with the project's flags; ``parallel`` lets ``prange`` use the thread team."""

    def decorate(f: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy", "boundscheck": False}
        if parallel:
            options["parallel"] = True
        if inline:
            options["inline"] = "always"
        try:
            return numba.njit(cache=not inline, **options)(f)
        except RuntimeError:  # nowhere to write: compile in every process
            return numba.njit(**options)(f)

    return decorate if function is None else decorate(function)


def threads() -> int:
    """Threads a parallel kernel uses now."""
    return 1 if DISABLED else numba.get_num_threads()


__all__ = ["DISABLED", "FAST", "cache_folder", "compiled", "threads", "time"]
