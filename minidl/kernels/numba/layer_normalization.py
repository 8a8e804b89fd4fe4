"""Layer normalisation, row by row: a row is read from memory once, and its sums are taken while it is in the first cache.

Backwards dgamma and dbeta are sums over rows. They are made for parts of the rows, which depend on the shape alone, and added
in order: the bits are the same for any number of threads. All sums are in double precision.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import clear_run
from minidl.kernels.numba._vector import LANES, load, splat, store, total, widened

CHUNK = 1 << 13  # numbers of one task, about
PARTS, FEWEST = 32, 8  # sums over rows, at most: as many tasks; and rows of one of them, at least


def standardize(x: Any, epsilon: float) -> Any:
    """Kernel of ``ops.layer_normalization.standardize``."""
    found = layer_normalize(x, None, None, epsilon)
    return NotImplemented if found is NotImplemented else (found[0], found[2])


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


def standardize_grad(dh: Any, h: Any, r: Any) -> Any:
    """Kernel of ``ops.layer_normalization.standardize_grad``."""
    if _misfit(h) or not _alike(h, dh) or not _of_rows(h, r):
        return NotImplemented
    dx, width = CPU.pool.empty(h.shape, h.dtype), h.shape[-1]
    _standardize_grad(dh.reshape(-1), h.reshape(-1), r.reshape(-1), dx.reshape(-1), max(CHUNK // width, 1))
    return dx


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
def _normalize_share(first, last, x, gamma, beta, epsilon, y, mean, r, rows):  # type: ignore[no-untyped-def]
    width = len(gamma)
    for row in range(first * rows, min(last * rows, len(r))):
        begin, end = row * width, (row + 1) * width
        part = widened(splat(x, 0))
        for at in range(begin, end, LANES):
            part = part + widened(load(x, at, end - at, 0))
        mean[row] = total(part) / width
        middle = mean[row]  # as it will be read backwards, rounded
        part = widened(splat(x, 0))
        for at in range(begin, end, LANES):
            v = widened(load(x, at, end - at, middle) - middle)
            part = part + v * v
        r[row] = 1 / sqrt(total(part) / width + epsilon)
        scale = r[row]
        for at in range(begin, end, LANES):
            count, c = end - at, at - begin
            v = (load(x, at, count, 0) - middle) * scale
            store(y, at, count, v * load(gamma, c, count, 0) + load(beta, c, count, 0))


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
def _gradient_share(first, last, dy, x, mean, r, gamma, dx, dgammas, dbetas, rows):  # type: ignore[no-untyped-def]
    width = len(gamma)
    for part in range(first, last):
        to = part * width  # where the part's sums stand
        clear_run(dgammas, to, width)
        clear_run(dbetas, to, width)
        for row in range(part * rows, min((part + 1) * rows, len(r))):
            middle, scale = mean[row], r[row]
            sums, products = widened(splat(x, 0)), widened(splat(x, 0))
            for c in range(0, width, LANES):
                at, count = row * width + c, width - c
                g = widened(load(dy, at, count, 0) * load(gamma, c, count, 0))
                sums, products = sums + g, products + g * widened(load(x, at, count, middle) - middle)
            shift, slope = total(sums) / width, total(products) / width * scale  # means of g, and of g h
            for c in range(0, width, LANES):
                at, count = row * width + c, width - c
                d, h = load(dy, at, count, 0), (load(x, at, count, 0) - middle) * scale
                store(dgammas, to + c, count, load(dgammas, to + c, count, 0) + widened(d * h))
                store(dbetas, to + c, count, load(dbetas, to + c, count, 0) + widened(d))
                store(dx, at, count, (d * load(gamma, c, count, 0) - shift - h * slope) * scale)


@compiled
def _gradient(dy, x, mean, r, gamma, dx, dgamma, dbeta, rows):  # type: ignore[no-untyped-def]
    width, parts = len(gamma), (len(r) + rows - 1) // rows
    dgammas, dbetas = np.empty(parts * width), np.empty(parts * width)
    in_parallel(_gradient_share, parts, (dy, x, mean, r, gamma, dx, dgammas, dbetas, rows))
    for part in range(1, parts):
        for c in range(width):
            dgammas[c] += dgammas[part * width + c]
            dbetas[c] += dbetas[part * width + c]
    for c in range(width):
        dgamma[c], dbeta[c] = dgammas[c], dbetas[c]
