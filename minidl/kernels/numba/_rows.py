"""Rows of an array by index, written side by side."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import CACHE_LINE, new_run
from minidl.kernels.numba._vector import prefetch

CHUNK = 1 << 15  # numbers of one task, about
AHEAD = 1  # rows lie anywhere, so that the next one is fetched while one is copied


def arguments_of(x: np.ndarray, indices: np.ndarray, y: np.ndarray, outcome: np.ndarray) -> tuple[Any, ...]:
    """Those of ``take_rows`` for rows of x that are written to y."""
    width = prod(x.shape[1:])
    return x.reshape(-1), indices, y.reshape(-1), outcome, len(x), width, min(-(-y.size // CHUNK), len(indices))


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
def take_rows(x, indices, y, outcome, n, width, tasks):  # type: ignore[no-untyped-def]
    """``outcome``: whether all rows are there, and whether all their numbers are finite."""
    found, wrong = new_run(tasks, np.bool_), new_run(tasks, np.int64)
    in_parallel(_share, tasks, (x, indices, y, found, wrong, n, width))
    outcome[0], outcome[1] = True, True
    for task in range(tasks):
        outcome[0] &= found[task]
        outcome[1] &= wrong[task] == 0
