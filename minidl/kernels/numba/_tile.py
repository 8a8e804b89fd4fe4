"""The innermost loop of every matrix product and convolution: one tile of results held in vector registers.

    c[r, :] (+)= sum_o sum_k a(r, o, k) b[o, k, :]        r < rows,  width = vectors x lanes numbers per row

The compiler is handed vector instructions directly (LLVM's fused multiply-add on vectors of ``lanes`` numbers), because it
does not find this blocking by itself. rows x vectors accumulators plus the row of b must fit the registers: 32 of AVX-512,
16 of AVX2. All arrays are flat; starts and steps count elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED

Size = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def tile_size(rows: int, vectors: int, lanes: int) -> Size:
    """A tile's size as a type: three tuples of these lengths, so that Numba compiles and caches one version for each size.

    >>> [len(part) for part in tile_size(5, 4, 16)]
    [5, 4, 16]
    """
    return (0,) * rows, (0,) * vectors, (0,) * lanes


def vector_lanes(itemsize: int) -> int:
    """Numbers of ``itemsize`` bytes in the widest vector of this processor."""
    return _VECTOR_BYTES // itemsize


if DISABLED:
    _VECTOR_BYTES, REGISTERS = 64, 32

    def tile(size, outer, depth, a, a_start, a_row, a_outer, a_k, b, b_start, b_outer, b_k, c, c_start, c_row, add):  # type: ignore[no-untyped-def]
        """The definition, for runs without the compiler; an index out of range raises."""
        rows, width = len(size[0]), len(size[1]) * len(size[2])
        for r in range(rows):
            total = np.zeros(width, c.dtype)
            for o in range(outer):
                for k in range(depth):
                    first = b_start + o * b_outer + k * b_k
                    row = b[first : first + width]
                    assert len(row) == width, "b ends inside a row"
                    at = a_start + r * a_row + o * a_outer + k * a_k
                    assert at >= 0, "a is read before its start"
                    total += a[at] * row
            first = c_start + r * c_row
            assert len(c[first : first + width]) == width, "c ends inside a row"
            c[first : first + width] = total + (c[first : first + width] if add else 0)

else:
    import llvmlite.binding as llvm
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils, config
    from numba.extending import intrinsic

    _features = config.CPU_FEATURES or ""
    _name = config.CPU_NAME or ""
    _has_512 = ("+avx512f" in _features) if (_features or _name) else bool(llvm.get_host_cpu_features().get("avx512f"))
    _VECTOR_BYTES, REGISTERS = (64, 32) if _has_512 else (32, 16)

    @intrinsic
    def tile(  # type: ignore[no-untyped-def]
        typingctx, size, outer, depth, a, a_start, a_row, a_outer, a_k, b, b_start, b_outer, b_k, c, c_start, c_row, add
    ):
        """See the module; ``size`` is what ``tile_size`` gives."""
        n_rows, n_vectors, n_lanes = (t.count for t in size.types)
        index = types.intp
        signature = types.void(
            size, index, index, a, index, index, index, index, b, index, index, index, c, index, index, index
        )  # fmt: skip

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            i64 = ir.IntType(64)
            number = context.get_data_type(sig.args[3].dtype)
            nbytes = context.get_abi_sizeof(number)
            vector = ir.VectorType(number, n_lanes)

            def constant(value: int) -> Any:
                return ir.Constant(i64, value)

            def data(position: int) -> Any:
                return context.make_array(sig.args[position])(context, builder, args[position]).data

            a_data, b_data, c_data = data(3), data(8), data(12)
            (_, outer_, depth_, _, a0, a_row_, a_outer_, a_k_, _, b0, b_outer_, b_k_, _, c0, c_row_, add_) = args

            def vector_pointer(base: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

            def load(base: Any, offset: Any) -> Any:
                value = builder.load(vector_pointer(base, offset))
                value.align = nbytes
                return value

            def plus(x: Any, y: Any) -> Any:
                return builder.add(x, y)

            totals = [[cgutils.alloca_once(builder, vector) for _ in range(n_vectors)] for _ in range(n_rows)]
            zero = ir.Constant(vector, [0.0] * n_lanes)
            for row in totals:
                for total in row:
                    builder.store(zero, total)
            suffix = {4: "f32", 8: "f64"}[nbytes]
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{n_lanes}{suffix}"
            )
            row_starts = [plus(a0, builder.mul(a_row_, constant(r))) for r in range(n_rows)]
            with cgutils.for_range(builder, outer_) as outer_loop:
                a_block = builder.mul(outer_loop.index, a_outer_)
                a_rows = [builder.gep(a_data, [plus(start, a_block)]) for start in row_starts]
                b_rows = builder.gep(b_data, [plus(b0, builder.mul(outer_loop.index, b_outer_))])
                with cgutils.for_range(builder, depth_) as loop:
                    b_row = builder.mul(loop.index, b_k_)
                    bs = [load(b_rows, plus(b_row, constant(v * n_lanes))) for v in range(n_vectors)]
                    at = builder.mul(loop.index, a_k_)
                    for r in range(n_rows):
                        scalar = builder.load(builder.gep(a_rows[r], [at]))
                        one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
                        mask = ir.Constant(ir.VectorType(ir.IntType(32), n_lanes), [0] * n_lanes)
                        splat = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)
                        for v in range(n_vectors):
                            builder.store(builder.call(fma, [splat, bs[v], builder.load(totals[r][v])]), totals[r][v])
            for r in range(n_rows):
                for v in range(n_vectors):
                    offset = plus(plus(c0, builder.mul(c_row_, constant(r))), constant(v * n_lanes))
                    with builder.if_then(builder.icmp_signed("!=", add_, constant(0))):
                        builder.store(builder.fadd(builder.load(totals[r][v]), load(c_data, offset)), totals[r][v])
                    builder.store(builder.load(totals[r][v]), vector_pointer(c_data, offset)).align = nbytes
            return context.get_dummy_value()

        return signature, codegen
