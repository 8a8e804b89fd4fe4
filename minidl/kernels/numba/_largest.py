"""The largest |number| of a run, in vector registers. NaN is left out: it makes the results NaN, which is noticed there."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._tile import natural_lanes

if DISABLED:

    def find_largest(itemsize: int) -> int:
        """The address of the code, to be given to ``largest_in``."""
        return 0

    def largest_in(code, numbers, start, count, target, to):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        some = np.abs(numbers[start : start + count])
        assert start >= 0, "before the start"
        assert len(some) == count, "behind the end"
        target[to] = np.max(some, where=~np.isnan(some), initial=0)

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, number_type, place
    from minidl.kernels.numba._private import cgutils

    @lru_cache(maxsize=2)
    def find_largest(itemsize: int) -> int:
        """The address of the code, to be given to ``largest_in``."""
        lanes, together = natural_lanes(itemsize), 4
        number = number_type(itemsize)
        vector = ir.VectorType(number, lanes)

        def emit(builder: Any, arguments: Any) -> None:
            numbers, count, target = arguments

            def larger(kind: Any, suffix: str, most: Any, some: Any) -> Any:
                fabs = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), f"llvm.fabs.{suffix}")
                some = builder.call(fabs, [some])
                return builder.select(builder.fcmp_ordered(">", some, most), some, most)

            mosts = [cgutils.alloca_once(builder, vector) for _ in range(together)]
            for most in mosts:
                builder.store(ir.Constant(vector, [0.0] * lanes), most)
            of_vectors, of_numbers = f"v{lanes}f{8 * itemsize}", f"f{8 * itemsize}"
            blocks = builder.sdiv(count, INDEX(lanes * together))
            with cgutils.for_range(builder, blocks) as loop:
                first = builder.mul(loop.index, INDEX(lanes * together))
                for v, most in enumerate(mosts):
                    place = builder.gep(numbers, [builder.add(first, INDEX(v * lanes))])
                    some = builder.load(builder.bitcast(place, vector.as_pointer()))
                    some.align = itemsize
                    builder.store(larger(vector, of_vectors, builder.load(most), some), most)
            done = builder.mul(blocks, INDEX(together))
            with cgutils.for_range(builder, builder.sub(builder.sdiv(count, INDEX(lanes)), done)) as loop:
                place = builder.gep(numbers, [builder.mul(builder.add(done, loop.index), INDEX(lanes))])
                some = builder.load(builder.bitcast(place, vector.as_pointer()))
                some.align = itemsize
                builder.store(larger(vector, of_vectors, builder.load(mosts[0]), some), mosts[0])
            top = builder.load(mosts[0])
            for most in mosts[1:]:
                top = larger(vector, of_vectors, top, builder.load(most))
            half = lanes // 2
            while half:  # the upper half of what is left against the lower
                turned = [min(i + half, lanes - 1) for i in range(lanes)]
                mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), turned)
                top = larger(vector, of_vectors, top, builder.shuffle_vector(top, ir.Constant(vector, ir.Undefined), mask))
                half //= 2
            alone = cgutils.alloca_once(builder, number)
            builder.store(builder.extract_element(top, ir.IntType(32)(0)), alone)
            rest = builder.srem(count, INDEX(lanes))
            with cgutils.for_range(builder, rest) as loop:
                some = builder.load(builder.gep(numbers, [builder.add(builder.sub(count, rest), loop.index)]))
                builder.store(larger(number, of_numbers, builder.load(alone), some), alone)
            builder.store(builder.load(alone), target)

        pointer = number.as_pointer()
        return machine_code(f"largest_{itemsize}_{lanes}", [pointer, INDEX, pointer], emit)

    @intrinsic
    def largest_in(typingctx, code, numbers, start, count, target, to):  # type: ignore[no-untyped-def]
        """target[to] = the largest |number| of numbers[start : start + count]; ``code`` is what ``find_largest`` gives."""
        index = types.intp
        signature = types.void(index, numbers, index, index, target, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            at = partial(place, context, builder, sig, args)
            call(builder, args[0], [at(1), args[3], at(4)])
            return context.get_dummy_value()

        return signature, codegen
