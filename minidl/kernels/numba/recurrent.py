"""Recurrent networks: the input's part as one product, then every thread runs all times for its own rows of the batch.

Samples do not meet, so no thread waits for another between two times. Where W and U of an LSTM stay in a core's cache
together, the input's part is computed in the same product, and is not written and read in between. U is packed once; a step
is a product of the rows' last outputs with it, and the arithmetic of the cell while the sums are in the cache: in an LSTM the
four gates of ``LANES`` units are packed side by side, so that their sums are used as soon as they are there. What the next time
reads and writes is fetched meanwhile, for the rows of one time lie too far apart for the processor to foresee. How the
batch is cut up does not change the order in which a number is summed, so its bits do not depend on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.frozen import is_frozen, prepared
from minidl.kernels.numba._blocking import tiles_of_two_heights
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays, threads
from minidl.kernels.numba._matrix import in_columns, in_rows
from minidl.kernels.numba._panels import FEW_NUMBERS, whole_panels
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import copy_run, new_run, zero_run
from minidl.kernels.numba._tanh import tanh_of
from minidl.kernels.numba._tile import natural_lanes, tile, tile_of
from minidl.kernels.numba._vector import LANES, absolute, exp, load, load_all, prefetch, store, where
from minidl.kernels.numba.linear import dense

MOST = 32  # rows of the batch in one task: their sums stay in the caches, beside a panel of U
DEPTH = 256  # rows of a panel under work: 256 x 32 floats are 32 KiB
NEAR = 1 << 19  # bytes of W and U together that stay in a core's cache from step to step
SMALL = 200_000  # multiply-adds below which one thread is quicker than waking another
_NO_MASK = np.zeros(0, np.bool_)
_LINEAR, _SIGMOID, _TANH, _RELU, _HARD_SIGMOID, _HARD_SIGMOID_5 = range(6)
_CODES = {"linear": _LINEAR, "sigmoid": _SIGMOID, "tanh": _TANH, "relu": _RELU}
_CODES |= {"hard_sigmoid": _HARD_SIGMOID, "hard_sigmoid/5": _HARD_SIGMOID_5}  # of today's slope, and of 1/5


class Batch(NamedTuple):
    """What a task has to know of the batch and of the cell."""

    rows: int  # of the batch in a task
    n: int  # rows of the batch
    steps: int
    units: int
    cell: int  # code of the activation, see ``_CODES``
    recurrent: int  # code of the gates' activation
    masked: int  # whether there is a mask


@replays
def lstm(x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, activation: str, recurrent_activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.lstm``."""
    if _declines((activation, recurrent_activation), x, W, U, h0, c0) or x.ndim != 3 or not x.size or _is_odd(mask, x):
        return NotImplemented
    n, steps, _ = x.shape
    units = len(U)
    if U.shape != (units, 4 * units) or W.shape[1:] != U.shape[1:] or not (n, units) == h0.shape == c0.shape:
        return NotImplemented
    size, rows = _cut(n, units, 4 * units, steps, x.itemsize, group=4 * LANES)
    if W.nbytes + U.nbytes <= NEAR and b is not None:  # the input's part within the steps
        gates, inside, of_time, outside = CPU.pool.empty((n, steps, 4 * units), x.dtype), W, x.reshape(-1), b
    else:
        gates, inside, of_time = dense(x, W, b), W[:0], x.reshape(-1)[:0]
        if gates is NotImplemented:
            return NotImplemented
        outside = gates.reshape(-1)
    h, c = CPU.pool.empty((n, steps, units), x.dtype), CPU.pool.empty((n, steps, units), x.dtype)
    if len(inside) and not is_frozen(W):
        packed = _gates_side_by_side(inside, U, size[1])
    else:
        packed = prepared(U, ("gates", len(inside), size[1]), lambda: _gates_side_by_side(inside, U, size[1]))
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    arrays = packed, h0.reshape(-1), c0.reshape(-1), _flags(mask), gates.reshape(-1), h.reshape(-1), c.reshape(-1)
    _forwards_on_threads(size, batch, len(inside), of_time, outside, *arrays)
    return h, c, gates


