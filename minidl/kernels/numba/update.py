"""The optimizers' rules in one pass: each number of value, gradient and state is read and written once.

Each share is cut out of the arrays first and then counted from 0: only an index that cannot be negative (which in Python
counts from the end) lets the compiler use vectors.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from minidl.kernels.numba._jit import FLOATS, compiled, inner
from minidl.kernels.numba._parallel import in_parallel

CHUNK = 1 << 15  # elements of one task


def sgd(value: Any, grad: Any, scalars: Any) -> Any:
    """Twin of ``ops.update.sgd``."""
    return _run(_sgd_on_threads, value, scalars, (value, grad, scalars))


def momentum(value: Any, grad: Any, velocity: Any, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Twin of ``ops.update.momentum``."""
    m = value.dtype.type(momentum)
    return _run(_momentum_on_threads, value, scalars, (value, grad, velocity, scalars, m, nesterov))


def rmsprop(value: Any, grad: Any, square: Any, scalars: Any, rho: float, epsilon: float) -> Any:
    """Twin of ``ops.update.rmsprop``."""
    number = value.dtype.type
    constants = (number(rho), number(1 - rho), number(epsilon))
    return _run(_rmsprop_on_threads, value, scalars, (value, grad, square, scalars, *constants))


def adam(value: Any, grad: Any, mean: Any, square: Any, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Twin of ``ops.update.adam``."""
    number = value.dtype.type
    constants = (number(beta_1), number(1 - beta_1), number(beta_2), number(1 - beta_2), number(epsilon))
    return _run(_adam_on_threads, value, scalars, (value, grad, mean, square, scalars, *constants))


def _run(kernel: Any, value: Any, scalars: Any, arguments: tuple[Any, ...]) -> Any:
    """Flat arrays of one float type are taken; anything else is declined."""
    arrays = [a for a in arguments if getattr(a, "ndim", 0) and a is not scalars]
    if value.ndim != 1 or value.dtype not in FLOATS or scalars.dtype != value.dtype:
        return NotImplemented
    if any(a.shape != value.shape or a.dtype != value.dtype for a in arrays):
        return NotImplemented
    kernel(*arguments)
    return None


@inner
def _sgd_share(first, last, value, grad, scalars):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    begin, end = first * CHUNK, last * CHUNK
    value, grad = value[begin:end], grad[begin:end]
    for i in range(len(value)):
        value[i] -= rate * grad[i]


@compiled
def _sgd_on_threads(value, grad, scalars):  # type: ignore[no-untyped-def]
    in_parallel(_sgd_share, (len(value) + CHUNK - 1) // CHUNK, (value, grad, scalars))


@inner
def _momentum_share(first, last, value, grad, velocity, scalars, m, nesterov):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    begin, end = first * CHUNK, last * CHUNK
    value, grad, velocity = value[begin:end], grad[begin:end], velocity[begin:end]
    for i in range(len(value)):
        step = rate * grad[i]
        v = velocity[i] * m - step
        velocity[i] = v
        value[i] += m * v - step if nesterov else v


@compiled
def _momentum_on_threads(value, grad, velocity, scalars, m, nesterov):  # type: ignore[no-untyped-def]
    in_parallel(_momentum_share, (len(value) + CHUNK - 1) // CHUNK, (value, grad, velocity, scalars, m, nesterov))


@inner
def _rmsprop_share(first, last, value, grad, square, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    begin, end = first * CHUNK, last * CHUNK
    value, grad, square = value[begin:end], grad[begin:end], square[begin:end]
    for i in range(len(value)):
        s = rho * square[i] + rest * (grad[i] * grad[i])
        square[i] = s
        value[i] -= rate * grad[i] / sqrt(s + epsilon)


@compiled
def _rmsprop_on_threads(value, grad, square, scalars, rho, rest, epsilon):  # type: ignore[no-untyped-def]
    in_parallel(_rmsprop_share, (len(value) + CHUNK - 1) // CHUNK, (value, grad, square, scalars, rho, rest, epsilon))


@inner
def _adam_share(first, last, value, grad, mean, square, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    rate = scalars[0]
    begin, end = first * CHUNK, last * CHUNK
    value, grad, mean, square = value[begin:end], grad[begin:end], mean[begin:end], square[begin:end]
    for i in range(len(value)):
        a = b1 * mean[i] + rest_1 * grad[i]
        s = b2 * square[i] + rest_2 * (grad[i] * grad[i])
        mean[i], square[i] = a, s
        value[i] -= rate * a / (sqrt(s) + epsilon)


@compiled
def _adam_on_threads(value, grad, mean, square, scalars, b1, rest_1, b2, rest_2, epsilon):  # type: ignore[no-untyped-def]
    arguments = (value, grad, mean, square, scalars, b1, rest_1, b2, rest_2, epsilon)
    in_parallel(_adam_share, (len(value) + CHUNK - 1) // CHUNK, arguments)
