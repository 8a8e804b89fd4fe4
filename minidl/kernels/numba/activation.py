"""ReLU and its kin, sigmoid and tanh, swish, GELU and mish, with their gradients, in one pass over memory each.

NumPy's exponential and softsign are as fast as a kernel; its tanh is on one thread with AVX-512, and not without.

Each share is cut out of the arrays first and then counted from 0: only an index that cannot be negative (which in Python
counts from the end) lets the compiler use vectors. Exponentials in double precision are left to the references.

``exp`` of vectors gives 0 where the result is not a normal number, which x exp(x) still is at x = -88. So h = exp(-|x| / 2) is
taken, and x h h.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._tanh import tanh_of
from minidl.kernels.numba._vector import LANES, absolute, exp, expm1, load, log1p, store, where

CHUNK = 1 << 15  # elements of one task
DEAR = 1 << 13  # the same for a function that takes long: equal shares for the threads


@replays
def relu(x: Any) -> Any:
    """Kernel of ``ops.activation.relu``, on flat arrays."""
    if x.dtype not in FLOATS:
        return NotImplemented
    return _forwards(_relu_on_threads, x)


@replays
def relu_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.relu_grad``, on flat arrays."""
    return _backwards(_relu_grad_on_threads, dy, y)


@replays
def sigmoid(x: Any) -> Any:
    """Kernel of ``ops.activation.sigmoid``, on flat arrays in single precision."""
    return _forwards(_sigmoid_on_threads, x) if x.dtype == np.float32 else NotImplemented


@replays
def sigmoid_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.sigmoid_grad``, on flat arrays."""
    return _backwards(_sigmoid_grad_on_threads, dy, y)


@replays
def tanh(x: Any) -> Any:
    """Kernel of ``ops.activation.tanh``, on flat arrays in single precision."""
    return _forwards(_tanh_on_threads, x) if x.dtype == np.float32 else NotImplemented


@replays
def tanh_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.tanh_grad``, on flat arrays."""
    return _backwards(_tanh_grad_on_threads, dy, y)


@replays
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Kernel of ``ops.activation.leaky_relu``, on flat arrays."""
    return _forwards(_leaky_on_threads, x, x.dtype.type(negative_slope)) if x.dtype in FLOATS else NotImplemented


@replays
def leaky_relu_grad(dy: Any, y: Any, negative_slope: float = 0.2) -> Any:
    """Kernel of ``ops.activation.leaky_relu_grad``, on flat arrays."""
    return _backwards(_leaky_grad_on_threads, dy, y, y.dtype.type(negative_slope))


@replays
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Kernel of ``ops.activation.elu``, on flat arrays in single precision."""
    return _forwards(_elu_on_threads, x, *_singles(1, alpha)) if x.dtype == np.float32 else NotImplemented


@replays
def elu_grad(dy: Any, y: Any, alpha: float = 1.0) -> Any:
    """Kernel of ``ops.activation.elu_grad``, on flat arrays in single precision."""
    return _backwards(_elu_grad_on_threads, dy, y, *_singles(1, alpha)) if y.dtype == np.float32 else NotImplemented


@replays
def selu(x: Any) -> Any:
    """Kernel of ``ops.activation.selu``, on flat arrays in single precision."""
    return _forwards(_elu_on_threads, x, *_OF_SELU) if x.dtype == np.float32 else NotImplemented


@replays
def selu_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.selu_grad``, on flat arrays in single precision."""
    return _backwards(_elu_grad_on_threads, dy, y, *_OF_SELU) if y.dtype == np.float32 else NotImplemented


@replays
def softplus(x: Any) -> Any:
    """Kernel of ``ops.activation.softplus``, on flat arrays in single precision."""
    return _forwards(_softplus_on_threads, x) if x.dtype == np.float32 else NotImplemented


@replays
def softplus_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.softplus_grad``, on flat arrays in single precision."""
    return _backwards(_softplus_grad_on_threads, dy, y) if y.dtype == np.float32 else NotImplemented


@replays
def swish(x: Any) -> Any:
    """Kernel of ``ops.activation.swish``, on flat arrays in single precision."""
    return _forwards(_swish_on_threads, x) if x.dtype == np.float32 else NotImplemented


@replays
def swish_grad(dy: Any, x: Any) -> Any:
    """Kernel of ``ops.activation.swish_grad``, on flat arrays in single precision."""
    return _backwards(_swish_grad_on_threads, dy, x) if x.dtype == np.float32 else NotImplemented


@replays
def gelu(x: Any, approximate: bool = False) -> Any:
    """Kernel of ``ops.activation.gelu``, on flat arrays in single precision."""
    return _forwards(_gelu_on_threads, x, bool(approximate)) if x.dtype == np.float32 else NotImplemented


@replays
def gelu_grad(dy: Any, x: Any, approximate: bool = False) -> Any:
    """Kernel of ``ops.activation.gelu_grad``, on flat arrays in single precision."""
    return _backwards(_gelu_grad_on_threads, dy, x, bool(approximate)) if x.dtype == np.float32 else NotImplemented


