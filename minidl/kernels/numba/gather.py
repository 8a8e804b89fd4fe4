"""Rows by index, made floating on their way: bytes are read as bytes and written once."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import CACHE_LINE, new_run
from minidl.kernels.numba._vector import prefetch

CHUNK = 1 << 15  # numbers of one task, about
AHEAD = 1  # rows lie anywhere, so that the next one is fetched while one is copied
SMALL = 1 << 14  # numbers below which NumPy is as quick, and nothing need be compiled for a type of targets


def gather(x: Any, indices: Any, dtype: Any) -> Any:
    """Kernel of ``ops.gather.gather``, from bytes or from the type wanted; the reference takes indices out of range."""
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
    if dtype not in FLOATS or x.dtype not in (np.uint8, dtype) or indices.dtype != np.int64 or indices.ndim != 1:
        return NotImplemented
    if not x.ndim or not x.size:
        return NotImplemented
    y = CPU.pool.empty((len(indices), *x.shape[1:]), dtype)
    tasks = min(-(-y.size // CHUNK), len(indices))
    there, finite = _on_threads(x.reshape(-1), indices, y.reshape(-1), len(x), width, tasks)
    return (y, np.array(finite)) if there else NotImplemented


@inner
def _share(first, last, x, indices, y, found, wrong, n, width):  # type: ignore[no-untyped-def]
    for task in range(first, last):
        found[task], wrong[task] = True, 0
        for i in range(task * len(indices) // len(found), (task + 1) * len(indices) // len(found)):
            index = indices[i] if indices[i] >= 0 else indices[i] + n
            if index < 0 or index >= n:
                found[task] = False
                break
            ahead = indices[min(i + AHEAD, len(indices) - 1)] * width  # of a row that comes soon; it need not exist
            for j in range(0, width, CACHE_LINE // x.itemsize):
                prefetch(x, ahead + j)
            source, target = x[index * width : (index + 1) * width], y[i * width : (i + 1) * width]
            not_finite = 0
            for j in range(len(target)):
                target[j] = source[j]
                not_finite += 0 if abs(target[j]) < np.inf else 1
            wrong[task] += not_finite


@compiled
def _on_threads(x, indices, y, n, width, tasks):  # type: ignore[no-untyped-def]
    found, wrong = new_run(tasks, np.bool_), new_run(tasks, np.int64)
    in_parallel(_share, tasks, (x, indices, y, found, wrong, n, width))
    there, finite = True, True
    for task in range(tasks):
        there, finite = there and found[task], finite and wrong[task] == 0
    return there, finite
