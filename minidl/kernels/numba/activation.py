"""ReLU, sigmoid and the gradients of both and of tanh in one pass over memory; NumPy's tanh is as fast.

Each share is cut out of the arrays first and then counted from 0: only an index that cannot be negative (which in Python
counts from the end) lets the compiler use vectors. NumPy is as quick with short rules on few numbers, and with
exponentials in double precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._vector import LANES, absolute, exp, load, store, where

CHUNK = 1 << 15  # elements of one task
SMALL = CHUNK  # elements below which NumPy's gradients are as quick


def relu(x: Any) -> Any:
    """Twin of ``ops.activation.relu``, on flat arrays."""
    if x.dtype not in FLOATS:
        return NotImplemented
    return _forwards(_relu_on_threads, x)


def relu_grad(dy: Any, y: Any) -> Any:
    """Twin of ``ops.activation.relu_grad``, on flat arrays."""
    return _backwards(_relu_grad_on_threads, dy, y)


def sigmoid(x: Any) -> Any:
    """Twin of ``ops.activation.sigmoid``, on flat arrays in single precision."""
    return _forwards(_sigmoid_on_threads, x) if x.dtype == np.float32 else NotImplemented


def sigmoid_grad(dy: Any, y: Any) -> Any:
    """Twin of ``ops.activation.sigmoid_grad``, on flat arrays."""
    return NotImplemented if y.size < SMALL else _backwards(_sigmoid_grad_on_threads, dy, y)


def tanh_grad(dy: Any, y: Any) -> Any:
    """Twin of ``ops.activation.tanh_grad``, on flat arrays."""
    return NotImplemented if y.size < SMALL else _backwards(_tanh_grad_on_threads, dy, y)


def _forwards(kernel: Any, x: Any) -> Any:
    x, y = CPU.contiguous(x), CPU.pool.empty(x.shape, x.dtype)  # flat arrays may still have steps
    kernel(x, y)
    return y


def _backwards(kernel: Any, dy: Any, y: Any) -> Any:
    if dy.dtype not in FLOATS or dy.dtype != y.dtype or dy.shape != y.shape:
        return NotImplemented
    dy, y, dx = CPU.contiguous(dy), CPU.contiguous(y), CPU.pool.empty(dy.shape, dy.dtype)
    kernel(dy, y, dx)
    return dx


@inner
def _relu_share(first, last, x, y):  # type: ignore[no-untyped-def]
    x, y = x[first * CHUNK : last * CHUNK], y[first * CHUNK : last * CHUNK]
    for i in range(len(x)):
        y[i] = 0 if x[i] < 0 else x[i]  # NaN is not below zero


@compiled
def _relu_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_relu_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@inner
def _relu_grad_share(first, last, dy, y, dx):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    for i in range(len(y)):
        dx[i] = dy[i] if y[i] > 0 else 0


@compiled
def _relu_grad_on_threads(dy, y, dx):  # type: ignore[no-untyped-def]
    in_parallel(_relu_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx))


@inner
def _sigmoid_share(first, last, x, y):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        e = exp(0 - absolute(v))
        r = 1 / (1 + e)
        store(y, at, end - at, where(v < 0, e * r, r))


@compiled
def _sigmoid_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_sigmoid_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@inner
def _sigmoid_grad_share(first, last, dy, y, dx):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    one = y.dtype.type(1)  # an integer beside single precision would make double
    for i in range(len(y)):
        dx[i] = dy[i] * y[i] * (one - y[i])


@compiled
def _sigmoid_grad_on_threads(dy, y, dx):  # type: ignore[no-untyped-def]
    in_parallel(_sigmoid_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx))


@inner
def _tanh_grad_share(first, last, dy, y, dx):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    one = y.dtype.type(1)
    for i in range(len(y)):
        dx[i] = dy[i] * (one - y[i] * y[i])


@compiled
def _tanh_grad_on_threads(dy, y, dx):  # type: ignore[no-untyped-def]
    in_parallel(_tanh_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx))
