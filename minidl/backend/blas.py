"""How many threads the matrix products of NumPy's BLAS use, asked and told through the library's own functions.

NumPy has no function for it. Its wheels bring OpenBLAS along under a name of their own; other builds of NumPy have loaded one
from the system. Libraries that are not OpenBLAS are left alone.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")
_NAMES = (
    "scipy_openblas_{}_num_threads64_",  # in NumPy's wheels
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)


def threads() -> int | None:
    """How many it uses; None where that cannot be found out.

    >>> threads() is None or threads() >= 1
    True
    """
    functions = _functions()
    return None if functions is None else int(functions[0]())


def set_threads(number: int) -> bool:
    """Let it use ``number`` threads from now on; whether it could be told."""
    functions = _functions()
    if functions is None:
        return False
    functions[1](number)
    return True


@cache
def _functions() -> tuple[Any, Any] | None:
    """What asks and what tells the OpenBLAS that NumPy uses; None where there is none."""
    for path in (*_bundled(), *_loaded()):
        with suppress(OSError):
            library = ctypes.CDLL(path)  # NumPy has loaded it: this is the same one
            for name in _NAMES:
                ask, tell = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
                if ask is not None and tell is not None:
                    ask.restype, ask.argtypes = ctypes.c_int, []
                    tell.restype, tell.argtypes = None, [ctypes.c_int]
                    return ask, tell
    return None


def _bundled() -> list[str]:
    """OpenBLAS in NumPy's wheel: beside the package (Linux, Windows) or inside it (macOS)."""
    package = os.path.dirname(np.__file__)
    found: list[str] = []
    for folder in (os.path.join(os.path.dirname(package), "numpy.libs"), os.path.join(package, ".dylibs")):
        with suppress(OSError):
            found += [os.path.join(folder, name) for name in os.listdir(folder) if "openblas" in name]
    return sorted(found)


def _loaded() -> list[str]:
    """OpenBLAS among the libraries of this process, where the system lists them."""
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
        return list(dict.fromkeys(line.split(maxsplit=5)[5].strip() for line in lines if "openblas" in line.rpartition("/")[2]))
    return []
