"""Columns of a matrix copied as tiles read them: t[q, k, r] = s[k, q rows + r], q < tiles, k < depth, r < rows.

A tile reads ``rows`` numbers of each k. Where k are far apart they would fall into few sets of the first cache, each line of
which has numbers for three tiles; copied, those of a tile lie behind each other. All arrays are flat; steps count numbers.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from minidl.kernels.numba._jit import DISABLED
from minidl.kernels.numba._tile import natural_lanes

if DISABLED:

    def column_copier(rows: int, itemsize: int) -> tuple[int, int]:
        """Columns of a tile and the address of the code, to be given to ``copy_columns``."""
        return rows, 0

    def copy_columns(code, tiles, depth, source, s_start, s_step, target, t_start):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        rows, _ = code
        for k in range(depth):
            for q in range(tiles):
                for r in range(rows):
                    target[t_start + (q * depth + k) * rows + r] = source[s_start + k * s_step + q * rows + r]

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX, call, machine_code, number_type, place
    from minidl.kernels.numba._private import cgutils

    def column_copier(rows: int, itemsize: int) -> tuple[int, int]:
        """Columns of a tile and the address of the code, to be given to ``copy_columns``."""
        return rows, _copier(itemsize)

    @lru_cache(maxsize=2)
    def _copier(itemsize: int) -> int:
        """The address of the code, one for tiles of every width: compiling one for each would take longer than it saves."""
        number, lanes = number_type(itemsize), natural_lanes(itemsize)

        def emit(builder: Any, arguments: Any) -> None:
            rows, tiles, depth, source, s_step, target = arguments
            tile_step = builder.mul(depth, rows)

            def copy(k: Any, q: Any, kind: Any, count: Any, size: int) -> None:
                """``count`` times ``size`` numbers of k to their place in tile q."""
                from_row = builder.gep(source, [builder.add(builder.mul(k, s_step), builder.mul(q, rows))])
                to_row = builder.gep(target, [builder.add(builder.mul(q, tile_step), builder.mul(k, rows))])
                with cgutils.for_range(builder, count) as part:
                    at = builder.mul(part.index, INDEX(size))
                    one = builder.load(builder.bitcast(builder.gep(from_row, [at]), kind.as_pointer()), align=itemsize)
                    builder.store(one, builder.bitcast(builder.gep(to_row, [at]), kind.as_pointer()), align=itemsize)

            def times(numbers: Any, size: Any) -> Any:
                """How many of this size hold so many numbers."""
                return builder.sdiv(builder.add(numbers, builder.sub(size, INDEX(1))), size)

            # What whole vectors write too much, the next k overwrites; but of the last k, which nothing overwrites, and behind
            # which nothing may be read.
            vectors = times(rows, INDEX(lanes))
            exact = times(builder.sub(builder.mul(vectors, INDEX(lanes)), rows), rows)
            first = builder.sub(depth, exact)
            first = builder.select(builder.icmp_signed(">", first, INDEX(0)), first, INDEX(0))
            with cgutils.for_range(builder, first) as along, cgutils.for_range(builder, tiles) as across:
                copy(along.index, across.index, ir.VectorType(number, lanes), vectors, lanes)
            with cgutils.for_range(builder, builder.sub(depth, first)) as along, cgutils.for_range(builder, tiles) as across:
                copy(builder.add(first, along.index), across.index, number, rows, 1)

        pointer = number.as_pointer()
        arguments = [INDEX, INDEX, INDEX, pointer, INDEX, pointer]
        return machine_code(f"column_tiles_{lanes}_{itemsize}", arguments, emit)

    @intrinsic
    def copy_columns(typingctx, code, tiles, depth, source, s_start, s_step, target, t_start):  # type: ignore[no-untyped-def]
        """See the module; ``code`` is what ``column_copier`` gives."""
        index = types.intp
        signature = types.void(code, index, index, source, index, index, target, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            rows, address = (builder.extract_value(args[0], part) for part in range(2))
            call(builder, address, [rows, *args[1:3], start(3), args[5], start(6)])
            return context.get_dummy_value()

        return signature, codegen
