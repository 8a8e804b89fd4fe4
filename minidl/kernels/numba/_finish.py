"""What is done to sums on their way out: y = sums + bias, then ReLU, for some rows at once.

All arrays are flat; starts and steps count numbers, not bytes. Name the arguments of ``finish`` in calls.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._tile import natural_lanes

if DISABLED:

    def finisher(bias: bool, relu: bool, itemsize: int) -> tuple[int, int, int]:
        """Whether there are a bias and a ReLU, and the address of the code, to be given to ``finish``."""
        return int(bias), int(relu), 0

    def finish(code, sums, s_start, s_row_step, y, y_start, y_row_step, rows, columns, bias, b_start):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        for r in range(rows):
            for j in range(columns):
                total = sums[s_start + r * s_row_step + j]
                if code[0]:
                    total += bias[b_start + j]
                y[y_start + r * y_row_step + j] = 0 if code[1] and total < 0 else total  # NaN is not below zero

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
        number_type,
        place,
        store_some,
    )
    from minidl.kernels.numba._machine import MACHINE
    from minidl.kernels.numba._private import cgutils

    @lru_cache(maxsize=8)
    def finisher(bias: bool, relu: bool, itemsize: int) -> tuple[int, int, int]:
        """Whether there are a bias and a ReLU, and the address of the code, to be given to ``finish``."""
        lanes = natural_lanes(itemsize)
        number = number_type(itemsize)
        vector = ir.VectorType(number, lanes)
        kind = f"v{lanes}f{8 * itemsize}.p0"
        i32 = ir.IntType(32)
        zero = ir.Constant(vector, [0.0] * lanes)

        def emit(builder: Any, arguments: Any) -> None:
            sums, s_row_step, y, y_row_step, rows, columns, b = arguments
            pointer = vector.as_pointer()

            def finished(total: Any, of_bias: Any) -> Any:
                total = builder.fadd(total, of_bias) if bias else total
                return builder.select(builder.fcmp_ordered("<", total, zero), zero, total) if relu else total

            def at(base: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(base, [offset]), pointer)

            def part_at(base: Any) -> Any:
                if not MACHINE.loads_parts:
                    return load_some(builder, vector, at(base, whole), builder.zext(rest, INDEX), zero, itemsize)
                return call_intrinsic(builder, f"llvm.masked.load.{kind}", vector, [at(base, whole), i32(itemsize), mask, zero])

            whole = builder.mul(builder.sdiv(columns, INDEX(lanes)), INDEX(lanes))
            rest = builder.trunc(builder.sub(columns, whole), i32)
            numbers = ir.VectorType(i32, lanes)
            spread = builder.insert_element(ir.Constant(numbers, ir.Undefined), rest, i32(0))
            spread = builder.shuffle_vector(spread, ir.Constant(numbers, ir.Undefined), ir.Constant(numbers, [0] * lanes))
            mask = builder.icmp_signed("<", ir.Constant(numbers, list(range(lanes))), spread)
            with cgutils.for_range(builder, rows) as row:
                source = builder.gep(sums, [builder.mul(row.index, s_row_step)])
                target = builder.gep(y, [builder.mul(row.index, y_row_step)])
                with cgutils.for_range(builder, builder.sdiv(columns, INDEX(lanes))) as loop:
                    offset = builder.mul(loop.index, INDEX(lanes))
                    total = builder.load(at(source, offset))
                    of_bias = builder.load(at(b, offset)) if bias else None
                    for value in (total, of_bias):
                        if value is not None:
                            value.align = itemsize
                    builder.store(finished(total, of_bias), at(target, offset)).align = itemsize
                with builder.if_then(builder.icmp_signed("!=", rest, i32(0))):
                    total = finished(part_at(source), part_at(b) if bias else None)
                    if MACHINE.stores_parts:
                        arguments = [total, at(target, whole), i32(itemsize), mask]
                        call_intrinsic(builder, f"llvm.masked.store.{kind}", ir.VoidType(), arguments)
                    else:
                        store_some(builder, total, at(target, whole), builder.zext(rest, INDEX), itemsize)

        pointer = number.as_pointer()
        name = f"finish_{int(bias)}_{int(relu)}_{itemsize}"
        address = machine_code(name, [pointer, INDEX, pointer, INDEX, INDEX, INDEX, pointer], emit)
        return int(bias), int(relu), address

    @intrinsic
    def finish(typingctx, code, sums, s_start, s_row_step, y, y_start, y_row_step, rows, columns, bias, b_start):  # type: ignore[no-untyped-def]
        """See the module; ``code`` is what ``finisher`` gives, starts and steps are in numbers."""
        index = types.intp
        signature = types.void(code, sums, index, index, y, index, index, index, index, bias, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            address = builder.extract_value(args[0], 2)
            call(builder, address, [start(1), args[3], start(4), args[6], args[7], args[8], start(9)])
            return context.get_dummy_value()

        return signature, codegen
