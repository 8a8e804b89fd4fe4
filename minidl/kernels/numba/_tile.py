"""The innermost loop of every matrix product and convolution: one tile of results held in vector registers.

    c[r, :] (+)= sum_o sum_k a(r, o, k) b[o, k, :]        r < rows,  width = vectors x lanes numbers per row

The compiler is handed vector instructions directly (multiply-adds of vectors of ``lanes`` numbers), because it does not find
this blocking by itself. rows x vectors accumulators plus the row of b must fit the registers of the ``MACHINE``. All arrays
are flat.

Sixteen arguments are too many to tell apart by their order: name them in calls, ``tile(size, outer=1, depth=k, a=x, ...)``.
Starts and steps count numbers, not bytes: a(r, o, k) stands at a[a_start + r a_row_step + o a_outer_step + k a_k_step].
"""

from __future__ import annotations

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
            c[first : first + width] = total + (c[first : first + width] if add else 0)

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
            outer, depth, a, a_row_step, a_outer_step, a_k_step, b, b_outer_step, b_k_step, c, c_row_step, add = arguments

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
            for r in range(rows):
                for v in range(vectors):
                    target = vector_at(c, builder.add(times(c_row_step, r), INDEX(v * lanes)))
                    with builder.if_then(builder.icmp_signed("!=", add, INDEX(0))):
                        before = builder.load(target)
                        before.align = itemsize
                        builder.store(builder.fadd(builder.load(totals[r][v]), before), totals[r][v])
                    builder.store(builder.load(totals[r][v]), target).align = itemsize

        pointer = number.as_pointer()
        arguments = [INDEX] * 2 + [pointer] + [INDEX] * 3 + [pointer] + [INDEX] * 2 + [pointer] + [INDEX] * 2
        address = machine_code(f"tile_{rows}_{vectors}_{lanes}_{itemsize}", arguments, emit)
        return rows, vectors * lanes, address

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
            call(builder, address, [*args[1:3], start(3), *args[5:8], start(8), *args[10:12], start(12), *args[14:]])
            return context.get_dummy_value()

        return signature, codegen


def natural_lanes(itemsize: int) -> int:
    """Numbers of ``itemsize`` bytes in the vectors that this processor computes with in one piece."""
    return MACHINE.vector_bytes // itemsize
