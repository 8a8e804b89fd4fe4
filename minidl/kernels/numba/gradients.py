"""Penalties and clipping in one pass over the gradients of all parameters; ``backend/table.py`` says what the table holds."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from minidl.backend.table import ArrayTable
from minidl.kernels.numba._flat import column
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel


@replays
def penalize(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.penalize``."""
    if table.first.dtype not in FLOATS or scalars.dtype != table.first.dtype:
        return NotImplemented
    if len(scalars) < 2 or table.columns != 2:
        return NotImplemented
    _penalize_on_threads(table.pieces, table.starts, scalars)
    return None


@replays
def clip(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.clip``."""
    if table.first.dtype not in FLOATS or scalars.dtype != table.first.dtype or table.columns != 1:
        return NotImplemented
    _clip_on_threads(table.pieces, table.starts, scalars)
    return None


@replays
def add_squares(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.add_squares``: a sum for each task, added in their order whatever the number of threads."""
    if not _of_gradients(table, scalars):
        return NotImplemented
    sums = np.empty(table.tasks)
    _squares_on_threads(table.pieces, table.starts, table.first[:0], sums, scalars)
    return None


@replays
def scale(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.scale``: a factor of 1 writes nothing."""
    if not _of_gradients(table, scalars):
        return NotImplemented
    _scale_on_threads(table.pieces, table.starts, table.first[:0], scalars)
    return None


@replays
def factor_within(total: Any, limit: float) -> Any:
    """Kernel of ``ops.gradients.factor_within``."""
    if total.dtype != np.float64 or total.shape != (1,):
        return NotImplemented
    factor = np.empty(1)
    _factor(total, float(limit), factor)
    return factor


def _of_gradients(table: ArrayTable, scalars: Any) -> bool:
    return table.first.dtype in FLOATS and scalars.dtype == np.float64 and table.columns == 1


@inner
def _penalize_share(first, last, pieces, starts, scalars):  # type: ignore[no-untyped-def]
    l1, twice_l2 = scalars[0], scalars[1]
    one, none = scalars.dtype.type(1), scalars.dtype.type(0)
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        for i in range(len(value)):
            w = value[i]
            sign = (one if w > 0 else none) - (one if w < 0 else none)
            grad[i] += l1 * sign + twice_l2 * w  # of NaN it is NaN by the second product


@compiled
def _penalize_on_threads(pieces, starts, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_penalize_share, len(starts) - 1, (pieces, starts, scalars))


@inner
def _clip_share(first, last, pieces, starts, scalars):  # type: ignore[no-untyped-def]
    limit = scalars[0]
    for piece in range(starts[first], starts[last]):
        grad = column(pieces, piece, 0, scalars)
        for i in range(len(grad)):
            g = grad[i]
            if abs(g) > limit and abs(g) < np.inf:  # NaN and infinity pass through
                grad[i] = limit if g > 0 else -limit


@compiled
def _clip_on_threads(pieces, starts, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_clip_share, len(starts) - 1, (pieces, starts, scalars))


@inner
def _squares_share(first, last, pieces, starts, like, sums):  # type: ignore[no-untyped-def]
    for task in range(first, last):
        total = 0.0
        for piece in range(starts[task], starts[task + 1]):
            grad = column(pieces, piece, 0, like)
            for i in range(len(grad)):
                wide = np.float64(grad[i])
                total += wide * wide
        sums[task] = total


@compiled
def _squares_on_threads(pieces, starts, like, sums, total):  # type: ignore[no-untyped-def]
    in_parallel(_squares_share, len(starts) - 1, (pieces, starts, like, sums))
    for task in range(len(sums)):
        total[0] += sums[task]


@compiled
def _factor(total, limit, factor):  # type: ignore[no-untyped-def]
    norm = sqrt(total[0])
    factor[0] = limit / max(norm, limit) if norm < np.inf else np.nan


@inner
def _scale_share(first, last, pieces, starts, like, scalars):  # type: ignore[no-untyped-def]
    factor = scalars[0]
    if factor == 1:
        return
    for piece in range(starts[first], starts[last]):
        grad = column(pieces, piece, 0, like)
        for i in range(len(grad)):
            grad[i] = grad[i] * factor


@compiled
def _scale_on_threads(pieces, starts, like, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_scale_share, len(starts) - 1, (pieces, starts, like, scalars))
