"""Matrices turned on their side: t[j, i] = s[i, j], in blocks of lanes x lanes numbers that fill vector registers."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from minidl.kernels.numba._jit import DISABLED, inner
from minidl.kernels.numba._machine import MACHINE

EDGE = min(MACHINE.vector_bytes, 32)  # bytes: the rows of a block of numbers of 4 bytes fill eight registers, or four

if DISABLED:

    def transposer(itemsize: int) -> tuple[int, int]:
        """Numbers along an edge of a block, and the address of the code."""
        return EDGE // itemsize, 0

    def transpose(code, source, s_start, s_step, target, t_start, t_step):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        for i in range(code[0]):
            for j in range(code[0]):
                target[t_start + j * t_step + i] = source[s_start + i * s_step + j]

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, number_type, place

    @lru_cache(maxsize=2)
    def transposer(itemsize: int) -> tuple[int, int]:
        """Numbers along an edge of a block, and the address of the code."""
        lanes = EDGE // itemsize
        vector = ir.VectorType(number_type(itemsize), lanes)

        def emit(builder: Any, arguments: Any) -> None:
            source, s_step, target, t_step = arguments

            def vector_at(base: Any, step: Any, row: int) -> Any:
                return builder.bitcast(builder.gep(base, [builder.mul(step, INDEX(row))]), vector.as_pointer())

            rows = [builder.load(vector_at(source, s_step, i)) for i in range(lanes)]
            for row in rows:
                row.align = itemsize
            half = lanes // 2
            while half:  # exchange the off-diagonal quarters of blocks, blocks of blocks, ...
                swapped = list(rows)
                for i in range(lanes):
                    if i & half:
                        continue
                    upper, lower = rows[i], rows[i + half]
                    first = [j if not j & half else lanes + j - half for j in range(lanes)]
                    second = [j + half if not j & half else lanes + j for j in range(lanes)]
                    for k, picks in ((i, first), (i + half, second)):
                        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), picks)
                        swapped[k] = builder.shuffle_vector(upper, lower, mask)
                rows = swapped
                half //= 2
            for j, row in enumerate(rows):
                builder.store(row, vector_at(target, t_step, j)).align = itemsize

        pointer = number_type(itemsize).as_pointer()
        return lanes, machine_code(f"transpose_{itemsize}", [pointer, INDEX, pointer, INDEX], emit)

    @intrinsic
    def transpose(typingctx, code, source, s_start, s_step, target, t_start, t_step):  # type: ignore[no-untyped-def]
        """See the module; starts and steps are in numbers."""
        index = types.intp
        signature = types.void(code, source, index, index, target, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            call(builder, builder.extract_value(args[0], 1), [start(1), args[3], start(4), args[6]])
            return context.get_dummy_value()

        return signature, codegen


@inner
def turn(code, source, s_start, s_step, rows, columns, target, t_start, t_step):  # type: ignore[no-untyped-def]
    """target[t_start + j t_step + i] = source[s_start + i s_step + j] for rows x columns numbers; the last blocks overlap."""
    edge = code[0]
    if rows < edge or columns < edge:
        for j in range(columns):
            for i in range(rows):
                target[t_start + j * t_step + i] = source[s_start + i * s_step + j]
        return
    for j in range(0, columns, edge):
        left = min(j, columns - edge)
        for i in range(0, rows, edge):
            top = min(i, rows - edge)
            transpose(code, source, s_start + top * s_step + left, s_step, target, t_start + left * t_step + top, t_step)
