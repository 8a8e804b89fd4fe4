"""The optimizers' rules in one pass over all parameters: each number of value, gradient and state is read and written once.

``minidl/backend/table.py`` says what pieces and starts are. The rows of a table may lie anywhere in memory.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from minidl.backend.dispatch import CPU
from minidl.backend.table import ArrayTable, RowTable
from minidl.kernels.numba._flat import column
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel


@replays
def decay(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.decay``."""
    return _run(_decay_on_threads, 1, table, scalars)


@replays
def sgd(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.sgd``; of single rows, too."""
    if isinstance(table, RowTable) and scalars.dtype in FLOATS and len(table.wholes) == 1:
        return _sgd_of_rows(table.first, table.numbers, table.grad, scalars)
    return _run(_sgd_on_threads, 2, table, scalars)


def _sgd_of_rows(value: Any, numbers: Any, grad: Any, scalars: Any) -> Any:
    if any(array.dtype != scalars.dtype or not array.flags.c_contiguous for array in (value, grad)):
        return NotImplemented
    if grad.size:
        tasks = min(-(-grad.size // CPU.task_size), len(numbers))
        _sgd_of_rows_on_threads(value.reshape(-1), numbers, grad.reshape(-1), scalars, grad.shape[1], tasks)
    return None


@replays
def momentum(table: ArrayTable, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Kernel of ``ops.update.momentum``."""
    return _run(_momentum_on_threads, 3, table, scalars, scalars.dtype.type(momentum), nesterov)


@replays
def rmsprop(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop``."""
    number = scalars.dtype.type
    return _run(_rmsprop_on_threads, 3, table, scalars, number(rho), number(1 - rho), number(epsilon))


@replays
def rmsprop_outside(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop_outside``."""
    number = scalars.dtype.type
    return _run(_rmsprop_outside_on_threads, 3, table, scalars, number(rho), number(1 - rho), number(epsilon))


@replays
def rmsprop_momentum(table: ArrayTable, scalars: Any, rho: float, epsilon: float, momentum: float) -> Any:
    """Kernel of ``ops.update.rmsprop_momentum``."""
    number = scalars.dtype.type
    constants = (number(rho), number(1 - rho), number(epsilon), number(momentum))
    return _run(_rmsprop_momentum_on_threads, 4, table, scalars, *constants)


@replays
def rmsprop_centered(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop_centered``."""
    number = scalars.dtype.type
    return _run(_rmsprop_centered_on_threads, 4, table, scalars, number(rho), number(1 - rho), number(epsilon))


@replays
def rmsprop_centered_momentum(table: ArrayTable, scalars: Any, rho: float, epsilon: float, momentum: float) -> Any:
    """Kernel of ``ops.update.rmsprop_centered_momentum``."""
    number = scalars.dtype.type
    constants = (number(rho), number(1 - rho), number(epsilon), number(momentum))
    return _run(_rmsprop_centered_momentum_on_threads, 5, table, scalars, *constants)


@replays
def adam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adam``."""
    number = scalars.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(1 - beta_2), number(epsilon))
    return _run(_adam_on_threads, 4, table, scalars, *constants)


@replays
def amsgrad(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.amsgrad``."""
    number = scalars.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(1 - beta_2), number(epsilon))
    return _run(_amsgrad_on_threads, 5, table, scalars, *constants)


@replays
def adamax(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adamax``."""
    number = scalars.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(epsilon))
    return _run(_adamax_on_threads, 4, table, scalars, *constants)


@replays
def nadam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.nadam``."""
    number = scalars.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(1 - beta_2), number(epsilon))
    return _run(_nadam_on_threads, 4, table, scalars, *constants, count=4)


@replays
def adagrad(table: ArrayTable, scalars: Any, epsilon: float) -> Any:
    """Kernel of ``ops.update.adagrad``."""
    return _run(_adagrad_on_threads, 3, table, scalars, scalars.dtype.type(epsilon))


@replays
def adagrad_outside(table: ArrayTable, scalars: Any, epsilon: float) -> Any:
    """Kernel of ``ops.update.adagrad_outside``."""
    return _run(_adagrad_outside_on_threads, 3, table, scalars, scalars.dtype.type(epsilon))


@replays
def adadelta(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adadelta``."""
    number = scalars.dtype.type
    return _run(_adadelta_on_threads, 4, table, scalars, number(rho), number(1 - rho), number(epsilon))


def _run(kernel: Any, columns: int, table: ArrayTable, scalars: Any, *constants: Any, count: int = 1) -> Any:
    """float32 and float64 are taken; anything else is declined, and so is a table that a kernel would misread."""
    if scalars.dtype not in FLOATS or table.first.dtype != scalars.dtype:
        return NotImplemented
    if table.columns != columns or (count > 1 and len(scalars) < count):
        return NotImplemented
    kernel(table.pieces, table.starts, scalars, *constants)
    return None


@inner
def _decay_share(first, last, pieces, starts, scalars):  # type: ignore[no-untyped-def]
    decay = scalars[0]
    for piece in range(starts[first], starts[last]):
        value = column(pieces, piece, 0, scalars)
        for i in range(len(value)):
            value[i] -= decay * value[i]


@compiled
def _decay_on_threads(pieces, starts, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_decay_share, len(starts) - 1, (pieces, starts, scalars))


@inner
def _sgd_share(first, last, pieces, starts, scalars):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        for i in range(len(value)):
            value[i] -= rate * grad[i]


@compiled
def _sgd_on_threads(pieces, starts, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_sgd_share, len(starts) - 1, (pieces, starts, scalars))


@inner
def _sgd_of_rows_share(first, last, value, numbers, grad, scalars, units, tasks):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for k in range(first * len(numbers) // tasks, last * len(numbers) // tasks):
        row, of_row = value[numbers[k] * units : (numbers[k] + 1) * units], grad[k * units : (k + 1) * units]
        for i in range(len(row)):
            row[i] -= rate * of_row[i]


@compiled
def _sgd_of_rows_on_threads(value, numbers, grad, scalars, units, tasks):  # type: ignore[no-untyped-def]
    in_parallel(_sgd_of_rows_share, tasks, (value, numbers, grad, scalars, units, tasks))


@inner
def _momentum_share(first, last, pieces, starts, scalars, m, nesterov):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        velocity = column(pieces, piece, 2, scalars)
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
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square = column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            square[i] = s
            value[i] -= rate * grad[i] / sqrt(s + epsilon)


@compiled
def _rmsprop_on_threads(pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon))


@inner
def _rmsprop_outside_share(first, last, pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square = column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            square[i] = s
            value[i] -= rate * grad[i] / (sqrt(s) + epsilon)


@compiled
def _rmsprop_outside_on_threads(pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_outside_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon))


@inner
def _rmsprop_momentum_share(first, last, pieces, starts, scalars, rho, rest, epsilon, m):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square, velocity = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            v = m * velocity[i] + rate * grad[i] / sqrt(s + epsilon)
            square[i], velocity[i] = s, v
            value[i] -= v


@compiled
def _rmsprop_momentum_on_threads(pieces, starts, scalars, rho, rest, epsilon, m):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_momentum_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon, m))


