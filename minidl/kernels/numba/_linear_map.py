"""Small constant matrices applied to many numbers at once: t[i, :] = sum_j M[i, j] s[j, :], in vector registers.

Fast convolutions transform tiles of images by such matrices. Their zeros cost nothing, their numbers stand in the code.
Whole vectors are read and written: rows are rounded up to ``natural_lanes`` numbers, and arrays must have room for that.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from typing import Any

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._tile import natural_lanes

Matrix = tuple[tuple[float, ...], ...]


if DISABLED:

    def linear_map(matrix: Matrix, itemsize: int) -> Any:
        """The map, to be given to ``apply_map``."""
        return matrix

    def apply_map(matrix, source, s_start, s_step, target, t_start, t_step, count):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        lanes = natural_lanes(target.itemsize)
        width = -(-count // lanes) * lanes
        rows = []
        for j in range(len(matrix[0])):
            first = s_start + j * s_step
            rows.append(source[first : first + width].copy())
            assert first >= 0, "the source is read before its start"
            assert len(rows[-1]) == width, "the source ends inside a row"
        for i in range(len(matrix)):
            first = t_start + i * t_step
            assert len(target[first : first + width]) == width, "the target ends inside a row"
            target[first : first + width] = sum(m * row for m, row in zip(matrix[i], rows) if m)

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, multiply_add, number_type, place
    from minidl.kernels.numba._private import cgutils

    @lru_cache(maxsize=64)
    def linear_map(matrix: Matrix, itemsize: int) -> Any:
        """The map, to be given to ``apply_map``: the address of its code."""
        lanes = natural_lanes(itemsize)
        vector = ir.VectorType(number_type(itemsize), lanes)

        def emit(builder: Any, arguments: Any) -> None:
            source, s_step, target, t_step, count = arguments

            def vector_at(base: Any, step: Any, row: int, offset: Any) -> Any:
                at = builder.add(builder.mul(step, INDEX(row)), offset)
                return builder.bitcast(builder.gep(base, [at]), vector.as_pointer())

            def constant(value: float) -> Any:
                return ir.Constant(vector, [float(value)] * lanes)

            vectors = builder.sdiv(builder.add(count, INDEX(lanes - 1)), INDEX(lanes))
            with cgutils.for_range(builder, vectors) as loop:
                offset = builder.mul(loop.index, INDEX(lanes))
                rows = [builder.load(vector_at(source, s_step, j, offset)) for j in range(len(matrix[0]))]
                for row in rows:
                    row.align = itemsize
                for i, numbers in enumerate(matrix):
                    total = None
                    for m, row in sorted(zip(numbers, rows), key=lambda pair: abs(pair[0]) != 1):
                        if m == 0:
                            continue
                        if total is None:
                            total = row if m == 1 else builder.fmul(constant(m), row)
                        elif m in (1, -1):
                            total = builder.fadd(total, row) if m == 1 else builder.fsub(total, row)
                        else:
                            total = multiply_add(builder, constant(m), row, total)
                    builder.store(total, vector_at(target, t_step, i, offset)).align = itemsize

        pointer = number_type(itemsize).as_pointer()
        numbers_of_it = hashlib.sha256(repr([[float(m) for m in row] for row in matrix]).encode()).hexdigest()
        name = f"map_{len(matrix)}_{len(matrix[0])}_{itemsize}_{numbers_of_it}"  # hash() of -1 is that of -2
        return machine_code(name, [pointer, INDEX, pointer, INDEX, INDEX], emit)

    @intrinsic
    def apply_map(typingctx, address, source, s_start, s_step, target, t_start, t_step, count):  # type: ignore[no-untyped-def]
        """See the module; starts, steps and count are in numbers."""
        index = types.intp
        signature = types.void(index, source, index, index, target, index, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            call(builder, args[0], [start(1), args[3], start(4), *args[6:]])
            return context.get_dummy_value()

        return signature, codegen
