"""Sums of products along rows of both matrices, for results of so few columns that they would not fill a vector.

    c[r, q] = sum_k a[r, k] b[q, k]        r < rows, q < columns

``_tile`` has a number of c in each lane, so that ten columns leave six of sixteen lanes idle. Here each number of c is a whole
vector of partial sums over k, k + lanes, k + 2 lanes ..., which are added up at the end. All arrays are flat; starts and steps
count numbers, not bytes. Name the arguments of ``sum_along_depth`` in calls.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from minidl.kernels.numba._jit import DISABLED, inner
from minidl.kernels.numba._machine import MACHINE
from minidl.kernels.numba._tile import Size, natural_lanes

MOST_COLUMNS = 10  # of one call: more have another
_SUMS = {32: 20, 16: 10}  # vectors of partial sums in that many registers, with room for what is multiplied
_REDUCTION, _PACKING = 2.0, 0.3  # cycles to add up the lanes of one sum, and to turn one number of b on its side
_LEAST = 5.5  # cycles of a step at least: the addresses of ten rows do not fit the registers either


def shape_along_depth(columns: int) -> tuple[int, int]:
    """Rows and columns of one call, where c has so many columns."""
    calls = max(1, -(-columns // MOST_COLUMNS))
    at_once = max(1, -(-columns // calls))
    return max(1, _SUMS[MACHINE.registers] // at_once), at_once


def cost_along_depth(rows: int, columns: int, depth: int, itemsize: int) -> float:
    """Cycles for one step in depth of rows x columns results, as ``_blocking.tile_cost`` counts them."""
    if columns == 0:
        return 0.0
    r, q = shape_along_depth(columns)
    step = max(r * q / 2, (r + q) / 2, _LEAST)  # two multiply-adds or two loads a cycle
    of_one = step / (r * q * natural_lanes(itemsize)) + _REDUCTION / depth
    return rows * columns * of_one + _PACKING * columns


if DISABLED:

    def along_depth(rows: int, columns: int, itemsize: int) -> Size:
        """Sums of this many rows and columns, to be given to ``sum_along_depth``."""
        return rows, columns, 0

    def sum_along_depth(size, depth, a, a_start, a_row_step, b, b_start, b_row_step, c, c_start, c_row_step):  # type: ignore[no-untyped-def]
        """The reference, for runs without the compiler; an index out of range raises."""
        rows, columns, _ = size
        for r in range(rows):
            for q in range(columns):
                left = a[a_start + r * a_row_step : a_start + r * a_row_step + depth]
                right = b[b_start + q * b_row_step : b_start + q * b_row_step + depth]
                assert len(left) == len(right) == depth, "a row ends too early"
                c[c_start + r * c_row_step + q] = (left * right).sum()

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
    )
    from minidl.kernels.numba._private import cgutils

    _BLOCK = 4  # lanes within which numbers change their places most quickly

    @lru_cache(maxsize=64)
    def along_depth(rows: int, columns: int, itemsize: int) -> Size:
        """Sums of this many rows and columns, to be given to ``sum_along_depth``."""
        lanes = max(natural_lanes(itemsize), _BLOCK)
        number, i32 = number_type(itemsize), ir.IntType(32)
        vector, numbers = ir.VectorType(number, lanes), ir.VectorType(i32, lanes)
        zero = ir.Constant(vector, [0.0] * lanes)

        def emit(builder: Any, arguments: Any) -> None:
            depth, a, a_row_step, b, b_row_step, c, c_row_step = arguments
            whole = builder.and_(depth, INDEX(-lanes))
            rest = builder.sub(depth, whole)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(columns)] for _ in range(rows)]
            a_rows = [builder.gep(a, [builder.mul(a_row_step, INDEX(r))]) for r in range(rows)]
            b_rows = [builder.gep(b, [builder.mul(b_row_step, INDEX(q))]) for q in range(columns)]

            def at(row: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(row, [offset]), vector.as_pointer())

            def some_lanes(row: Any) -> Any:
                if not MACHINE.loads_parts:
                    return load_some(builder, vector, at(row, whole), rest, zero, itemsize)
                spread = builder.insert_element(ir.Constant(numbers, ir.Undefined), builder.trunc(rest, i32), i32(0))
                spread = builder.shuffle_vector(spread, spread, ir.Constant(numbers, [0] * lanes))
                mask = builder.icmp_signed("<", ir.Constant(numbers, list(range(lanes))), spread)
                name = f"llvm.masked.load.{spelling(vector)}.p0"
                return call_intrinsic(builder, name, vector, [at(row, whole), i32(itemsize), mask, zero])

            def add_products(loaded: Any) -> None:
                of_b = [loaded(row) for row in b_rows]
                for a_row, of_row in zip(a_rows, sums):
                    of_a = loaded(a_row)
                    for factor, total in zip(of_b, of_row):
                        builder.store(multiply_add(builder, of_a, factor, builder.load(total)), total)

            with cgutils.for_range_slice(builder, INDEX(0), whole, INDEX(lanes)) as (index, _):
                add_products(lambda row: builder.load(at(row, index), align=itemsize))
            with builder.if_then(builder.icmp_signed("!=", rest, INDEX(0))):
                add_products(some_lanes)
            for r, of_row in enumerate(sums):
                for q in range(0, columns, _BLOCK):
                    totals = _totals(builder, [builder.load(total) for total in of_row[q : q + _BLOCK]])
                    target = builder.gep(c, [builder.add(builder.mul(c_row_step, INDEX(r)), INDEX(q))])
                    if q + _BLOCK <= columns:
                        builder.store(totals, builder.bitcast(target, totals.type.as_pointer())).align = itemsize
                        continue
                    for lane in range(columns - q):
                        builder.store(builder.extract_element(totals, i32(lane)), builder.gep(target, [INDEX(lane)]))

        pointer = number.as_pointer()
        arguments = [INDEX, pointer, INDEX, pointer, INDEX, pointer, INDEX]
        return rows, columns, machine_code(f"along_depth_{rows}_{columns}_{itemsize}", arguments, emit)

    def _totals(builder: Any, vectors: list[Any]) -> Any:
        """The sums over all lanes of up to four vectors, in the lanes of one of four."""
        lanes = vectors[0].type.count
        vectors = vectors + [vectors[0]] * (_BLOCK - len(vectors))

        def picked(first: Any, second: Any, places: list[int]) -> Any:
            return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))

        def neighbours_added(first: Any, second: Any) -> Any:
            """In each block of four lanes: the sums of two neighbours of the first vector, then of the second."""
            blocks = range(0, lanes, _BLOCK)
            even = [lane for k in blocks for lane in (k, k + 2, lanes + k, lanes + k + 2)]
            return builder.fadd(picked(first, second, even), picked(first, second, [lane + 1 for lane in even]))

        both = neighbours_added(neighbours_added(*vectors[:2]), neighbours_added(*vectors[2:]))
        while lanes > _BLOCK:  # the blocks are added up
            lanes //= 2
            both = builder.fadd(*[picked(both, both, list(range(first, first + lanes))) for first in (0, lanes)])
        return both

    @intrinsic
    def sum_along_depth(typingctx, size, depth, a, a_start, a_row_step, b, b_start, b_row_step, c, c_start, c_row_step):  # type: ignore[no-untyped-def]
        """See the module; ``size`` is what ``along_depth`` gives."""
        index = types.intp
        signature = types.void(size, index, a, index, index, b, index, index, c, index, index)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = partial(place, context, builder, sig, args)
            address = builder.extract_value(args[0], 2)
            call(builder, address, [args[1], start(2), args[4], start(5), args[7], start(8), args[10]])
            return context.get_dummy_value()

        return signature, codegen


def pair_along_depth(columns: int, itemsize: int) -> tuple[Size, Size]:
    """Sums for so many columns, and the same of a single row, to be given to ``sum_columns``; of no columns nothing."""
    rows, at_once = shape_along_depth(columns)
    return tuple([along_depth(r, at_once, itemsize) if columns else (1, 1, 0) for r in (rows, 1)])  # type: ignore[return-value]


@inner
def sum_columns(pair, rows, columns, depth, a, a_start, a_row_step, b, b_start, b_row_step, c, c_start, c_row_step):  # type: ignore[no-untyped-def]
    """The sums of any number of rows and columns; the last calls overlap the ones before them."""
    whole, single = pair
    at_once, together, _ = whole
    for i in range(0, rows, at_once):
        alone = rows < at_once  # then row by row
        first = i if alone else min(i, rows - at_once)
        for r in range(first, rows if alone else first + 1):
            for q in range(0, columns, together):
                j = min(q, columns - together)
                sum_along_depth(
                    single if alone else whole, depth=depth,
                    a=a, a_start=a_start + r * a_row_step, a_row_step=a_row_step,
                    b=b, b_start=b_start + j * b_row_step, b_row_step=b_row_step,
                    c=c, c_start=c_start + r * c_row_step + j, c_row_step=c_row_step,
                )  # fmt: skip