@inner
def _rmsprop_centered_share(first, last, pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    rate, none = scalars[0], scalars[0] * 0
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square, mean = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            a = rho * mean[i] + rest * grad[i]
            square[i], mean[i] = s, a
            variance = s - a * a
            value[i] -= rate * grad[i] / sqrt((none if variance < 0 else variance) + epsilon)


@compiled
def _rmsprop_centered_on_threads(pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_centered_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon))


@inner
def _rmsprop_centered_momentum_share(first, last, pieces, starts, scalars, rho, rest, epsilon, m):  # type: ignore[no-untyped-def]
    rate, none = scalars[0], scalars[0] * 0
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square, mean = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        velocity = column(pieces, piece, 4, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            a = rho * mean[i] + rest * grad[i]
            variance = s - a * a
            v = m * velocity[i] + rate * grad[i] / sqrt((none if variance < 0 else variance) + epsilon)
            square[i], mean[i], velocity[i] = s, a, v
            value[i] -= v


@compiled
def _rmsprop_centered_momentum_on_threads(pieces, starts, scalars, rho, rest, epsilon, m):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_centered_momentum_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon, m))


@inner
def _adam_share(first, last, pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        mean, square = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            a = b1 * mean[i] + rest_1 * grad[i]
            s = b2 * square[i] + rest_2 * (grad[i] * grad[i])
            mean[i], square[i] = a, s
            value[i] -= rate * a / (sqrt(s) + epsilon)


@compiled
def _adam_on_threads(pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adam_share, len(starts) - 1, (pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon))


@inner
def _amsgrad_share(first, last, pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        mean, square = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        largest = column(pieces, piece, 4, scalars)
        for i in range(len(value)):
            a = b1 * mean[i] + rest_1 * grad[i]
            s = b2 * square[i] + rest_2 * (grad[i] * grad[i])
            h = s if s > largest[i] or s != s else largest[i]  # NaN is passed on
            mean[i], square[i], largest[i] = a, s, h
            value[i] -= rate * a / (sqrt(h) + epsilon)


@compiled
def _amsgrad_on_threads(pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_amsgrad_share, len(starts) - 1, (pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon))


@inner
def _adamax_share(first, last, pieces, starts, scalars, b1, rest_1, b2, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        mean, largest = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            a = b1 * mean[i] + rest_1 * grad[i]
            size, before = abs(grad[i]), b2 * largest[i]
            u = size if size > before or size != size else before  # NaN is passed on
            mean[i], largest[i] = a, u
            value[i] -= rate * a / (u + epsilon)


@compiled
def _adamax_on_threads(pieces, starts, scalars, b1, rest_1, b2, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adamax_share, len(starts) - 1, (pieces, starts, scalars, b1, rest_1, b2, epsilon))


@inner
def _nadam_share(first, last, pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    rate, of_mean, of_grad, of_square = scalars[0], scalars[1], scalars[2], scalars[3]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        mean, square = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            a = b1 * mean[i] + rest_1 * grad[i]
            s = b2 * square[i] + rest_2 * (grad[i] * grad[i])
            mean[i], square[i] = a, s
            value[i] -= rate * (of_mean * a + of_grad * grad[i]) / (sqrt(of_square * s) + epsilon)


@compiled
def _nadam_on_threads(pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_nadam_share, len(starts) - 1, (pieces, starts, scalars, b1, rest_1, b2, rest_2, epsilon))


@inner
def _adagrad_share(first, last, pieces, starts, scalars, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square_sum = column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            s = square_sum[i] + grad[i] * grad[i]
            square_sum[i] = s
            value[i] -= rate * grad[i] / sqrt(s + epsilon)


@compiled
def _adagrad_on_threads(pieces, starts, scalars, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adagrad_share, len(starts) - 1, (pieces, starts, scalars, epsilon))


@inner
def _adagrad_outside_share(first, last, pieces, starts, scalars, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square_sum = column(pieces, piece, 2, scalars)
        for i in range(len(value)):
            s = square_sum[i] + grad[i] * grad[i]
            square_sum[i] = s
            value[i] -= rate * grad[i] / (sqrt(s) + epsilon)


@compiled
def _adagrad_outside_on_threads(pieces, starts, scalars, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adagrad_outside_share, len(starts) - 1, (pieces, starts, scalars, epsilon))


@inner
def _adadelta_share(first, last, pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    for piece in range(starts[first], starts[last]):
        value, grad = column(pieces, piece, 0, scalars), column(pieces, piece, 1, scalars)
        square, step_square = column(pieces, piece, 2, scalars), column(pieces, piece, 3, scalars)
        for i in range(len(value)):
            s = rho * square[i] + rest * (grad[i] * grad[i])
            step = grad[i] * (sqrt(step_square[i] + epsilon) / sqrt(s + epsilon))
            square[i], step_square[i] = s, rho * step_square[i] + rest * (step * step)
            value[i] -= rate * step


@compiled
def _adadelta_on_threads(pieces, starts, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_adadelta_share, len(starts) - 1, (pieces, starts, scalars, rho, rest, epsilon))
