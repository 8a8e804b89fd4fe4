"""ReLU in one pass over memory; the other activations are bound by their exponentials, which NumPy computes in vectors.

Each share is cut out of the arrays first and then counted from 0: only an index that cannot be negative (which in Python
counts from the end) lets the compiler use vectors.
"""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled
from minidl.kernels.numba._parallel import in_parallel

CHUNK = 1 << 15  # elements of one task


def relu(x: Any) -> Any:
    """Twin of ``ops.activation.relu``, on flat arrays."""
    if x.dtype not in FLOATS:
        return NotImplemented
    y = CPU.pool.empty(x.shape, x.dtype)
    if x.size <= CHUNK:
        _relu_share(0, 1, x, y)
    else:
        _relu_on_threads(x, y)
    return y


def relu_grad(dy: Any, y: Any) -> Any:
    """Twin of ``ops.activation.relu_grad``, on flat arrays."""
    if dy.dtype not in FLOATS or dy.dtype != y.dtype or dy.shape != y.shape:
        return NotImplemented
    dx = CPU.pool.empty(dy.shape, dy.dtype)
    if dy.size <= CHUNK:
        _relu_grad_share(0, 1, dy, y, dx)
    else:
        _relu_grad_on_threads(dy, y, dx)
    return dx


@compiled
def _relu_share(first, last, x, y):  # type: ignore[no-untyped-def]
    x, y = x[first * CHUNK : last * CHUNK], y[first * CHUNK : last * CHUNK]
    for i in range(len(x)):
        y[i] = 0 if x[i] < 0 else x[i]  # NaN is not below zero


@compiled
def _relu_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_relu_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@compiled
def _relu_grad_share(first, last, dy, y, dx):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    for i in range(len(y)):
        dx[i] = dy[i] if y[i] > 0 else 0


@compiled
def _relu_grad_on_threads(dy, y, dx):  # type: ignore[no-untyped-def]
    in_parallel(_relu_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx))