@replays
def mish(x: Any) -> Any:
    """Kernel of ``ops.activation.mish``, on flat arrays in single precision."""
    return _forwards(_mish_on_threads, x) if x.dtype == np.float32 else NotImplemented


@replays
def mish_grad(dy: Any, x: Any) -> Any:
    """Kernel of ``ops.activation.mish_grad``, on flat arrays in single precision."""
    return _backwards(_mish_grad_on_threads, dy, x) if x.dtype == np.float32 else NotImplemented


def _forwards(kernel: Any, x: Any, *options: Any) -> Any:
    x, y = CPU.contiguous(x), CPU.pool.empty(x.shape, x.dtype)  # flat arrays may still have steps
    kernel(x, y, *options)
    return y


def _backwards(kernel: Any, dy: Any, y: Any, *options: Any) -> Any:
    if dy.dtype not in FLOATS or dy.dtype != y.dtype or dy.shape != y.shape:
        return NotImplemented
    dy, y, dx = CPU.contiguous(dy), CPU.contiguous(y), CPU.pool.empty(dy.shape, dy.dtype)
    kernel(dy, y, dx, *options)
    return dx


def _singles(*numbers: float) -> tuple[np.float32, ...]:
    return tuple(map(np.float32, numbers))


_OF_SELU = _singles(1.0507009873554805, 1.0507009873554805 * 1.6732632423543772)  # of ops/activation.py


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
def _tanh_share(first, last, x, y):  # type: ignore[no-untyped-def]
    end = min(last * DEAR, len(x))
    for at in range(first * DEAR, end, LANES):
        store(y, at, end - at, tanh_of(load(x, at, end - at, 0)))


@compiled
def _tanh_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_tanh_share, (len(x) + DEAR - 1) // DEAR, (x, y))


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


# -- leaky ReLU, ELU, softplus -----------------------------------------------------------------------------------------

EXP_IS_ALL = 80.0  # where exp(-x) beside 1 is nothing


@inner
def _leaky_share(first, last, x, y, slope):  # type: ignore[no-untyped-def]
    x, y = x[first * CHUNK : last * CHUNK], y[first * CHUNK : last * CHUNK]
    for i in range(len(x)):
        y[i] = x[i] if x[i] > 0 else x[i] * slope


@compiled
def _leaky_on_threads(x, y, slope):  # type: ignore[no-untyped-def]
    in_parallel(_leaky_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, slope))


@inner
def _leaky_grad_share(first, last, dy, y, dx, slope):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    for i in range(len(y)):
        dx[i] = dy[i] if y[i] > 0 else dy[i] * slope


@compiled
def _leaky_grad_on_threads(dy, y, dx, slope):  # type: ignore[no-untyped-def]
    in_parallel(_leaky_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx, slope))


@inner
def _elu_share(first, last, x, y, right, left):  # type: ignore[no-untyped-def]
    """right x above 0, left (exp x - 1) below."""
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        store(y, at, end - at, where(v > 0, v * right, _one_less_exp(absolute(v)) * (0 - left)))


@compiled
def _elu_on_threads(x, y, right, left):  # type: ignore[no-untyped-def]
    in_parallel(_elu_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, right, left))


@inner
def _elu_grad_share(first, last, dy, y, dx, right, left):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, y, dx = dy[begin:end], y[begin:end], dx[begin:end]
    for i in range(len(y)):
        dx[i] = dy[i] * (right if y[i] > 0 else y[i] + left)


@compiled
def _elu_grad_on_threads(dy, y, dx, right, left):  # type: ignore[no-untyped-def]
    in_parallel(_elu_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx, right, left))


@inner
def _softplus_share(first, last, x, y):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        store(y, at, end - at, where(v < 0, 0, v) + log1p(exp(0 - absolute(v))))


@compiled
def _softplus_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_softplus_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@inner
def _softplus_grad_share(first, last, dy, y, dx):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(y))
    for at in range(first * CHUNK, end, LANES):
        store(dx, at, end - at, load(dy, at, end - at, 0) * _one_less_exp(load(y, at, end - at, 0)))


