"""Rows by index, made floating on their way: bytes are read as bytes and written once."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS
from minidl.kernels.numba._rows import arguments_of, take_rows

SMALL = 1 << 14  # numbers below which NumPy is as quick, and nothing need be compiled for a type of targets


def gather(x: Any, indices: Any, dtype: Any) -> Any:
    """Kernel of ``ops.gather.gather``, from bytes or floating numbers; the reference takes indices out of range."""
    found = _gather(x, indices, dtype)
    return found[0] if isinstance(found, tuple) else found


def gather_and_look(x: Any, indices: Any, dtype: Any) -> Any:
    """Kernel of ``ops.gather.gather_and_look``."""
    found = _gather(x, indices, dtype)
    return found if isinstance(found, tuple) else NotImplemented


def _gather(x: Any, indices: Any, dtype: Any) -> Any:
    """The rows, and whether all are finite; rows alone of which nobody knows; or NotImplemented."""
    dtype, width = np.dtype(dtype), prod(x.shape[1:])
    if not isinstance(indices, np.ndarray):
        return NotImplemented
    if indices.size * width < SMALL:
        return x[indices] if x.dtype == dtype else NotImplemented
    if dtype not in FLOATS or x.dtype not in (np.uint8, *FLOATS) or indices.dtype != np.int64 or indices.ndim != 1:
        return NotImplemented
    if not x.ndim or not x.size:
        return NotImplemented
    y, outcome = CPU.pool.empty((len(indices), *x.shape[1:]), dtype), np.empty(2, np.bool_)
    take_rows(*arguments_of(x, indices, y, outcome))
    return (y, outcome[1, ...]) if outcome[0] else NotImplemented
