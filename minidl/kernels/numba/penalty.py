"""L1 and L2 penalties of all parameters in one pass; ``backend/table.py`` says what the table holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.table import ArrayTable
from minidl.kernels.numba._flat import column
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel


@replays
def add_penalty(table: ArrayTable, scalars: Any, total: Any) -> Any:
    """Kernel of ``ops.penalty.add_penalty``: a sum for each task, added in their order whatever the number of threads."""
    if table.first.dtype not in FLOATS or table.columns != 1 or len(scalars) != 2 or not total.flags.carray:
        return NotImplemented
    if not scalars.dtype == total.dtype == np.float64 or total.size != 1:
        return NotImplemented
    sums = np.empty(table.tasks)
    _penalty_on_threads(table.pieces, table.starts, table.first[:0], scalars, sums, total.reshape(-1))
    return None


@replays
def with_penalty(loss: Any, total: Any) -> Any:
    """Kernel of ``ops.penalty.with_penalty``."""
    if loss.dtype not in FLOATS or total.dtype != np.float64 or loss.shape != total.shape or loss.size != 1:
        return NotImplemented
    found = np.empty(loss.shape, np.float64)
    _sum(loss.reshape(-1), total.reshape(-1), found.reshape(-1))
    return found


@inner
def _penalty_share(first, last, pieces, starts, like, scalars, sums):  # type: ignore[no-untyped-def]
    l1, l2 = scalars[0], scalars[1]
    for task in range(first, last):
        magnitudes, squares = 0.0, 0.0
        for piece in range(starts[task], starts[task + 1]):
            value = column(pieces, piece, 0, like)
            for i in range(len(value)):
                wide = np.float64(value[i])
                magnitudes += abs(wide)
                squares += wide * wide
        sums[task] = (l1 * magnitudes if l1 else 0.0) + (l2 * squares if l2 else 0.0)  # no part of a sum that is infinite


@compiled
def _penalty_on_threads(pieces, starts, like, scalars, sums, total):  # type: ignore[no-untyped-def]
    in_parallel(_penalty_share, len(starts) - 1, (pieces, starts, like, scalars, sums))
    for task in range(len(sums)):
        total[0] += sums[task]


@compiled
def _sum(loss, total, found):  # type: ignore[no-untyped-def]
    found[0] = np.float64(loss[0]) + total[0]
