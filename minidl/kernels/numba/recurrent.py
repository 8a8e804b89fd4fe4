"""The LSTM: the input's part as one product for all times, then every thread runs all times for its own rows of the batch.

Samples do not meet, so no thread waits for another between two times. U is packed once; a step is a product of the rows'
last outputs with it, and the arithmetic of the cell while the sums are in the cache; what the next time reads and writes
is fetched meanwhile, for the rows of one time lie too far apart for the processor to foresee. How the batch is cut up does not
change the order in which a number is summed, so its bits do not depend on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._blocking import tile_cost, tile_shape
from minidl.kernels.numba._finish import finisher
from minidl.kernels.numba._jit import FLOATS, compiled, inner, threads
from minidl.kernels.numba._matrix import Matrix, in_columns, in_rows
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._product import pack_b
from minidl.kernels.numba._runs import new_run, zero_run
from minidl.kernels.numba._tile import REGISTERS, Size, natural_lanes, tile, tile_of
from minidl.kernels.numba._transpose import transposer
from minidl.kernels.numba._vector import LANES, absolute, exp, load, prefetch, store, where
from minidl.kernels.numba.linear import dense

MOST = 32  # rows of the batch in one task: their sums stay in the caches, beside a panel of U
DEPTH = 160  # rows of a panel under work: 160 x 48 floats are 30 KiB
SMALL = 200_000  # multiply-adds below which one thread is quicker than waking another
_EVEN = 8, 2  # rows and vectors of a tile that divides batches and units which are powers of two; not one of the menu
_NO_MASK = np.zeros(0, np.bool_)
_LINEAR, _SIGMOID, _TANH, _RELU, _HARD_SIGMOID = range(5)
_CODES = {"linear": _LINEAR, "sigmoid": _SIGMOID, "tanh": _TANH, "relu": _RELU, "hard_sigmoid": _HARD_SIGMOID}


class Batch(NamedTuple):
    """What a task has to know of the batch and of the cell."""

    rows: int  # of the batch in a task
    n: int  # rows of the batch
    steps: int
    units: int
    cell: int  # code of the activation, see ``_CODES``
    recurrent: int  # code of the gates' activation
    masked: int  # whether there is a mask


def lstm(x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, activation: str, recurrent_activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.lstm``."""
    if _declines((activation, recurrent_activation), x, W, U, h0, c0) or x.ndim != 3 or _is_odd(mask, x):
        return NotImplemented
    n, steps, _ = x.shape
    units = len(U)
    if U.shape != (units, 4 * units) or W.shape[1:] != U.shape[1:] or not (n, units) == h0.shape == c0.shape:
        return NotImplemented
    gates = dense(x, W, b)
    if gates is NotImplemented:
        return NotImplemented
    h, c = CPU.pool.empty((n, steps, units), x.dtype), CPU.pool.empty((n, steps, units), x.dtype)
    size, rows = _cut(n, units, 4 * units, steps, x.itemsize)
    packed = _packed(size, in_rows(U, units, 4 * units))
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    arrays = packed, h0.reshape(-1), c0.reshape(-1), _flags(mask), gates.reshape(-1), h.reshape(-1), c.reshape(-1)
    _forwards_on_threads(size, batch, *arrays)
    return h, c, gates


def lstm_grad(
    dh: Any, U: Any, c0: Any, c: Any, gates: Any, activation: str, recurrent_activation: str, dc: Any = None, mask: Any = None
) -> Any:
    """Kernel of ``ops.recurrent.lstm_grad``."""
    if _declines((activation, recurrent_activation), dh, U, c0, c, gates) or dh.ndim != 3 or not dh.size or _is_odd(mask, dh):
        return NotImplemented
    n, steps, units = dh.shape
    if U.shape != (units, 4 * units) or c.shape != dh.shape or gates.shape != (n, steps, 4 * units) or c0.shape != (n, units):
        return NotImplemented
    if dc is not None and (dc.shape != c0.shape or dc.dtype != dh.dtype):
        return NotImplemented
    dz, dh0, dc0 = (CPU.pool.empty(shape, dh.dtype) for shape in (gates.shape, c0.shape, c0.shape))
    dc0[...] = 0 if dc is None else dc
    size, rows = _cut(n, 4 * units, units, steps, dh.itemsize)
    packed = _packed(size, in_columns(U, 4 * units, units))
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    arrays = packed, dh.reshape(-1), c0.reshape(-1), _flags(mask), c.reshape(-1), gates.reshape(-1)
    _backwards_on_threads(size, batch, *arrays, dz.reshape(-1), dh0.reshape(-1), dc0.reshape(-1))
    return dz, dh0, dc0


def _declines(names: tuple[str, ...], *arrays: Any) -> bool:
    dtype = arrays[0].dtype
    return not set(names) <= set(_CODES) or dtype not in FLOATS or any(a.dtype != dtype for a in arrays)