@compiled
def _softplus_grad_on_threads(dy, y, dx):  # type: ignore[no-untyped-def]
    in_parallel(_softplus_grad_share, (len(y) + CHUNK - 1) // CHUNK, (dy, y, dx))


@inner
def _one_less_exp(v):  # type: ignore[no-untyped-def]
    """1 - exp(-v) of v >= 0, with all digits of small v."""
    e = expm1(where(v > EXP_IS_ALL, EXP_IS_ALL, v))
    return e / (1 + e)


# -- swish, GELU, mish -------------------------------------------------------------------------------------------------

FAR = 40.0  # beyond it, the normal distribution's F(-x) is 0
ZERO = 200.0  # exp(-ZERO / 2) is 0
ROOT = math.sqrt(8 / math.pi)
CUBIC = 0.044715
DENSITY = 1 / math.sqrt(2 * math.pi)
POLYNOMIAL = (  # of ops/normal.py, cut after u^12, where what is left out is below 1e-8
    *(7.5006796e-6, 1.2568547e-5, -8.0593274e-5, -8.4554018e-5, 6.9030349e-4, -2.9126750e-4, -5.0008404e-3),
    *(1.7937696e-2, -3.2198086e-2, 2.8600168e-2, 1.3999650e-2, -9.6703470e-2, 4.7205320636e-1),
)


@inner
def _swish_share(first, last, x, y):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        v = where(v < -ZERO, -ZERO, v)
        store(y, at, end - at, _times_sigmoid(v, v))


@compiled
def _swish_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_swish_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@inner
def _swish_grad_share(first, last, dy, x, dx):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = _cut(load(x, at, end - at, 0), ZERO)
        e = exp(0 - absolute(v))
        r = 1 / (1 + e)
        slope = where(v < 0, e * r, r) * (1 + v * where(v < 0, r, e * r))
        store(dx, at, end - at, load(dy, at, end - at, 0) * slope)


@compiled
def _swish_grad_on_threads(dy, x, dx):  # type: ignore[no-untyped-def]
    in_parallel(_swish_grad_share, (len(x) + CHUNK - 1) // CHUNK, (dy, x, dx))


@inner
def _gelu_share(first, last, x, y, approximate):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        v = where(v < -FAR, -FAR, v)
        if approximate:
            store(y, at, end - at, _times_sigmoid(v, ROOT * v * (1 + CUBIC * v * v)))
        else:
            store(y, at, end - at, v * _normal_cdf(v))


@compiled
def _gelu_on_threads(x, y, approximate):  # type: ignore[no-untyped-def]
    in_parallel(_gelu_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, approximate))


@inner
def _gelu_grad_share(first, last, dy, x, dx, approximate):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = _cut(load(x, at, end - at, 0), FAR)
        if approximate:
            g = ROOT * v * (1 + CUBIC * v * v)
            e = exp(0 - absolute(g))
            r = 1 / (1 + e)
            slope = where(g < 0, e * r, r) * (1 + v * where(g < 0, r, e * r) * (ROOT * (1 + 3 * CUBIC * v * v)))
        else:
            slope = _normal_cdf(v) + v * (DENSITY * exp(-0.5 * v * v))
        store(dx, at, end - at, load(dy, at, end - at, 0) * slope)


@compiled
def _gelu_grad_on_threads(dy, x, dx, approximate):  # type: ignore[no-untyped-def]
    in_parallel(_gelu_grad_share, (len(x) + CHUNK - 1) // CHUNK, (dy, x, dx, approximate))


@inner
def _mish_share(first, last, x, y):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = load(x, at, end - at, 0)
        v = where(v < -ZERO, -ZERO, v)
        h = exp(-0.5 * absolute(v))
        e = h * h
        above = where(v < 0, v * h * h * (e + 2), v * (1 + 2 * e))
        store(y, at, end - at, above / where(v < 0, e * (e + 2) + 2, 1 + 2 * e * (1 + e)))


@compiled
def _mish_on_threads(x, y):  # type: ignore[no-untyped-def]
    in_parallel(_mish_share, (len(x) + CHUNK - 1) // CHUNK, (x, y))


@inner
def _mish_grad_share(first, last, dy, x, dx):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(x))
    for at in range(first * CHUNK, end, LANES):
        v = _cut(load(x, at, end - at, 0), ZERO)
        e = exp(0 - absolute(v))
        below = where(v < 0, e * (e + 2) + 2, 1 + 2 * e * (1 + e))
        w, rest = where(v < 0, e * (e + 2), 1 + 2 * e) / below, where(v < 0, 2, 2 * e * e) / below
        slope = w + v * (where(v < 0, e, 1) / (1 + e)) * rest * (1 + w)
        store(dx, at, end - at, load(dy, at, end - at, 0) * slope)


@compiled
def _mish_grad_on_threads(dy, x, dx):  # type: ignore[no-untyped-def]
    in_parallel(_mish_grad_share, (len(x) + CHUNK - 1) // CHUNK, (dy, x, dx))


@inner
def _cut(v, far):  # type: ignore[no-untyped-def]
    """v between -far and far; NaN stays."""
    return where(v < -far, -far, where(v > far, far, v))


@inner
def _times_sigmoid(factor, v):  # type: ignore[no-untyped-def]
    h = exp(-0.5 * absolute(v))
    r = 1 / (1 + h * h)
    return where(v < 0, factor * h * h * r, factor * r)


@inner
def _normal_cdf(v):  # type: ignore[no-untyped-def]
    """F(v), as in ops/normal.py."""
    a = absolute(v)
    a = where(a > FAR, FAR, a)
    u = (a - 4) / (a + 4)
    p = u * POLYNOMIAL[0] + POLYNOMIAL[1]
    for coefficient in POLYNOMIAL[2:]:
        p = p * u + coefficient
    below = exp(-0.5 * a * a) * p / (1 + a)
    return where(v > 0, 1 - below, below)
