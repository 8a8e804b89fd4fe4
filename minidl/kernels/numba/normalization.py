"""Batch normalisation: sums and results each in one pass, rows outside and vectors of channels inside.

Sums are added in double precision, over blocks of rows that depend on the shape alone. The variance of a block is that of
x - (its first row), so that no digits are lost far from zero:

    sum (x - mean)^2 = sum over blocks of  [sum (x - first)^2 - n d^2]  +  n (first + d - mean)^2,    d = mean of x - first
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import new_run, zero_run
from minidl.kernels.numba._vector import LANES, load, prefetch, splat, store, where, widened

CHUNK = 1 << 13  # numbers of one block, about: they stay in the first cache
AHEAD = 1024  # numbers of each array, which are fetched ahead of those under work
TOGETHER = 8  # rows that are added to a sum while it is in registers


@replays
def moments(x: Any) -> Any:
    """Kernel of ``ops.normalization.moments``."""
    if x.dtype not in FLOATS or not x.ndim or not x.size:
        return NotImplemented
    channels = x.shape[-1]
    mean, variance = np.empty(channels, x.dtype), np.empty(channels, x.dtype)
    _moments(x.reshape(-1), mean, variance, _rows(channels))
    return mean, variance


@replays
def moved(running: Any, new: Any, momentum: float) -> Any:
    """Kernel of ``ops.normalization.moved``."""
    if running.dtype not in FLOATS or (new.shape, new.dtype) != (running.shape, running.dtype) or type(momentum) is not float:
        return NotImplemented
    result, number = np.empty_like(running), running.dtype.type
    _moved(running.reshape(-1), new.reshape(-1), number(momentum), number(1 - momentum), result.reshape(-1))
    return result


@compiled
def _moved(running, new, momentum, rest, result):  # type: ignore[no-untyped-def]
    for i in range(len(result)):
        result[i] = momentum * running[i] + rest * new[i]


@replays
def normalize(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, activation: str = "linear") -> Any:
    """Kernel of ``ops.normalization.normalize``."""
    if _misfit(x, mean, variance, gamma, beta):
        return NotImplemented
    y = CPU.pool.empty(x.shape, x.dtype)
    gamma = np.ones_like(mean) if gamma is None else gamma
    beta = np.zeros_like(mean) if beta is None else beta
    statistics = mean, variance, gamma, beta, x.dtype.type(epsilon)
    _normalize(x.reshape(-1), y.reshape(-1), *statistics, activation == "relu", _rows(len(mean)))
    return y


@replays
def normalize_grad(
    dy: Any,
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any,
    epsilon: float,
    of_batch: bool,
    beta: Any = None,
    activation: str = "linear",
) -> Any:
    """Kernel of ``ops.normalization.normalize_grad``."""
    if _misfit(x, mean, variance, gamma, beta) or dy.shape != x.shape or dy.dtype != x.dtype:
        return NotImplemented
    dx, dgamma, dbeta = CPU.pool.empty(x.shape, x.dtype), np.empty_like(mean), np.empty_like(mean)
    gamma = np.ones_like(mean) if gamma is None else gamma
    beta = np.zeros_like(mean) if beta is None else beta
    statistics = mean, variance, gamma, beta, x.dtype.type(epsilon)
    flags = of_batch, activation == "relu"
    _gradient(dy.reshape(-1), x.reshape(-1), *statistics, *flags, dx.reshape(-1), dgamma, dbeta, _rows(len(mean)))
    return dx, dgamma, dbeta


def _rows(channels: int) -> int:
    """Rows of one block."""
    return min(max(CHUNK // channels, 16), 256)


def _misfit(x: Any, *of_channels: Any) -> bool:
    if x.dtype not in FLOATS or not x.ndim or not x.size:
        return True
    return any(a is not None and (a.shape != x.shape[-1:] or a.dtype != x.dtype) for a in of_channels)


@compiled
def _moments(x, mean, variance, rows):  # type: ignore[no-untyped-def]
    channels = len(mean)
    n = len(x) // channels
    blocks = (n + rows - 1) // rows
    sums, squares = new_run(blocks * channels, np.float64), new_run(blocks * channels, np.float64)
    in_parallel(_moments_share, blocks, (x, sums, squares, channels, rows))
    # of x - (its first row); blocks outside: memory in its order
    middle, around = zero_run(channels, np.float64), zero_run(channels, np.float64)
    for b in range(blocks):
        size, row = min(rows, n - b * rows), b * rows * channels
        for c in range(channels):
            middle[c] += sums[b * channels + c] + (np.float64(x[row + c]) - np.float64(x[c])) * size
    for c in range(channels):
        middle[c] /= n
    for b in range(blocks):
        size, row = min(rows, n - b * rows), b * rows * channels
        for c in range(channels):
            d = sums[b * channels + c] / size
            from_middle = np.float64(x[row + c]) - np.float64(x[c]) + d - middle[c]
            around[c] += max(squares[b * channels + c] - size * d * d, 0 * d) + size * from_middle * from_middle
    for c in range(channels):
        mean[c], variance[c] = np.float64(x[c]) + middle[c], around[c] / n


@inner
def _moments_share(first, last, x, sums, squares, channels, rows):  # type: ignore[no-untyped-def]
    for block in range(first, last):
        begin, end = block * rows, min((block + 1) * rows, len(x) // channels)
        for c in range(0, channels, LANES):
            count = channels - c
            pivot = widened(load(x, begin * channels + c, count, 0))
            total, square = splat(sums, 0), splat(sums, 0)
            for row in range(begin, end):
                prefetch(x, (row + rows) * channels + c)  # of the next block
                v = widened(load(x, row * channels + c, count, 0)) - pivot
                total, square = total + v, square + v * v
            store(sums, block * channels + c, count, total)
            store(squares, block * channels + c, count, square)


@compiled
def _normalize(x, y, mean, variance, gamma, beta, epsilon, relu, rows):  # type: ignore[no-untyped-def]
    factor = new_run(len(mean), mean.dtype)
    for c in range(len(mean)):
        factor[c] = gamma[c] / sqrt(variance[c] + epsilon)
    in_parallel(_normalize_share, (len(x) // len(mean) + rows - 1) // rows, (x, y, mean, factor, beta, relu, rows))


@inner
def _normalize_share(first, last, x, y, mean, factor, beta, relu, rows):  # type: ignore[no-untyped-def]
    channels, zero = len(mean), splat(x, 0)
    for row in range(first * rows, min(last * rows, len(x) // channels)):
        for c in range(0, channels, LANES):
            at, count = row * channels + c, channels - c
            prefetch(x, at + AHEAD)
            prefetch(y, at + AHEAD)
            v = load(x, at, count, 0) - load(mean, c, count, 0)
            v = v * load(factor, c, count, 0) + load(beta, c, count, 0)
            store(y, at, count, where(v < 0, zero, v) if relu else v)  # NaN is not below zero


@compiled
def _gradient(dy, x, mean, variance, gamma, beta, epsilon, of_batch, relu, dx, dgamma, dbeta, rows):  # type: ignore[no-untyped-def]
    channels = len(mean)
    n = len(x) // channels
    blocks = (n + rows - 1) // rows
    sums, products = new_run(blocks * channels, np.float64), new_run(blocks * channels, np.float64)
    inverse, factor = new_run(channels, mean.dtype), new_run(channels, mean.dtype)
    shift, slope = new_run(channels, mean.dtype), new_run(channels, mean.dtype)
    for c in range(channels):
        inverse[c] = 1 / sqrt(variance[c] + epsilon)
        factor[c] = gamma[c] / sqrt(variance[c] + epsilon)  # as y was computed: the sign of y decides with ReLU
    in_parallel(_sums_share, blocks, (dy, x, mean, factor, beta, relu, sums, products, rows))
    total, product = zero_run(channels, np.float64), zero_run(channels, np.float64)
    for b in range(blocks):
        for c in range(channels):
            total[c] += sums[b * channels + c]
            product[c] += products[b * channels + c]
    for c in range(channels):
        dbeta[c], dgamma[c] = total[c], product[c] * inverse[c]
        shift[c], slope[c] = total[c] / n, product[c] * inverse[c] * inverse[c] / n
    in_parallel(_gradient_share, blocks, (dy, x, mean, factor, beta, shift, slope, of_batch, relu, dx, rows))


@inner
def _sums_share(first, last, dy, x, mean, factor, beta, relu, sums, products, rows):  # type: ignore[no-untyped-def]
    channels, zero = len(mean), splat(x, 0)
    for block in range(first, last):
        at, end = block * channels, min((block + 1) * rows, len(x) // channels)
        for c in range(0, channels, LANES):
            store(sums, at + c, channels - c, splat(sums, 0))
            store(products, at + c, channels - c, splat(sums, 0))
        for start in range(block * rows, end, TOGETHER):  # few rows at a time: memory in its order
            for c in range(0, channels, LANES):
                count = channels - c
                middle, scale, offset = load(mean, c, count, 0), load(factor, c, count, 0), load(beta, c, count, 0)
                total, product = load(sums, at + c, count, 0), load(products, at + c, count, 0)
                for row in range(start, min(start + TOGETHER, end)):
                    prefetch(dy, (row + 2 * TOGETHER) * channels + c)
                    prefetch(x, (row + 2 * TOGETHER) * channels + c)
                    d = load(dy, row * channels + c, count, 0)
                    from_middle = load(x, row * channels + c, count, 0) - middle
                    if relu:
                        d = where(from_middle * scale + offset > 0, d, zero)
                    total, product = total + widened(d), product + widened(d) * widened(from_middle)
                store(sums, at + c, count, total)
                store(products, at + c, count, product)


@inner
def _gradient_share(first, last, dy, x, mean, factor, beta, shift, slope, of_batch, relu, dx, rows):  # type: ignore[no-untyped-def]
    channels, zero = len(mean), splat(x, 0)
    for row in range(first * rows, min(last * rows, len(x) // channels)):
        for c in range(0, channels, LANES):
            at, count = row * channels + c, channels - c
            prefetch(x, at + AHEAD)
            prefetch(dy, at + AHEAD)
            prefetch(dx, at + AHEAD)
            d, scale = load(dy, at, count, 0), load(factor, c, count, 0)
            if of_batch or relu:
                v = load(x, at, count, 0) - load(mean, c, count, 0)
                if relu:
                    d = where(v * scale + load(beta, c, count, 0) > 0, d, zero)
                if of_batch:
                    d = d - load(shift, c, count, 0) - v * load(slope, c, count, 0)
            store(dx, at, count, d * scale)
