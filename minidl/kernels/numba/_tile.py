"""The innermost loop of every matrix product and convolution: one tile of results held in vector registers.

    c[r, :] (+)= sum_o sum_k a(r, o, k) b[o, k, :]        r < rows,  width = vectors x lanes numbers per row
                 + bias[:], then ReLU                     if ``finished_tile`` is told so

The compiler is handed vector instructions directly (multiply-adds of vectors of ``lanes`` numbers), because it does not find
this blocking by itself. rows x vectors accumulators plus the row of b must fit the registers of the ``MACHINE``. All arrays
are flat.

Sixteen arguments are too many to tell apart by their order: name them in calls, ``tile(size, outer=1, depth=k, a=x, ...)``.
Starts and steps count numbers, not bytes: a(r, o, k) stands at a[a_start + r a_row_step + o a_outer_step + k a_k_step].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._machine import MACHINE

Size = tuple[int, int, int]  # rows, width, address of the code


if DISABLED:

    def tile_of(rows: int, vectors: int, lanes: int, itemsize: int) -> Size:
        """A tile of this size, to be given to ``tile``."""
        return rows, vectors * lanes, 0

    def tile(  # type: ignore[no-untyped-def]
        size, outer, depth, a, a_start, a_row_step, a_outer_step, a_k_step,
        b, b_start, b_outer_step, b_k_step, c, c_start, c_row_step, add,
    ):  # fmt: skip
        """See the module."""
        finished_tile(
            size, outer, depth, a, a_start, a_row_step, a_outer_step, a_k_step,
            b, b_start, b_outer_step, b_k_step, c, c_start, c_row_step, add, c, 0, 0, 0,
        )  # fmt: skip

    def finished_tile(  # type: ignore[no-untyped-def]
        size, outer, depth, a, a_start, a_row_step, a_outer_step, a_k_step,
        b, b_start, b_outer_step, b_k_step, c, c_start, c_row_step, add, bias, bias_start, add_bias, relu,
    ):  # fmt: skip
        """The reference, for runs without the compiler; an index out of range raises."""
        rows, width, _ = size
        for r in range(rows):
            total = np.zeros(width, c.dtype)
            for o in range(outer):
                for k in range(depth):
                    first = b_start + o * b_outer_step + k * b_k_step
                    row = b[first : first + width]
                    assert len(row) == width, "b ends inside a row"
                    at = a_start + r * a_row_step + o * a_outer_step + k * a_k_step
                    assert at >= 0, "a is read before its start"
                    total += a[at] * row
            first = c_start + r * c_row_step
            assert len(c[first : first + width]) == width, "c ends inside a row"
            total += c[first : first + width] if add else 0
            if add_bias:
                assert 0 <= bias_start <= len(bias) - width, "no bias there"
                total += bias[bias_start : bias_start + width]
            c[first : first + width] = np.where(total < 0, 0, total) if relu else total

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, multiply_add, number_type, place, unforeseen
    from minidl.kernels.numba._private import cgutils

    # A processor has no registers for the addresses of more rows. Then five rows share one, as it adds 1, 2, 3 or 4 steps
    # to an address for nothing.
    MOST_POINTERS, TOGETHER = 8, 5

    @lru_cache(maxsize=256)
    def tile_of(rows: int, vectors: int, lanes: int, itemsize: int) -> Size:
        """A tile of this size, to be given to ``tile``."""
        number = number_type(itemsize)
        vector = ir.VectorType(number, lanes)
        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        nothing = ir.Constant(vector, ir.Undefined)

        def emit(builder: Any, arguments: Any) -> None:
            outer, depth, a, a_row_step, a_outer_step, a_k_step, b, b_outer_step, b_k_step, c, c_row_step, add = arguments[:12]
            bias, add_bias, relu = arguments[12:]

            def vector_at(base: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

            def times(step: Any, count: int) -> Any:
                return builder.mul(step, ir.Constant(INDEX, count))

            totals = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]
            for row in totals:
                for total in row:
                    builder.store(ir.Constant(vector, [0.0] * lanes), total)
            a_rows = [builder.gep(a, [times(a_row_step, r)]) for r in range(rows)]
            heads = [cgutils.alloca_once(builder, a.type) for _ in range(0, rows, TOGETHER)] if rows > MOST_POINTERS else []
            with cgutils.for_range(builder, outer) as outer_loop:
                block = builder.mul(outer_loop.index, a_outer_step)
                b_block = builder.gep(b, [builder.mul(outer_loop.index, b_outer_step)])
                for g, head in enumerate(heads):
                    builder.store(builder.gep(a_rows[g * TOGETHER], [block]), head)
                with cgutils.for_range(builder, depth) as loop:
                    b_row = builder.mul(loop.index, b_k_step)
                    bs = [builder.load(vector_at(b_block, builder.add(b_row, INDEX(v * lanes)))) for v in range(vectors)]
                    for row_of_b in bs:
                        row_of_b.align = itemsize
                    if heads:
                        firsts = [unforeseen(builder, builder.load(head)) for head in heads]
                        places = [builder.gep(firsts[r // TOGETHER], [times(a_row_step, r % TOGETHER)]) for r in range(rows)]
                        for head, first in zip(heads, firsts):
                            builder.store(builder.gep(first, [a_k_step]), head)
                    else:
                        at = builder.add(block, builder.mul(loop.index, a_k_step))
                        places = [builder.gep(a_row, [at]) for a_row in a_rows]
                    for r in range(rows):
                        one = builder.insert_element(nothing, builder.load(places[r]), ir.IntType(32)(0))
                        splat = builder.shuffle_vector(one, nothing, mask)
                        for v in range(vectors):
                            builder.store(multiply_add(builder, splat, bs[v], builder.load(totals[r][v])), totals[r][v])
            c_rows = [times(c_row_step, r) for r in range(rows)]
            targets = [[vector_at(c, builder.add(row, INDEX(v * lanes))) for v in range(vectors)] for row in c_rows]

            def change(wanted: Any, changed: Callable[[int, int, Any], Any]) -> None:
                """Every vector of totals becomes changed(r, v, it), if wanted."""
                with builder.if_then(builder.icmp_signed("!=", wanted, INDEX(0))):
                    for r, row in enumerate(totals):
                        for v, total in enumerate(row):
                            builder.store(changed(r, v, builder.load(total)), total)

            def loaded(pointer: Any) -> Any:
                return builder.load(pointer, align=itemsize)

            zero = ir.Constant(vector, [0.0] * lanes)
            change(add, lambda r, v, total: builder.fadd(total, loaded(targets[r][v])))
            change(add_bias, lambda r, v, total: builder.fadd(total, loaded(vector_at(bias, INDEX(v * lanes)))))
            change(relu, lambda r, v, total: builder.select(builder.fcmp_ordered("<", total, zero), zero, total))
            for r in range(rows):
                for v in range(vectors):
                    builder.store(builder.load(totals[r][v]), targets[r][v]).align = itemsize

        pointer = number.as_pointer()
        arguments = [INDEX] * 2 + [pointer] + [INDEX] * 3 + [pointer] + [INDEX] * 2 + [pointer] + [INDEX] * 2
        arguments += [pointer, INDEX, INDEX]
        address = machine_code(f"tile_{rows}_{vectors}_{lanes}_{itemsize}", arguments, emit)
        return rows, vectors * lanes, address

    @intrinsic
    def finished_tile(  # type: ignore[no-untyped-def]
        typingctx, size, outer, depth, a, a_start, a_row_step, a_outer_step, a_k_step,
        b, b_start, b_outer_step, b_k_step, c, c_start, c_row_step, add, bias, bias_start, add_bias, relu,
    ):  # fmt: skip
        """See the module; ``size`` is what ``tile_of`` gives."""
        index = types.intp
        signature = types.void(
            size, index, index, a, index, index, index, index, b, index, index, index, c, index, index, index,
            bias, index, index, index,
        )  # fmt: skip

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            address = builder.extract_value(args[0], 2)
            of_a, of_b, of_c, of_bias = (start(array) for array in (3, 8, 12, 16))
            call(builder, address, [*args[1:3], of_a, *args[5:8], of_b, *args[10:12], of_c, *args[14:16], of_bias, *args[18:]])
            return context.get_dummy_value()

        return signature, codegen

    @intrinsic
    def tile(  # type: ignore[no-untyped-def]
        typingctx, size, outer, depth, a, a_start, a_row_step, a_outer_step, a_k_step,
        b, b_start, b_outer_step, b_k_step, c, c_start, c_row_step, add,
    ):  # fmt: skip
        """See the module; ``size`` is what ``tile_of`` gives."""
        index = types.intp
        signature = types.void(
            size, index, index, a, index, index, index, index, b, index, index, index, c, index, index, index
        )  # fmt: skip

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            address = builder.extract_value(args[0], 2)
            of_a, of_b, of_c = (start(array) for array in (3, 8, 12))
            nothing = [of_c, INDEX(0), INDEX(0)]
            call(builder, address, [*args[1:3], of_a, *args[5:8], of_b, *args[10:12], of_c, *args[14:], *nothing])
            return context.get_dummy_value()

        return signature, codegen


def natural_lanes(itemsize: int) -> int:
    """Numbers of ``itemsize`` bytes in the vectors that this processor computes with in one piece."""
    return MACHINE.vector_bytes // itemsize
