"""Layer normalisation, row by row: a row is read from memory once, and its sums are taken while it is in the first cache.

Backwards dgamma and dbeta are sums over rows. They are made for parts of the rows, which depend on the shape alone, and added
in order: the bits are the same for any number of threads. All sums are in double precision.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import clear_run, new_run
from minidl.kernels.numba._vector import LANES, load, load_all, splat, store, total, widened

CHUNK = 1 << 13  # numbers of one task, about
PARTS, FEWEST = 32, 8  # sums over rows, at most: as many tasks; and rows of one of them, at least
FOUR = 4 * LANES  # numbers added in vectors of their own precision; such sums are added in double
TOGETHER = 8  # rows whose dgamma and dbeta are added in their own precision


@replays
def standardize(x: Any, epsilon: float) -> Any:
    """Kernel of ``ops.layer_normalization.standardize``."""
    found = layer_normalize(x, None, None, epsilon)
    return NotImplemented if found is NotImplemented else (found[0], found[2])


@replays
def layer_normalize(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Kernel of ``ops.layer_normalization.layer_normalize``."""
    if _misfit(x, gamma, beta):
        return NotImplemented
    y, r = CPU.pool.empty(x.shape, x.dtype), np.empty((*x.shape[:-1], 1), x.dtype)
    mean, width = np.empty_like(r), x.shape[-1]
    gamma = np.ones(width, x.dtype) if gamma is None else gamma
    beta = np.zeros(width, x.dtype) if beta is None else beta
    arguments = x.reshape(-1), gamma, beta, x.dtype.type(epsilon), y.reshape(-1), mean.reshape(-1), r.reshape(-1)
    _normalize(*arguments, max(CHUNK // width, 1))
    return y, mean, r


@replays
def standardize_grad(dh: Any, h: Any, r: Any) -> Any:
    """Kernel of ``ops.layer_normalization.standardize_grad``."""
    if _misfit(h) or not _alike(h, dh) or not _of_rows(h, r):
        return NotImplemented
    dx, width = CPU.pool.empty(h.shape, h.dtype), h.shape[-1]
    _standardize_grad(dh.reshape(-1), h.reshape(-1), r.reshape(-1), dx.reshape(-1), max(CHUNK // width, 1))
    return dx


@replays
def layer_normalize_grad(dy: Any, x: Any, mean: Any, r: Any, gamma: Any) -> Any:
    """Kernel of ``ops.layer_normalization.layer_normalize_grad``."""
    if _misfit(x, gamma) or not _alike(x, dy) or not _of_rows(x, mean) or not _of_rows(x, r):
        return NotImplemented
    dx, width, rows = CPU.pool.empty(x.shape, x.dtype), x.shape[-1], r.size
    gamma = np.ones(width, x.dtype) if gamma is None else gamma
    dgamma, dbeta = np.empty_like(gamma), np.empty_like(gamma)
    arguments = dy.reshape(-1), x.reshape(-1), mean.reshape(-1), r.reshape(-1), gamma, dx.reshape(-1), dgamma, dbeta
    _gradient(*arguments, max(-(-rows // PARTS), CHUNK // width, FEWEST))
    return dx, dgamma, dbeta


def _misfit(x: Any, *of_channels: Any) -> bool:
    if x.dtype not in FLOATS or not x.ndim or not x.size:
        return True
    return any(a is not None and (a.shape != x.shape[-1:] or a.dtype != x.dtype) for a in of_channels)


def _alike(x: Any, dy: Any) -> bool:
    return bool(dy.shape == x.shape and dy.dtype == x.dtype)


def _of_rows(x: Any, a: Any) -> bool:
    return bool(a.shape == (*x.shape[:-1], 1) and a.dtype == x.dtype)


@inner
def _sum(x, at, width):  # type: ignore[no-untyped-def]
    """Of a row."""
    part, fours = widened(splat(x, 0)), width - width % FOUR
    for k in range(at, at + fours, FOUR):
        a, b = load_all(x, k) + load_all(x, k + LANES), load_all(x, k + 2 * LANES) + load_all(x, k + 3 * LANES)
        part = part + widened(a + b)
    for k in range(at + fours, at + width, LANES):
        part = part + widened(load(x, k, at + width - k, 0))
    return total(part)


@inner
def _squares(x, at, width, middle):  # type: ignore[no-untyped-def]
    """Sum of (x - middle)^2 of a row."""
    part, fours = widened(splat(x, 0)), width - width % FOUR
    for k in range(at, at + fours, FOUR):
        a, b = load_all(x, k) - middle, load_all(x, k + LANES) - middle
        c, d = load_all(x, k + 2 * LANES) - middle, load_all(x, k + 3 * LANES) - middle
        part = part + widened((a * a + b * b) + (c * c + d * d))
    for k in range(at + fours, at + width, LANES):
        v = load(x, k, at + width - k, middle) - middle
        part = part + widened(v * v)
    return total(part)


@inner
def _normalized(x, at, count, middle, scale, gamma, beta, c, y):  # type: ignore[no-untyped-def]
    v = (load(x, at, count, 0) - middle) * scale
    store(y, at, count, v * load(gamma, c, count, 0) + load(beta, c, count, 0))


@inner
def _normalize_share(first, last, x, gamma, beta, epsilon, y, mean, r, rows):  # type: ignore[no-untyped-def]
    width = len(gamma)
    whole = width - width % LANES
    end = min(last * rows, len(r))
    for block in range(first * rows, end, TOGETHER):  # no row waits for the sums of the one before
        some = range(block, min(block + TOGETHER, end))
        for row in some:
            mean[row] = _sum(x, row * width, width) / width
        for row in some:  # the mean as it will be read backwards, rounded
            r[row] = 1 / sqrt(_squares(x, row * width, width, mean[row]) / width + epsilon)
        for row in some:
            at, middle, scale = row * width, mean[row], r[row]
            for c in range(0, whole, LANES):
                _normalized(x, at + c, LANES, middle, scale, gamma, beta, c, y)
            if whole < width:
                _normalized(x, at + whole, width - whole, middle, scale, gamma, beta, whole, y)


@compiled
def _normalize(x, gamma, beta, epsilon, y, mean, r, rows):  # type: ignore[no-untyped-def]
    in_parallel(_normalize_share, (len(r) + rows - 1) // rows, (x, gamma, beta, epsilon, y, mean, r, rows))


@inner
def _standardize_grad_share(first, last, dh, h, r, dx, rows):  # type: ignore[no-untyped-def]
    width = len(h) // len(r)
    for row in range(first * rows, min(last * rows, len(r))):
        begin, end = row * width, (row + 1) * width
        sums, products = widened(splat(h, 0)), widened(splat(h, 0))
        for at in range(begin, end, LANES):
            d = widened(load(dh, at, end - at, 0))
            sums, products = sums + d, products + d * widened(load(h, at, end - at, 0))
        mean, along, scale = total(sums) / width, total(products) / width, r[row]
        for at in range(begin, end, LANES):
            count = end - at
            v = load(dh, at, count, 0) - mean - load(h, at, count, 0) * along
            store(dx, at, count, v * scale)


@compiled
def _standardize_grad(dh, h, r, dx, rows):  # type: ignore[no-untyped-def]
    in_parallel(_standardize_grad_share, (len(r) + rows - 1) // rows, (dh, h, r, dx, rows))


@inner
def _means(dy, x, gamma, at, width, middle):  # type: ignore[no-untyped-def]
    """Means of g and of g (x - middle) of a row, g = gamma dy."""
    sums, products, fours = widened(splat(x, 0)), widened(splat(x, 0)), width - width % FOUR
    for k in range(0, fours, FOUR):
        g0, g1 = load_all(dy, at + k) * load_all(gamma, k), load_all(dy, at + k + LANES) * load_all(gamma, k + LANES)
        c = k + 2 * LANES
        g2, g3 = load_all(dy, at + c) * load_all(gamma, c), load_all(dy, at + c + LANES) * load_all(gamma, c + LANES)
        h0, h1 = load_all(x, at + k) - middle, load_all(x, at + k + LANES) - middle
        h2, h3 = load_all(x, at + c) - middle, load_all(x, at + c + LANES) - middle
        some = (g0 + g1) + (g2 + g3)
        more = (g0 * h0 + g1 * h1) + (g2 * h2 + g3 * h3)
        sums, products = sums + widened(some), products + widened(more)
    for c in range(fours, width, LANES):
        k, count = at + c, width - c
        g = load(dy, k, count, 0) * load(gamma, c, count, 0)
        sums, products = sums + widened(g), products + widened(g * (load(x, k, count, middle) - middle))
    return total(sums) / width, total(products) / width


@inner
def _gradient_share(first, last, dy, x, mean, r, gamma, dx, dgammas, dbetas, rows):  # type: ignore[no-untyped-def]
    width = len(gamma)
    shift, slope = new_run(TOGETHER, x.dtype), new_run(TOGETHER, x.dtype)  # means of g, and of g h, of each row
    for part in range(first, last):
        to = part * width  # where the part's sums stand
        clear_run(dgammas, to, width)
        clear_run(dbetas, to, width)
        end = min((part + 1) * rows, len(r))
        for begin in range(part * rows, end, TOGETHER):
            few = min(TOGETHER, end - begin)
            for i in range(few):
                row = begin + i
                shift[i], along = _means(dy, x, gamma, row * width, width, mean[row])
                slope[i] = along * r[row]
            for c in range(0, width, LANES):
                count, dgamma, dbeta = width - c, splat(x, 0), splat(x, 0)
                scaled = load(gamma, c, count, 0)
                for i in range(few):
                    row = begin + i
                    at, scale = row * width + c, r[row]
                    d, h = load(dy, at, count, 0), (load(x, at, count, 0) - mean[row]) * scale
                    dgamma, dbeta = dgamma + d * h, dbeta + d
                    store(dx, at, count, (d * scaled - shift[i] - h * slope[i]) * scale)
                store(dgammas, to + c, count, load(dgammas, to + c, count, 0) + widened(dgamma))
                store(dbetas, to + c, count, load(dbetas, to + c, count, 0) + widened(dbeta))


@compiled
def _gradient(dy, x, mean, r, gamma, dx, dgamma, dbeta, rows):  # type: ignore[no-untyped-def]
    width, parts = len(gamma), (len(r) + rows - 1) // rows
    dgammas, dbetas = new_run(parts * width, np.float64), new_run(parts * width, np.float64)
    in_parallel(_gradient_share, parts, (dy, x, mean, r, gamma, dx, dgammas, dbetas, rows))
    for part in range(1, parts):
        for c in range(width):
            dgammas[c] += dgammas[part * width + c]
            dbetas[c] += dbetas[part * width + c]
    for c in range(width):
        dgamma[c], dbeta[c] = dgammas[c], dbetas[c]
