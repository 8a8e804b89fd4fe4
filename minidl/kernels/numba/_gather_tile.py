"""One row of results held in vector registers, summed over a list: c[:] (+)= sum_e values[e] b[offsets[e] + :].

Where most factors of a sum are zero, the list names the others. ``width`` numbers of c are summed at once; all arrays are flat.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._machine import MACHINE
from minidl.kernels.numba._tile import natural_lanes

Width = tuple[int, int]  # numbers, address of the code


def gather_tile_for(columns: int, itemsize: int) -> Width:
    """The widest tile that the registers hold and that divides ``columns`` evenly, rounded up to whole vectors."""
    lanes = natural_lanes(itemsize)
    vectors = -(-columns // lanes)
    parts = -(-vectors // (MACHINE.registers - 3))
    return gather_tile_of(-(-vectors // parts), lanes, itemsize)


if DISABLED:

    def gather_tile_of(vectors: int, lanes: int, itemsize: int) -> Width:
        """A tile of this width, to be given to ``gather_tile``."""
        return vectors * lanes, 0

    def gather_tile(width, count, values, offsets, start, b, b_start, c, c_start, add):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        total = np.zeros(width[0], c.dtype)
        for e in range(start, start + count):
            first = b_start + offsets[e]
            row = b[first : first + width[0]]
            assert first >= 0, "b is read before its start"
            assert len(row) == width[0], "b ends inside a row"
            total += values[e] * row
        assert len(c[c_start : c_start + width[0]]) == width[0], "c ends inside a row"
        c[c_start : c_start + width[0]] = total + (c[c_start : c_start + width[0]] if add else 0)

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, multiply_add, number_type
    from minidl.kernels.numba._private import cgutils, data_of

    @lru_cache(maxsize=64)
    def gather_tile_of(vectors: int, lanes: int, itemsize: int) -> Width:
        """A tile of this width, to be given to ``gather_tile``."""
        number = number_type(itemsize)
        vector, i32 = ir.VectorType(number, lanes), ir.IntType(32)
        nothing = ir.Constant(vector, ir.Undefined)
        everywhere = ir.Constant(ir.VectorType(i32, lanes), [0] * lanes)

        def emit(builder: Any, arguments: Any) -> None:
            count, values, offsets, b, c, add = arguments

            def vector_at(base: Any, offset: int) -> Any:
                return builder.bitcast(builder.gep(base, [INDEX(offset)]), vector.as_pointer())

            def load(base: Any, offset: int) -> Any:
                value = builder.load(vector_at(base, offset))
                value.align = itemsize
                return value

            totals = [cgutils.alloca_once(builder, vector) for _ in range(vectors)]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * lanes), total)
            with cgutils.for_range(builder, count) as loop:
                offset = builder.sext(builder.load(builder.gep(offsets, [loop.index])), INDEX)
                row = builder.gep(b, [offset])
                one = builder.insert_element(nothing, builder.load(builder.gep(values, [loop.index])), i32(0))
                value = builder.shuffle_vector(one, nothing, everywhere)
                for v, total in enumerate(totals):
                    builder.store(multiply_add(builder, value, load(row, v * lanes), builder.load(total)), total)
            with builder.if_then(builder.icmp_signed("!=", add, INDEX(0))):
                for v, total in enumerate(totals):
                    builder.store(builder.fadd(builder.load(total), load(c, v * lanes)), total)
            for v, total in enumerate(totals):
                builder.store(builder.load(total), vector_at(c, v * lanes)).align = itemsize

        pointer = number.as_pointer()
        arguments = [INDEX, pointer, i32.as_pointer(), pointer, pointer, INDEX]
        return vectors * lanes, machine_code(f"gather_tile_{vectors}_{lanes}_{itemsize}", arguments, emit)

    @intrinsic
    def gather_tile(typingctx, width, count, values, offsets, start, b, b_start, c, c_start, add):  # type: ignore[no-untyped-def]
        """See the module; ``width`` is what ``gather_tile_for`` gives, the list begins at ``start``."""
        index = types.intp
        signature = types.void(width, index, values, offsets, index, b, index, c, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            def at(position: int, start: Any) -> Any:
                return builder.gep(data_of(context, builder, sig.args[position], args[position]), [start])

            address = builder.extract_value(args[0], 1)
            values_at, offsets_at = at(2, args[4]), at(3, args[4])
            call(builder, address, [args[1], values_at, offsets_at, at(5, args[6]), at(7, args[8]), args[9]])
            return context.get_dummy_value()

        return signature, codegen