def _is_odd(mask: Any, x: Any) -> bool:
    """Whether there is a mask that is not one flag for each step."""
    return mask is not None and (mask.dtype != np.bool_ or mask.shape != x.shape[:2])


def _flags(mask: Any) -> Any:
    return _NO_MASK if mask is None else mask.reshape(-1)


def _cut(n: int, depth: int, columns: int, steps: int, itemsize: int) -> tuple[Size, int]:
    """The size of the tile for a step's product (n, depth) (depth, columns), and the rows of the batch in a task."""
    work = 1 if n * steps * depth * columns < SMALL else threads()
    tasks = work * -(-n // (work * MOST))
    rows, lanes = -(-n // tasks), natural_lanes(itemsize)
    if rows <= 2:
        return tile_of(rows, max(1, min(8, columns // lanes)), lanes, itemsize), rows
    size = tile_shape(rows, columns, itemsize)
    assert size is not None
    if REGISTERS == 32:
        size = min(size, tile_of(*_EVEN, lanes, itemsize), key=lambda s: tile_cost(s, rows, columns, itemsize))
    return size, rows


def _packed(size: Size, b: tuple[Any, int, int, int, int]) -> Any:
    """The Matrix b (depth, columns) as panels (panels, depth, width), zeros behind the last column."""
    numbers, depth, columns, _, _ = b
    packed = CPU.pool.empty((-(-columns // size[1]) * depth * size[1],), numbers.dtype)
    _pack(transposer(numbers.itemsize), finisher(False, False, numbers.itemsize), b, size[1], packed)
    return packed


@compiled
def _pack(turn, copy, b, width, packed):  # type: ignore[no-untyped-def]
    matrix = Matrix(*b)
    pack_b(turn, copy, matrix, 0, 0, matrix.rows, matrix.columns, width, packed)


@inner
def _step_product(size, count, depth, columns, a, packed, sums):  # type: ignore[no-untyped-def]
    """sums = a b: a (.., depth) with rows behind the first ``count`` to fill the last tile, sums as wide as whole panels."""
    rows, width, _ = size
    panels = (columns + width - 1) // width
    for p in range(panels):
        for k in range(0, depth, DEPTH):
            right = (p * depth + k) * width
            for r in range(0, count, rows):
                at, to = r * depth + k, r * panels * width + p * width
                tile(
                    size, outer=1, depth=min(DEPTH, depth - k),
                    a=a, a_start=at, a_row_step=depth, a_outer_step=0, a_k_step=1,
                    b=packed, b_start=right, b_outer_step=0, b_k_step=width,
                    c=sums, c_start=to, c_row_step=panels * width, add=k,
                )  # fmt: skip


@inner
def _activated(code, v):  # type: ignore[no-untyped-def]
    """The activation of this code."""
    if code == _SIGMOID:
        e = exp(0 - absolute(v))
        return where(v < 0, e, 1) / (1 + e)
    if code == _TANH:
        # (1 - e) / (1 + e) with e = exp(-2 |v|) would lose the last digits of small numbers; those take a quotient of
        # polynomials (Cephes): tanh v = v + v s P(s) / Q(s) with s = v^2
        size, square = absolute(v), v * v
        few, e = size < 0.625, exp(-2 * size)
        above = ((-0.964399179425052238628 * square - 99.2877231001918586564) * square - 1614.68768441708447952) * square
        below = ((square + 112.811678491632931402) * square + 2235.48839060100448583) * square + 4844.06305325125486048
        part = where(few, above, 1 - e) / where(few, below, 1 + e)
        return where(few, v + v * part, where(v < 0, 0 - part, part))
    if code == _RELU:
        return where(v < 0, 0, v)
    if code == _HARD_SIGMOID:
        y = v / 6 + 0.5
        y = where(y < 0, 0, y)
        return where(y > 1, 1, y)
    return v


@inner
def _passed_back(code, dy, y):  # type: ignore[no-untyped-def]
    """dx of the activation of this code, from its output."""
    if code == _SIGMOID:
        return dy * y * (1 - y)
    if code == _TANH:
        return dy * (1 - y * y)
    if code == _RELU:
        return where(y > 0, dy, 0)
    if code == _HARD_SIGMOID:
        return where((y > 0) & (y < 1), dy / 6, 0)
    return dy


@inner
def _forwards_share(first, last, size, batch, packed, h0, c0, mask, gates, h, c):  # type: ignore[no-untyped-def]
    """All times for blocks of ``rows`` rows of the batch; ``gates`` holds the input's part."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, width, _ = size
    whole = (rows + tall - 1) // tall * tall  # rows of whole tiles
    across = (4 * units + width - 1) // width * width
    h_before = zero_run(whole * units, h.dtype)  # (whole, units)
    c_before = new_run(rows * units, h.dtype)  # (rows, units)
    sums = new_run(whole * across, h.dtype)  # (whole, across): h_before U
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for i in range(count * units):
            h_before[i], c_before[i] = h0[begin * units + i], c0[begin * units + i]
        for t in range(steps):
            _step_product(size, count, units, 4 * units, h_before, packed, sums)
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, of, at, to = units - j, r * across + j, row * 4 * units + j, row * units + j
                    for k in range(4):
                        prefetch(gates, at + (4 + k) * units)
                    prefetch(h, to + units)
                    prefetch(c, to + units)
                    i = _activated(recurrent, load(gates, at, some, 0) + load(sums, of, some, 0))
                    f = _activated(recurrent, load(gates, at + units, some, 0) + load(sums, of + units, some, 0))
                    g = _activated(cell, load(gates, at + 2 * units, some, 0) + load(sums, of + 2 * units, some, 0))
                    o = _activated(recurrent, load(gates, at + 3 * units, some, 0) + load(sums, of + 3 * units, some, 0))
                    now = f * load(c_before, r * units + j, some, 0) + i * g
                    out = o * _activated(cell, now)
                    if not counts:
                        now, out = load(c_before, r * units + j, some, 0), load(h_before, r * units + j, some, 0)
                    store(gates, at, some, i)
                    store(gates, at + units, some, f)
                    store(gates, at + 2 * units, some, g)
                    store(gates, at + 3 * units, some, o)
                    store(c, to, some, now)
                    store(c_before, r * units + j, some, now)
                    store(h, to, some, out)
                    store(h_before, r * units + j, some, out)


@compiled
def _forwards_on_threads(size, batch, packed, h0, c0, mask, gates, h, c):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, h0, c0, mask, gates, h, c)
    in_parallel(_forwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)


@inner
def _backwards_share(first, last, size, batch, packed, dh, c0, mask, c, gates, dz, dh0, dc0):  # type: ignore[no-untyped-def]
    """All times backwards for blocks of ``rows`` rows of the batch."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, width, _ = size
    whole = (rows + tall - 1) // tall * tall
    across = (units + width - 1) // width * width
    dz_now = zero_run(whole * 4 * units, dz.dtype)  # (whole, 4 units)
    dc_later = new_run(rows * units, dz.dtype)  # (rows, units)
    dh_later = new_run(whole * across, dz.dtype)  # (whole, across): dz_now U^T
    passing = new_run(rows * units, dz.dtype)  # (rows, units): dh of steps that do not count
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for i in range(count * units):
            dc_later[i] = dc0[begin * units + i]  # where the gradient of the last cell came
        dh_later[:] = 0
        for t in range(steps - 1, -1, -1):
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, at, to, here = units - j, row * 4 * units + j, row * units + j, r * 4 * units + j
                    for k in range(4):
                        prefetch(gates, at + (k - 4) * units)
                        prefetch(dz, at + (k - 4) * units)
                    prefetch(dh, to - units)
                    prefetch(c, to - 2 * units)
                    i, f = load(gates, at, some, 0), load(gates, at + units, some, 0)
                    g, o = load(gates, at + 2 * units, some, 0), load(gates, at + 3 * units, some, 0)
                    c_before = load(c, to - units, some, 0) if t else load(c0, (begin + r) * units + j, some, 0)
                    a_of_c = _activated(cell, load(c, to, some, 0))
                    dh_now = load(dh, to, some, 0) + load(dh_later, r * across + j, some, 0)
                    dc = _passed_back(cell, dh_now * o, a_of_c) + load(dc_later, r * units + j, some, 0)
                    di, df = _passed_back(recurrent, dc * g, i), _passed_back(recurrent, dc * c_before, f)
                    dg, do = _passed_back(cell, dc * i, g), _passed_back(recurrent, dh_now * a_of_c, o)
                    if counts:
                        store(dc_later, r * units + j, some, dc * f)
                    else:
                        store(passing, r * units + j, some, dh_now)
                        di = df = dg = do = load(gates, at, 0, 0)  # nothing but zeros
                    store(dz, at, some, di)
                    store(dz, at + units, some, df)
                    store(dz, at + 2 * units, some, dg)
                    store(dz, at + 3 * units, some, do)
                    store(dz_now, here, some, di)
                    store(dz_now, here + units, some, df)
                    store(dz_now, here + 2 * units, some, dg)
                    store(dz_now, here + 3 * units, some, do)
            _step_product(size, count, 4 * units, units, dz_now, packed, dh_later)
            if batch.masked:
                for r in range(count):
                    if not mask[(begin + r) * steps + t]:
                        for j in range(units):
                            dh_later[r * across + j] = passing[r * units + j]
        for r in range(count):
            for j in range(units):
                dh0[(begin + r) * units + j], dc0[(begin + r) * units + j] = dh_later[r * across + j], dc_later[r * units + j]


@compiled
def _backwards_on_threads(size, batch, packed, dh, c0, mask, c, gates, dz, dh0, dc0):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, dh, c0, mask, c, gates, dz, dh0, dc0)
    in_parallel(_backwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)
