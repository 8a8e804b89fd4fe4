"""Convolution of images of one channel with few filters: a vector has all of them, at several neighbouring positions.

With one filter in each lane, six filters leave ten of sixteen lanes idle. Here ``side`` positions stand side by side:

    lane q side + p     filter q at position p        side = lanes / (filters, rounded up to a power of two)

As there is one channel and the window moves on by one pixel, what the positions see stands side by side too: under tap l
the numbers x[p + l], the same for all filters. So a load of ``side`` numbers, repeated, serves all lanes.

    forward   y[q, p] = sum_l W[l, q] x[p + l], of some neighbours of a row at a time, then y goes from (q, p) to (p, q)
    dW        dW[l, q] = sum_p dy[p, q] x[p + l], dy turned to (q, p) first, for some rows of the window at a time

All arrays are flat; starts and steps count numbers, not bytes.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.frozen import prepared
from minidl.geometry import Window
from minidl.kernels.numba._jit import DISABLED, compiled, inner
from minidl.kernels.numba._machine import MACHINE
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._pixels import Shape, copy_pixels, window_shape
from minidl.kernels.numba._runs import clear_run, zero_run
from minidl.kernels.numba._tile import natural_lanes

MOST = {32: 24, 16: 10}  # vectors of sums in so many registers
Code = tuple[
    int, int, int, int, int
]  # positions and filters in a vector, how many (groups, or rows and columns of taps), address


def side_of(filters: int, itemsize: int) -> int:
    """Neighbouring positions in a vector."""
    return natural_lanes(itemsize) >> (filters - 1).bit_length()


def takes(window: Window, channels: int, filters: int, itemsize: int) -> bool:
    """Whether all filters fit a vector, and the sums of a row of the window the registers."""
    alone = channels == window.strides[1] == window.dilation[1] == 1
    return alone and side_of(filters, itemsize) > 0 and window.size[1] <= MOST[MACHINE.registers]


def correlate(x: Any, W: Any, bias: Any, window: Window, y: Any, relu: bool, blocks: int) -> None:
    """y (n, oh, ow, f) from x (n, h, w, 1) and W (kh, kw, 1, f), then + bias (none: of length 0) and ReLU."""
    f, ow = y.shape[-1], y.shape[2]
    side = side_of(f, x.itemsize)
    groups = -(-ow // side)
    at_once = -(-groups // -(-groups // MOST[MACHINE.registers]))
    code = _forward_code(side, f, at_once, natural_lanes(x.itemsize), x.itemsize)
    packed, biases = (prepared(a, ("in lanes", side), partial(_in_lanes, a.reshape(-1), f, side)) for a in (W, bias))
    shape = window_shape(x, window, y)
    _forward_on_threads(code, int(relu), x.reshape(-1), packed, biases, y.reshape(-1), shape, blocks)


def grad_W(x: Any, dy: Any, window: Window, dW: Any, shares: int) -> None:
    """dW (kh, kw, 1, f) from x (n, h, w, 1) and dy (n, oh, ow, f), summed in ``shares`` parts."""
    kh, kw, _, f = dW.shape
    side, lanes = side_of(f, x.itemsize), natural_lanes(x.itemsize)
    down = min(MOST[MACHINE.registers] // kw, kh)
    codes = tuple(_backward_code(side, f, (k, kw), lanes, x.itemsize) for k in (down, kh % down or down))
    sums = CPU.pool.empty((shares, kh * kw * lanes), x.dtype)
    _backward_on_threads(codes, x.reshape(-1), dy.reshape(-1), sums, window_shape(x, window, dy))
    of_lanes = sum_of(sums).reshape(kh * kw, -1, side)
    dW.reshape(kh * kw, f)[...] = of_lanes[:, :f].sum(axis=-1)


def _in_lanes(rows: Any, filters: int, side: int) -> Any:
    """(m, filters) as (m, lanes), flat: each number for ``side`` positions, zeros behind the last filter; of m = 0 one row."""
    lanes = natural_lanes(rows.itemsize)
    spread = np.empty(max(len(rows) // filters, 1) * lanes, rows.dtype)
    _spread(rows, filters, side, lanes, spread)
    return spread


@compiled
def _spread(rows, filters, side, lanes, spread):  # type: ignore[no-untyped-def]
    clear_run(spread, 0, len(spread))
    for m in range(len(rows) // filters):
        for lane in range(filters * side):
            spread[m * lanes + lane] = rows[m * filters + lane // side]


if DISABLED:

    def _forward_code(side: int, filters: int, groups: int, lanes: int, itemsize: int) -> Code:
        """Results of so many vectors, to be given to ``forward_groups``."""
        return side, filters, groups, lanes, 0

    def forward_groups(code, kh, kw, x, x_start, x_row_step, W, bias, relu, y, y_start, last):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        side, f, groups, lanes, _ = code
        for p in range((groups - 1) * side + last):
            for q in range(f):
                total = bias[q * side]
                for k in range(kh):
                    for l in range(kw):  # noqa: E741
                        total += W[(k * kw + l) * lanes + q * side] * x[x_start + k * x_row_step + l + p]
                y[y_start + p * f + q] = 0 if relu and total < 0 else total

    def _backward_code(side: int, filters: int, taps: tuple[int, int], lanes: int, itemsize: int) -> Code:
        """Sums for so many (rows, columns) of taps, to be given to ``backward_taps``."""
        return side, filters, taps[0], lanes, 0

    def backward_taps(code, kw, oh, ow, x, x_start, x_row_step, x_tap_step, dy, dy_start, sums, s_start, add):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        side, f, down, lanes, _ = code
        for t in range(down * kw):
            row = sums[s_start + t * lanes : s_start + (t + 1) * lanes]
            if not add:
                row[:] = 0
            for i in range(oh):
                for p in range(ow):
                    seen = x[x_start + i * x_row_step + t // kw * x_tap_step + t % kw + p]
                    row[p % side : f * side : side] += seen * dy[dy_start + (i * ow + p) * f : dy_start + (i * ow + p + 1) * f]

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import (
        INDEX,
        call,
        call_intrinsic,
        load_some,
        machine_code,
        multiply_add,
        number_type,
        place,
        spelling,
        store_some,
    )
    from minidl.kernels.numba._private import cgutils, data_of

    _I32 = ir.IntType(32)

    class _Vectors:
        """What both directions do with vectors of ``side`` positions of each filter."""

        def __init__(self, builder: Any, side: int, filters: int, lanes: int, itemsize: int) -> None:
            self.builder, self.side, self.filters, self.lanes, self.itemsize = builder, side, filters, lanes, itemsize
            number = number_type(itemsize)
            self.kind, self.few = ir.VectorType(number, lanes), ir.VectorType(number, side)
            self.zero = ir.Constant(self.kind, [0.0] * lanes)

        def load(self, base: Any, offset: Any) -> Any:
            """All lanes from memory."""
            pointer = self.builder.gep(base, [offset])
            return self.builder.load(self.builder.bitcast(pointer, self.kind.as_pointer()), align=self.itemsize)

        def repeated(self, base: Any, offset: Any) -> Any:
            """``side`` numbers, for each filter again."""
            pointer = self.builder.bitcast(self.builder.gep(base, [offset]), self.few.as_pointer())
            few = self.builder.load(pointer, align=self.itemsize)
            return self._picked(few, few, [lane % self.side for lane in range(self.lanes)])

        def by_position(self, v: Any) -> Any:
            """From (filter, position) to (position, filter)."""
            picks = [lane % self.filters * self.side + lane // self.filters for lane in range(self.side * self.filters)]
            return self._picked(v, self.zero, picks + [self.lanes] * (self.lanes - len(picks)))

        def by_filter(self, v: Any) -> Any:
            """From (position, filter) to (filter, position), zeros behind."""
            picks = [lane % self.side * self.filters + lane // self.side for lane in range(self.side * self.filters)]
            return self._picked(v, self.zero, picks + [self.lanes] * (self.lanes - len(picks)))

        def load_some(self, base: Any, offset: Any, count: Any) -> Any:
            """The first ``count`` lanes, zeros behind; nothing else is read."""
            if isinstance(count, ir.Constant) and count.constant == self.lanes:
                return self.load(base, offset)
            pointer = self.builder.bitcast(self.builder.gep(base, [offset]), self.kind.as_pointer())
            if not MACHINE.loads_parts:
                return load_some(self.builder, self.kind, pointer, count, self.zero, self.itemsize)
            name = f"llvm.masked.load.{spelling(self.kind)}.p0"
            return call_intrinsic(self.builder, name, self.kind, [pointer, _I32(self.itemsize), self._first(count), self.zero])

        def store(self, v: Any, base: Any, offset: Any, count: Any = None) -> None:
            """All lanes, or the first ``count``, which are written and nothing else."""
            pointer = self.builder.bitcast(self.builder.gep(base, [offset]), self.kind.as_pointer())
            if count is None:
                self.builder.store(v, pointer).align = self.itemsize
            elif not MACHINE.stores_parts:
                store_some(self.builder, v, pointer, count, self.itemsize)
            else:
                name = f"llvm.masked.store.{spelling(self.kind)}.p0"
                arguments = [v, pointer, _I32(self.itemsize), self._first(count)]
                call_intrinsic(self.builder, name, ir.VoidType(), arguments)

        def _first(self, count: Any) -> Any:
            numbers = ir.VectorType(_I32, self.lanes)
            one = self.builder.insert_element(ir.Constant(numbers, ir.Undefined), self.builder.trunc(count, _I32), _I32(0))
            spread = self.builder.shuffle_vector(one, one, ir.Constant(numbers, [0] * self.lanes))
            return self.builder.icmp_signed("<", ir.Constant(numbers, list(range(self.lanes))), spread)

        def _picked(self, a: Any, b: Any, lanes: list[int]) -> Any:
            return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))

    @lru_cache(maxsize=64)
    def _forward_code(side: int, filters: int, groups: int, lanes: int, itemsize: int) -> Code:
        """Results of so many vectors, to be given to ``forward_groups``."""

        def emit(builder: Any, arguments: Any) -> None:
            kh, kw, x, x_row_step, W, bias, relu, y, last = arguments
            vectors = _Vectors(builder, side, filters, lanes, itemsize)
            biases = vectors.load(bias, INDEX(0))
            sums = [cgutils.alloca_once_value(builder, biases) for _ in range(groups)]
            with cgutils.for_range(builder, kh) as rows:
                row = builder.gep(x, [builder.mul(rows.index, x_row_step)])
                of_W = builder.gep(W, [builder.mul(builder.mul(rows.index, kw), INDEX(lanes))])
                with cgutils.for_range(builder, kw) as columns:
                    at = builder.gep(row, [columns.index])
                    w = vectors.load(of_W, builder.mul(columns.index, INDEX(lanes)))
                    for g, total in enumerate(sums):
                        seen = vectors.repeated(at, INDEX(g * side))
                        builder.store(multiply_add(builder, seen, w, builder.load(total)), total)
            with builder.if_then(builder.icmp_signed("!=", relu, INDEX(0))):
                for total in sums:
                    value = builder.load(total)
                    below = builder.fcmp_ordered("<", value, vectors.zero)  # NaN is not below zero
                    builder.store(builder.select(below, vectors.zero, value), total)
            for g, total in enumerate(sums):  # lanes behind the last filter are written over by the next group
                behind = (groups - 1 - g) * side * filters  # numbers up to the last group
                count = None if behind >= lanes else builder.add(builder.mul(last, INDEX(filters)), INDEX(behind))
                vectors.store(vectors.by_position(builder.load(total)), y, INDEX(g * side * filters), count)

        pointer = number_type(itemsize).as_pointer()
        arguments = [INDEX, INDEX, pointer, INDEX, pointer, pointer, INDEX, pointer, INDEX]
        name = f"one_channel_{side}_{filters}_{groups}_{lanes}_{itemsize}"
        return side, filters, groups, lanes, machine_code(name, arguments, emit)

    @intrinsic
    def forward_groups(typingctx, code, kh, kw, x, x_start, x_row_step, W, bias, relu, y, y_start, last):  # type: ignore[no-untyped-def]
        """``groups`` vectors of results side by side in a row; the last one has ``last`` positions."""
        index = types.intp
        signature = types.void(code, index, index, x, index, index, W, bias, index, y, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            of_W, of_bias = (data_of(context, builder, sig.args[number], args[number]) for number in (6, 7))
            address = builder.extract_value(args[0], 4)
            call(builder, address, [*args[1:3], start(3), args[5], of_W, of_bias, args[8], start(9), args[11]])
            return context.get_dummy_value()

        return signature, codegen

    @lru_cache(maxsize=64)
    def _backward_code(side: int, filters: int, taps: tuple[int, int], lanes: int, itemsize: int) -> Code:
        """Sums for so many (rows, columns) of taps, to be given to ``backward_taps``."""

        def emit(builder: Any, arguments: Any) -> None:
            oh, ow, x, x_row_step, x_tap_step, dy, sums, add = arguments
            vectors = _Vectors(builder, side, filters, lanes, itemsize)
            totals = [[cgutils.alloca_once_value(builder, vectors.zero) for _ in range(taps[1])] for _ in range(taps[0])]
            whole = builder.sdiv(ow, INDEX(side))
            rest = builder.sub(ow, builder.mul(whole, INDEX(side)))
            with cgutils.for_range(builder, oh) as rows:
                of_dy = builder.gep(dy, [builder.mul(builder.mul(rows.index, ow), INDEX(filters))])
                row = builder.gep(x, [builder.mul(rows.index, x_row_step)])

                def add_group(group: Any, count: Any) -> None:
                    loaded = vectors.load_some(of_dy, builder.mul(group, INDEX(side * filters)), count)
                    gradient = vectors.by_filter(loaded)
                    at = builder.gep(row, [builder.mul(group, INDEX(side))])
                    for k, of_row in enumerate(totals):
                        tap_row = builder.gep(at, [builder.mul(x_tap_step, INDEX(k))])
                        for l, total in enumerate(of_row):  # noqa: E741
                            seen = vectors.repeated(tap_row, INDEX(l))
                            builder.store(multiply_add(builder, seen, gradient, builder.load(total)), total)

                with cgutils.for_range(builder, whole) as groups:
                    add_group(groups.index, INDEX(side * filters))
                with builder.if_then(builder.icmp_signed("!=", rest, INDEX(0))):
                    add_group(whole, builder.mul(rest, INDEX(filters)))
            for k, of_row in enumerate(totals):
                for l, total in enumerate(of_row):  # noqa: E741
                    at = INDEX((k * taps[1] + l) * lanes)
                    with builder.if_then(builder.icmp_signed("!=", add, INDEX(0))):
                        builder.store(builder.fadd(builder.load(total), vectors.load(sums, at)), total)
                    vectors.store(builder.load(total), sums, at)

        pointer = number_type(itemsize).as_pointer()
        arguments = [INDEX, INDEX, pointer, INDEX, INDEX, pointer, pointer, INDEX]
        name = f"one_channel_W_{side}_{filters}_{taps[0]}_{taps[1]}_{lanes}_{itemsize}"
        return side, filters, taps[0], lanes, machine_code(name, arguments, emit)

    @intrinsic
    def backward_taps(typingctx, code, kw, oh, ow, x, x_start, x_row_step, x_tap_step, dy, dy_start, sums, s_start, add):  # type: ignore[no-untyped-def]
        """Sums over all positions of an image, for some rows of the window."""
        index = types.intp
        signature = types.void(code, index, index, index, x, index, index, index, dy, index, sums, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            address = builder.extract_value(args[0], 4)
            call(builder, address, [*args[2:4], start(4), *args[6:8], start(8), start(10), args[12]])
            return context.get_dummy_value()

        return signature, codegen


@inner
def _forward_rows(code, relu, image, i0, i1, x, W, bias, y, shape):  # type: ignore[no-untyped-def]
    """Output rows i0 to i1 of one image."""
    side, f, groups, lanes, _ = code
    (h, w, _), (oh, ow, _), (kh, kw), (sh, _) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, _), (left, right)) = shape.row_dilation, shape.pads
    line = left + w + right
    count = (i1 - i0 - 1) * sh + (kh - 1) * dh + 1
    padded = zero_run(count * line + lanes + side, x.dtype)  # (count, line): the rows of x that the windows see
    copy_pixels(x, padded, image, h, w, 1, i0 * sh - top, count, left, line)
    at_once = groups * side
    for i in range(i1 - i0):
        for first in range(0, ow, at_once):
            start = min(first, max(ow - at_once, 0))  # the last ones may overlap those before
            last = min(ow - start - (groups - 1) * side, side)
            forward_groups(
                code, kh, kw, padded, i * sh * line + start, dh * line, W, bias, relu,
                y, ((image * oh + i0 + i) * ow + start) * f, last,
            )  # fmt: skip


@inner
def _forward_share(first, last, code, relu, x, W, bias, y, shape, blocks):  # type: ignore[no-untyped-def]
    """Blocks of output rows, ``blocks`` of them in each image."""
    oh = shape.y[0]
    for index in range(first, last):
        image, block = index // blocks, index % blocks
        i0, i1 = block * oh // blocks, (block + 1) * oh // blocks
        _forward_rows(code, relu, image, i0, i1, x, W, bias, y, shape)


@compiled
def _forward_on_threads(code, relu, x, W, bias, y, shape, blocks):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, shape[0] * blocks, (code, relu, x, W, bias, y, Shape(*shape), blocks))


@inner
def _backward_share(first, last, codes, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    (h, w, _), (oh, ow, f), (kh, kw), (sh, _) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    several, rest = codes
    side, lanes, down = several[0], several[3], several[2]
    line, height = left + w + right + side, top + h + bottom  # zeros behind a row, for positions that are not there
    padded = zero_run(height * line + lanes + kw, x.dtype)  # (height, line): an image with its padding
    n, shares = shape.images, len(sums)
    for s in range(first, last):
        begin = s * n // shares
        for image in range(begin, (s + 1) * n // shares):
            copy_pixels(x, padded, image, h, w, 1, -top, height, left, line)
            for k in range(0, kh, down):
                backward_taps(
                    several if k + down <= kh else rest, kw, oh, ow, padded, k * dh * line, sh * line, dh * line,
                    dy, image * oh * ow * f, sums[s], k * kw * lanes, image - begin,
                )  # fmt: skip


@compiled
def _backward_on_threads(codes, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_share, len(sums), (codes, x, dy, sums, Shape(*shape)))
