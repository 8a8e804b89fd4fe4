"""The optimizers' rules in one pass over all parameters: each number of value, gradient and state is read and written once.

``minidl/backend/table.py`` says what pieces and starts are. The rows of a table may lie anywhere in memory.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from minidl.backend.table import ArrayTable
from minidl.kernels.numba._flat import flat_array
from minidl.kernels.numba._jit import FLOATS, compiled, inner
from minidl.kernels.numba._parallel import in_parallel


def sgd(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.sgd``."""
    return _run(_sgd_on_threads, table, scalars)


def momentum(table: ArrayTable, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Kernel of ``ops.update.momentum``."""
    return _run(_momentum_on_threads, table, scalars, scalars.dtype.type(momentum), nesterov)


def rmsprop(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop``."""
    number = scalars.dtype.type
    return _run(_rmsprop_on_threads, table, scalars, number(rho), number(1 - rho), number(epsilon))


def adam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adam``."""
    number = scalars.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(1 - beta_2), number(epsilon))
    return _run(_adam_on_threads, table, scalars, *constants)


def _run(kernel: Any, table: ArrayTable, scalars: Any, *constants: Any) -> Any:
    """float32 and float64 are taken; anything else is declined."""
    if scalars.dtype not in FLOATS or table.first.dtype != scalars.dtype:
        return NotImplemented
    kernel(table.pieces, table.starts, scalars, *constants)
    return None


@inner
def _column(pieces, piece, column, like):  # type: ignore[no-untyped-def]
    """One array of a piece, of the dtype of ``like``."""
    return flat_array(pieces[piece, column], pieces[piece, pieces.shape[1] - 1], like)


@inner
def _sgd_share(first, last, pieces, starts, scalars):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = _column(pieces, piece, 0, scalars), _column(pieces, piece, 1, scalars)
        for i in range(len(value)):
            value[i] -= rate * grad[i]


@compiled
def _sgd_on_threads(pieces, starts, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_sgd_share, len(starts) - 1, (pieces, starts, scalars))


@inner
def _momentum_share(first, last, pieces, starts, scalars, m, nesterov):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = _column(pieces, piece, 0, scalars), _column(pieces, piece, 1, scalars)
        velocity = _column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            step = rate * grad[i]
            v = velocity[i] * m - step
            velocity[i] = v
            value[i] += m * v - step if nesterov else v


@compiled
def _momentum_on_threads(pieces, starts, scalars, m, nesterov):  # type: ignore[no-untyped-def]
    in_parallel(_momentum_share, len(starts) - 1, (pieces, starts, scalars, m, nesterov))


@inner
def _rmsprop_share(first, last, pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = _column(pieces, piece, 0, scalars), _column(pieces, piece, 1, scalars)
        square = _column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            square[i] = s
            value[i] -= rate * grad[i] / sqrt(s + epsilon)


@compiled
def _rmsprop_on_threads(pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon))


@inner
def _adam_share(first, last, pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = _column(pieces, piece, 0, scalars), _column(pieces, piece, 1, scalars)
        mean, square = _column(pieces, piece, 2, scalars), _column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            a = b1 * mean[i] + rest_1 * grad[i]
            s = b2 * square[i] + rest_2 * (grad[i] * grad[i])
            mean[i], square[i] = a, s
            value[i] -= rate * a / (sqrt(s) + epsilon)


@compiled
def _adam_on_threads(pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adam_share, len(starts) - 1, (pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon))
