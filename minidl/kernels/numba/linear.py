"""Dense layers on the tiled matrix product.

NumPy is as quick where they are tiny, but in a recorded step a kernel needs no Python, which is most of such a step's time.
"""

from __future__ import annotations

from math import gcd, prod
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._matrix import in_columns, in_rows
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._product import product
from minidl.kernels.numba._vector import LANES, load, prefetch, store, widened

SHARES = 16  # partial sums at the most, each on one thread
TOGETHER = 8  # rows of a bias gradient added up in their own precision, which rounds


@replays
def dense(x: Any, W: Any, b: Any = None, activation: str = "linear") -> Any:
    """Kernel of ``ops.linear.dense``."""
    depth, units = W.shape
    rows = prod(x.shape[:-1])
    if _declines(rows, depth, units, x, W) or x.shape[-1] != depth:
        return NotImplemented
    if b is not None and (b.shape, b.dtype) != ((units,), x.dtype):
        return NotImplemented
    y = CPU.pool.empty((*x.shape[:-1], units), x.dtype)
    product(in_rows(x, rows, depth), in_rows(W, depth, units), y.reshape(-1), b, activation == "relu", weights=W)
    return y


@replays
def dense_grad_x(dy: Any, W: Any) -> Any:
    """Kernel of ``ops.linear.dense_grad_x``."""
    depth, units = W.shape
    rows = prod(dy.shape[:-1])
    if _declines(rows, depth, units, dy, W) or dy.shape[-1] != units:
        return NotImplemented
    dx = CPU.pool.empty((*dy.shape[:-1], depth), dy.dtype)
    product(in_rows(dy, rows, units), in_columns(W, units, depth), dx.reshape(-1))
    return dx


@replays
def dense_grad_W(x: Any, dy: Any, out: Any = None) -> Any:
    """Kernel of ``ops.linear.dense_grad_W``."""
    depth, units = x.shape[-1], dy.shape[-1]
    rows = prod(x.shape[:-1])
    if _declines(rows, depth, units, x, dy) or x.shape[:-1] != dy.shape[:-1]:
        return NotImplemented
    if out is not None and not _takes(out, (depth, units), x.dtype):
        return NotImplemented
    dW = CPU.pool.empty((depth, units), x.dtype) if out is None else out
    product(in_columns(x, depth, rows), in_rows(dy, rows, units), dW.reshape(-1))
    return dW


@replays
def bias_grad(dy: Any, out: Any = None) -> Any:
    """Kernel of ``ops.linear.bias_grad``, eight rows at a time in their own precision, whose sums are added in double."""
    units = dy.shape[-1]
    rows = prod(dy.shape[:-1])
    if dy.dtype not in FLOATS or not rows:
        return NotImplemented
    if out is not None and not _takes(out, (units,), dy.dtype):
        return NotImplemented
    shares = max(1, min(SHARES, rows * units // 65536))  # of the size alone: the same bits for any number of threads
    beside = LANES // gcd(LANES, units)  # rows that end where a vector does, taken for one row, so that no lane is idle
    beside = beside if rows % beside == 0 else 1
    sums, db = np.empty(shares * beside * units), np.empty(units, dy.dtype) if out is None else out
    _bias_on_threads(dy.reshape(-1), rows // beside, shares, sums, db)
    return db


def _declines(rows: int, depth: int, units: int, a: Any, b: Any) -> bool:
    return not rows * depth * units or a.dtype != b.dtype or a.dtype not in FLOATS


def _takes(out: Any, shape: tuple[int, ...], dtype: Any) -> bool:
    """Whether a result of this kind can be written there; why not, the reference says."""
    return out.flags.carray and (out.shape, out.dtype) == (shape, dtype)


@inner
def _bias_share(first, last, dy, rows, shares, sums):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the rows by itself: few at a time in the rows' precision, their sums in double."""
    units = len(sums) // shares
    for s in range(first, last):
        begin, end = s * rows // shares, (s + 1) * rows // shares
        sums[s * units : (s + 1) * units] = 0
        for block in range(begin, end, TOGETHER):
            for j in range(0, units, LANES):
                part = load(dy, block * units + j, units - j, 0)
                prefetch(dy, (block + TOGETHER) * units + j)
                for r in range(block + 1, min(block + TOGETHER, end)):
                    prefetch(dy, (r + TOGETHER) * units + j)
                    part = part + load(dy, r * units + j, units - j, 0)
                at = s * units + j
                store(sums, at, units - j, load(sums, at, units - j, 0) + widened(part))


@compiled
def _bias_on_threads(dy, rows, shares, sums, db):  # type: ignore[no-untyped-def]
    in_parallel(_bias_share, shares, (dy, rows, shares, sums))
    units = len(db)
    for j in range(units):
        total = sums[j]
        for at in range(units + j, len(sums), units):
            total += sums[at]
        db[j] = total