@replays
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
    size, rows = _cut(n, 4 * units, units, steps, dh.itemsize)
    packed = whole_panels(in_columns(U, 4 * units, units), size[1])
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    arrays = packed, dh.reshape(-1), c0.reshape(-1), _flags(mask), c.reshape(-1), gates.reshape(-1)
    of_last = dh.reshape(-1)[:0] if dc is None else dc.reshape(-1)
    _backwards_on_threads(size, batch, *arrays, of_last, dz.reshape(-1), dh0.reshape(-1), dc0.reshape(-1))
    return dz, dh0, dc0


@replays
def simple_rnn(x: Any, W: Any, U: Any, b: Any, h0: Any, activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.simple_rnn``."""
    if _declines((activation,), x, W, U, h0) or x.ndim != 3 or _is_odd(mask, x):
        return NotImplemented
    n, steps, _ = x.shape
    units = len(U)
    if U.shape != (units, units) or W.shape[1:] != (units,) or h0.shape != (n, units):
        return NotImplemented
    h = dense(x, W, b)  # each step's sums, and in their place its output
    if h is NotImplemented:
        return NotImplemented
    size, rows = _cut(n, units, units, steps, x.itemsize)
    batch = rows, n, steps, units, _CODES[activation], _LINEAR, int(mask is not None)
    packed = prepared(U, ("panels", size[1]), lambda: whole_panels(in_rows(U, units, units), size[1]))
    _simple_forwards_on_threads(size, batch, packed, h0.reshape(-1), _flags(mask), h.reshape(-1))
    return h


@replays
def simple_rnn_grad(dh: Any, U: Any, h: Any, activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.simple_rnn_grad``."""
    if _declines((activation,), dh, U, h) or dh.ndim != 3 or not dh.size or _is_odd(mask, dh):
        return NotImplemented
    n, steps, units = dh.shape
    if U.shape != (units, units) or h.shape != dh.shape:
        return NotImplemented
    dz, dh0 = CPU.pool.empty(h.shape, h.dtype), CPU.pool.empty((n, units), h.dtype)
    size, rows = _cut(n, units, units, steps, dh.itemsize)
    batch = rows, n, steps, units, _CODES[activation], _LINEAR, int(mask is not None)
    arrays = whole_panels(in_columns(U, units, units), size[1]), dh.reshape(-1), _flags(mask), h.reshape(-1)
    _simple_backwards_on_threads(size, batch, *arrays, dz.reshape(-1), dh0.reshape(-1))
    return dz, dh0


@replays
def gru(
    x: Any,
    W: Any,
    U: Any,
    b: Any,
    h0: Any,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Any = None,
) -> Any:
    """Kernel of ``ops.recurrent.gru``; without ``reset_after`` a step has two products, and the reference takes it."""
    if _declines((activation, recurrent_activation), x, W, U, h0) or x.ndim != 3 or not reset_after or _is_odd(mask, x):
        return NotImplemented
    n, steps, _ = x.shape
    units = len(U)
    if U.shape != (units, 3 * units) or W.shape[1:] != U.shape[1:] or h0.shape != (n, units):
        return NotImplemented
    if b is not None and (b.shape != (2, 3 * units) or b.dtype != x.dtype):
        return NotImplemented
    gates = dense(x, W, None if b is None else b[0])
    if gates is NotImplemented:
        return NotImplemented
    h, p = CPU.pool.empty((n, steps, units), x.dtype), CPU.pool.empty((n, steps, units), x.dtype)
    size, rows = _cut(n, units, 3 * units, steps, x.itemsize)
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    of_h = np.zeros(3 * units, x.dtype) if b is None else b[1]
    packed = prepared(U, ("panels", size[1]), lambda: whole_panels(in_rows(U, units, 3 * units), size[1]))
    arrays = packed, of_h, h0.reshape(-1), _flags(mask)
    _gru_forwards_on_threads(size, batch, *arrays, gates.reshape(-1), h.reshape(-1), p.reshape(-1))
    return h, gates, p


@replays
def gru_grad(
    dh: Any,
    U: Any,
    h0: Any,
    h: Any,
    gates: Any,
    p: Any,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Any = None,
) -> Any:
    """Kernel of ``ops.recurrent.gru_grad``."""
    if _declines((activation, recurrent_activation), dh, U, h0, h, gates, p) or dh.ndim != 3 or not dh.size:
        return NotImplemented
    n, steps, units = dh.shape
    if not reset_after or _is_odd(mask, dh) or U.shape != (units, 3 * units) or h0.shape != (n, units):
        return NotImplemented
    if not h.shape == p.shape == dh.shape or gates.shape != (n, steps, 3 * units):
        return NotImplemented
    of_x, of_h = CPU.pool.empty(gates.shape, dh.dtype), CPU.pool.empty(gates.shape, dh.dtype)
    dh0 = CPU.pool.empty((n, units), dh.dtype)
    size, rows = _cut(n, 3 * units, units, steps, dh.itemsize)
    batch = rows, n, steps, units, _CODES[activation], _CODES[recurrent_activation], int(mask is not None)
    arrays = whole_panels(in_columns(U, 3 * units, units), size[1]), dh.reshape(-1), h0.reshape(-1), _flags(mask)
    kept = h.reshape(-1), gates.reshape(-1), p.reshape(-1)
    _gru_backwards_on_threads(size, batch, *arrays, *kept, of_x.reshape(-1), of_h.reshape(-1), dh0.reshape(-1))
    return of_x, of_h, dh0


@replays
def states_before(h0: Any, h: Any) -> Any:
    """Kernel of ``ops.recurrent.states_before``."""
    if h.ndim != 3 or not h.size or h0.shape != (len(h), h.shape[2]) or h.dtype not in FLOATS or h0.dtype != h.dtype:
        return NotImplemented
    found = CPU.pool.empty(h.shape, h.dtype)
    _before_on_threads(h0.reshape(-1), h.reshape(-1), found.reshape(-1), *h.shape)
    return found


def _declines(names: tuple[str, ...], *arrays: Any) -> bool:
    dtype = arrays[0].dtype
    return not set(names) <= set(_CODES) or dtype not in FLOATS or any(a.dtype != dtype for a in arrays)


def _is_odd(mask: Any, x: Any) -> bool:
    """Whether there is a mask that is not one flag for each step."""
    return mask is not None and (mask.dtype != np.bool_ or mask.shape != x.shape[:2])


def _flags(mask: Any) -> Any:
    return _NO_MASK if mask is None else mask.reshape(-1)


def _cut(n: int, depth: int, columns: int, steps: int, itemsize: int, group: int = 0) -> tuple[Any, int]:
    """The sizes of the tiles for a step's product (n, depth) (depth, columns), and the rows of the batch in a task."""
    work = 1 if n * steps * depth * columns < SMALL else threads()
    tasks = work * -(-n // (work * MOST))
    rows, lanes = -(-n // tasks), natural_lanes(itemsize)
    if rows <= 2:
        size = tile_of(rows, max(1, min(8, (group or columns) // lanes)), lanes, itemsize)
        return (*size, size[0], size[2], rows), rows
    sizes = tiles_of_two_heights(rows, columns, itemsize, group)
    assert sizes is not None
    return sizes, rows


def _gates_side_by_side(W: Any, U: Any, width: int) -> Any:
    """W over U as panels in which LANES units of each gate stand beside those of the others, flat."""
    units = len(U)
    packed = CPU.pool.empty((-(-units // LANES) * 4 * LANES * (len(W) + units),), U.dtype)
    _pack_gates(W.reshape(-1), U.reshape(-1), len(W), units, width, packed)
    return packed


@inner
def _pack_gates_share(first, last, W, U, inputs, units, width, packed):  # type: ignore[no-untyped-def]
    """Rows first to last of W over U as panels whose columns are LANES units of one gate after those of another."""
    depth, piece = inputs + units, min(width, LANES)
    for k in range(first, last):
        source, start = (W, k * 4 * units) if k < inputs else (U, (k - inputs) * 4 * units)
        for j in range(0, units, LANES):
            for q in range(0, 4 * LANES, piece):
                gate, unit, column = q // LANES, j + q % LANES, 4 * j + q
                at = (column // width * depth + k) * width + column % width
                store(packed, at, piece, load(source, start + gate * units + unit, max(0, units - unit), 0))


@compiled
def _pack_gates(W, U, inputs, units, width, packed):  # type: ignore[no-untyped-def]
    arguments = (W, U, inputs, units, width, packed)
    if len(packed) < FEW_NUMBERS:
        _pack_gates_share(0, inputs + units, *arguments)
    else:
        in_parallel(_pack_gates_share, inputs + units, arguments)


@inner
def _before_share(first, last, h0, h, found, steps, units):  # type: ignore[no-untyped-def]
    """Samples first to last - 1."""
    for r in range(first, last):
        copy_run(h0, r * units, found, r * steps * units, units)
        copy_run(h, r * steps * units, found, (r * steps + 1) * units, (steps - 1) * units)


@compiled
def _before_on_threads(h0, h, found, n, steps, units):  # type: ignore[no-untyped-def]
    arguments = (h0, h, found, steps, units)
    if len(h) < FEW_NUMBERS:
        _before_share(0, n, *arguments)
    else:
        in_parallel(_before_share, n, arguments)


@inner
def _step_product(size, count, depth, begin, columns, a, packed, sums):  # type: ignore[no-untyped-def]
    """sums = columns begin, .. of a b; ``size`` is what ``tiles_of_two_heights`` gives.

    a (.., depth) has rows behind the first ``count`` to fill the last tile, and sums are as wide as whole panels.
    """
    high, width, address, low, low_address, first = size
    panels = (columns + width - 1) // width
    for p in range(panels):
        for k in range(0, depth, DEPTH):
            right = (begin + p * width) * depth + k * width
            r = 0
            while r < count:
                rows, code = (high, address) if r < first else (low, low_address)
                at, to = r * depth + k, r * panels * width + p * width
                r += rows
                tile(
                    (rows, width, code), outer=1, depth=min(DEPTH, depth - k),
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
        return tanh_of(v)
    if code == _RELU:
        return where(v < 0, 0, v)
    if code == _HARD_SIGMOID:
        y = v / 6 + 0.5
        y = where(y < 0, 0, y)
        return where(y > 1, 1, y)
    if code == _HARD_SIGMOID_5:
        y = v / 5 + 0.5
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
    if code == _HARD_SIGMOID_5:
        return where((y > 0) & (y < 1), dy / 5, 0)
    return dy


@inner
def _forwards_share(first, last, size, batch, inputs, x, outside, packed, h0, c0, mask, gates, h, c):  # type: ignore[no-untyped-def]
    """All times for blocks of ``rows`` rows of the batch.

    Where ``inputs`` are not 0, W comes with U, and ``outside`` is the bias; else it is the input's part of all times.
    """
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, depth, across = size[0], inputs + units, 4 * LANES
    whole = (rows + tall - 1) // tall * tall  # rows of whole tiles
    now, later = zero_run(whole * depth, h.dtype), zero_run(whole * depth, h.dtype)  # (whole, depth): x_t, h_{t-1}; the next
    c_before = new_run(rows * units, h.dtype)  # (rows, units)
    sums = new_run(whole * across, h.dtype)  # (whole, across): four gates of LANES units
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for r in range(count):
            copy_run(h0, (begin + r) * units, now, r * depth + inputs, units)
            copy_run(c0, (begin + r) * units, c_before, r * units, units)
        for t in range(steps):
            for r in range(count if inputs else 0):
                copy_run(x, ((begin + r) * steps + t) * inputs, now, r * depth, inputs)
            for j in range(0, units, LANES):
                _step_product(size, count, depth, 4 * j, across, now, packed, sums)
                for r in range(count):
                    row, of = (begin + r) * steps + t, r * across
                    some, at, to, before = units - j, row * 4 * units + j, row * units + j, r * depth + inputs + j
                    z = j if inputs else at
                    for k in range(4):
                        prefetch(gates, at + (4 + k) * units)
                    prefetch(h, to + units)
                    prefetch(c, to + units)
                    i = _activated(recurrent, load(outside, z, some, 0) + load_all(sums, of))
                    f = _activated(recurrent, load(outside, z + units, some, 0) + load_all(sums, of + LANES))
                    g = _activated(cell, load(outside, z + 2 * units, some, 0) + load_all(sums, of + 2 * LANES))
                    o = _activated(recurrent, load(outside, z + 3 * units, some, 0) + load_all(sums, of + 3 * LANES))
                    c_now = f * load(c_before, r * units + j, some, 0) + i * g
                    out = o * _activated(cell, c_now)
                    if batch.masked and not mask[row]:
                        c_now, out = load(c_before, r * units + j, some, 0), load(now, before, some, 0)
                    store(gates, at, some, i)
                    store(gates, at + units, some, f)
                    store(gates, at + 2 * units, some, g)
                    store(gates, at + 3 * units, some, o)
                    store(h, to, some, out)
                    store(c, to, some, c_now)
                    store(later, before, some, out)
                    store(c_before, r * units + j, some, c_now)
            now, later = later, now


@compiled
def _forwards_on_threads(size, batch, inputs, x, outside, packed, h0, c0, mask, gates, h, c):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), inputs, x, outside, packed, h0, c0, mask, gates, h, c)
    in_parallel(_forwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)


@inner
def _backwards_share(first, last, size, batch, packed, dh, c0, mask, c, gates, dc_last, dz, dh0, dc0):  # type: ignore[no-untyped-def]
    """All times backwards for blocks of ``rows`` rows of the batch."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, width = size[0], size[1]
    whole = (rows + tall - 1) // tall * tall
    across = (units + width - 1) // width * width
    dz_now = zero_run(whole * 4 * units, dz.dtype)  # (whole, 4 units)
    dc_later = new_run(rows * units, dz.dtype)  # (rows, units)
    dh_later = new_run(whole * across, dz.dtype)  # (whole, across): dz_now U^T
    passing = new_run(rows * units, dz.dtype)  # (rows, units): dh of steps that do not count
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for i in range(count * units):
            dc_later[i] = dc_last[begin * units + i] if len(dc_last) else 0
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
            _step_product(size, count, 4 * units, 0, units, dz_now, packed, dh_later)
            if batch.masked:
                for r in range(count):
                    if not mask[(begin + r) * steps + t]:
                        for j in range(units):
                            dh_later[r * across + j] = passing[r * units + j]
        for r in range(count):
            for j in range(units):
                dh0[(begin + r) * units + j], dc0[(begin + r) * units + j] = dh_later[r * across + j], dc_later[r * units + j]


@compiled
def _backwards_on_threads(size, batch, packed, dh, c0, mask, c, gates, dc_last, dz, dh0, dc0):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, dh, c0, mask, c, gates, dc_last, dz, dh0, dc0)
    in_parallel(_backwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)


# -- the simple network ------------------------------------------------------------------------------------------------


@inner
def _simple_forwards_share(first, last, size, batch, packed, h0, mask, h):  # type: ignore[no-untyped-def]
    """All times for blocks of ``rows`` rows of the batch; ``h`` holds the input's part."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    tall, width = size[0], size[1]
    whole, across = (rows + tall - 1) // tall * tall, (units + width - 1) // width * width
    h_before = zero_run(whole * units, h.dtype)  # (whole, units)
    sums = new_run(whole * across, h.dtype)  # (whole, across): h_before U
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for i in range(count * units):
            h_before[i] = h0[begin * units + i]
        for t in range(steps):
            _step_product(size, count, units, 0, units, h_before, packed, sums)
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, at, here = units - j, row * units + j, r * units + j
                    prefetch(h, at + units)
                    out = _activated(batch.cell, load(h, at, some, 0) + load(sums, r * across + j, some, 0))
                    if not counts:
                        out = load(h_before, here, some, 0)
                    store(h, at, some, out)
                    store(h_before, here, some, out)


@compiled
def _simple_forwards_on_threads(size, batch, packed, h0, mask, h):  # type: ignore[no-untyped-def]
    in_parallel(_simple_forwards_share, (batch[1] + batch[0] - 1) // batch[0], (size, Batch(*batch), packed, h0, mask, h))


@inner
def _simple_backwards_share(first, last, size, batch, packed, dh, mask, h, dz, dh0):  # type: ignore[no-untyped-def]
    """All times backwards for blocks of ``rows`` rows of the batch."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    tall, width = size[0], size[1]
    whole, across = (rows + tall - 1) // tall * tall, (units + width - 1) // width * width
    dz_now = zero_run(whole * units, dz.dtype)  # (whole, units)
    dh_later = new_run(whole * across, dz.dtype)  # (whole, across): dz_now U^T
    passing = new_run(rows * units, dz.dtype)  # (rows, units): dh of steps that do not count
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        dh_later[:] = 0
        for t in range(steps - 1, -1, -1):
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, at, here = units - j, row * units + j, r * units + j
                    prefetch(h, at - units)
                    prefetch(dh, at - units)
                    prefetch(dz, at - units)
                    dh_now = load(dh, at, some, 0) + load(dh_later, r * across + j, some, 0)
                    d = _passed_back(batch.cell, dh_now, load(h, at, some, 0))
                    if not counts:
                        store(passing, here, some, dh_now)
                        d = load(h, at, 0, 0)  # nothing but zeros
                    store(dz, at, some, d)
                    store(dz_now, here, some, d)
            _step_product(size, count, units, 0, units, dz_now, packed, dh_later)
            if batch.masked:
                for r in range(count):
                    if not mask[(begin + r) * steps + t]:
                        for j in range(units):
                            dh_later[r * across + j] = passing[r * units + j]
        for r in range(count):
            for j in range(units):
                dh0[(begin + r) * units + j] = dh_later[r * across + j]


@compiled
def _simple_backwards_on_threads(size, batch, packed, dh, mask, h, dz, dh0):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, dh, mask, h, dz, dh0)
    in_parallel(_simple_backwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)


# -- GRU ---------------------------------------------------------------------------------------------------------------


@inner
def _gru_forwards_share(first, last, size, batch, packed, b, h0, mask, gates, h, p):  # type: ignore[no-untyped-def]
    """All times for blocks of ``rows`` rows of the batch; ``gates`` holds the input's part, b is that of the state's."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, width = size[0], size[1]
    whole, across = (rows + tall - 1) // tall * tall, (3 * units + width - 1) // width * width
    h_before = zero_run(whole * units, h.dtype)  # (whole, units)
    sums = new_run(whole * across, h.dtype)  # (whole, across): h_before U
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        for i in range(count * units):
            h_before[i] = h0[begin * units + i]
        for t in range(steps):
            _step_product(size, count, units, 0, 3 * units, h_before, packed, sums)
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, of, at, to, here = units - j, r * across + j, row * 3 * units + j, row * units + j, r * units + j
                    for k in range(3):
                        prefetch(gates, at + (3 + k) * units)
                    prefetch(h, to + units)
                    prefetch(p, to + units)
                    from_z = load(sums, of, some, 0) + load(b, j, some, 0)
                    from_r = load(sums, of + units, some, 0) + load(b, units + j, some, 0)
                    from_g = load(sums, of + 2 * units, some, 0) + load(b, 2 * units + j, some, 0)
                    update = _activated(recurrent, load(gates, at, some, 0) + from_z)
                    reset = _activated(recurrent, load(gates, at + units, some, 0) + from_r)
                    g = _activated(cell, load(gates, at + 2 * units, some, 0) + reset * from_g)
                    before = load(h_before, here, some, 0)
                    out = update * before + (1 - update) * g
                    if not counts:
                        out = before
                    store(gates, at, some, update)
                    store(gates, at + units, some, reset)
                    store(gates, at + 2 * units, some, g)
                    store(p, to, some, from_g)
                    store(h, to, some, out)
                    store(h_before, here, some, out)


@compiled
def _gru_forwards_on_threads(size, batch, packed, b, h0, mask, gates, h, p):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, b, h0, mask, gates, h, p)
    in_parallel(_gru_forwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)


@inner
def _gru_backwards_share(  # type: ignore[no-untyped-def]
    first, last, size, batch, packed, dh, h0, mask, h, gates, p, of_x, of_h, dh0
):
    """All times backwards for blocks of ``rows`` rows of the batch."""
    rows, n, steps, units = batch.rows, batch.n, batch.steps, batch.units
    cell, recurrent = batch.cell, batch.recurrent
    tall, width = size[0], size[1]
    whole, across = (rows + tall - 1) // tall * tall, (units + width - 1) // width * width
    now = zero_run(whole * 3 * units, dh.dtype)  # (whole, 3 units): of_h of this time
    dh_later = new_run(whole * across, dh.dtype)  # (whole, across): now U^T, and what passes by
    passing = new_run(rows * units, dh.dtype)  # (rows, units): dh z, or dh of steps that do not count
    for block in range(first, last):
        begin, count = block * rows, min(rows, n - block * rows)
        dh_later[:] = 0
        for t in range(steps - 1, -1, -1):
            for r in range(count):
                row = (begin + r) * steps + t
                counts = batch.masked == 0 or mask[row]
                for j in range(0, units, LANES):
                    some, at, to, here = units - j, row * 3 * units + j, row * units + j, r * 3 * units + j
                    for k in range(3):
                        prefetch(gates, at + (k - 3) * units)
                        prefetch(of_x, at + (k - 3) * units)
                        prefetch(of_h, at + (k - 3) * units)
                    prefetch(dh, to - units)
                    prefetch(p, to - units)
                    prefetch(h, to - 2 * units)
                    update, reset = load(gates, at, some, 0), load(gates, at + units, some, 0)
                    g = load(gates, at + 2 * units, some, 0)
                    before = load(h, to - units, some, 0) if t else load(h0, (begin + r) * units + j, some, 0)
                    dh_now = load(dh, to, some, 0) + load(dh_later, r * across + j, some, 0)
                    dg = _passed_back(cell, dh_now * (1 - update), g)
                    d_update = _passed_back(recurrent, dh_now * (before - g), update)
                    d_reset = _passed_back(recurrent, dg * load(p, to, some, 0), reset)
                    dp, past = dg * reset, dh_now * update
                    if not counts:
                        past = dh_now
                        d_update = d_reset = dg = dp = load(gates, at, 0, 0)  # nothing but zeros
                    store(passing, r * units + j, some, past)
                    store(of_x, at, some, d_update)
                    store(of_x, at + units, some, d_reset)
                    store(of_x, at + 2 * units, some, dg)
                    store(of_h, at, some, d_update)
                    store(of_h, at + units, some, d_reset)
                    store(of_h, at + 2 * units, some, dp)
                    store(now, here, some, d_update)
                    store(now, here + units, some, d_reset)
                    store(now, here + 2 * units, some, dp)
            _step_product(size, count, 3 * units, 0, units, now, packed, dh_later)
            for r in range(count):
                for j in range(units):
                    dh_later[r * across + j] += passing[r * units + j]
        for r in range(count):
            for j in range(units):
                dh0[(begin + r) * units + j] = dh_later[r * across + j]


@compiled
def _gru_backwards_on_threads(size, batch, packed, dh, h0, mask, h, gates, p, of_x, of_h, dh0):  # type: ignore[no-untyped-def]
    arguments = (size, Batch(*batch), packed, dh, h0, mask, h, gates, p, of_x, of_h, dh0)
    in_parallel(_gru_backwards_share, (batch[1] + batch[0] - 1) // batch[0], arguments)
