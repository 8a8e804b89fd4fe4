"""Vectors of ``LANES`` numbers as values of a kernel: loaded, changed and stored together.

    load(x, at, count, rest)   x[at], x[at + 1], ...; where there are only ``count`` left, ``rest`` in the lanes behind them
    store(x, at, count, v)     the way back; writes at most ``count``
    load_all(x, at), store_all(x, at, v)   all lanes, which is quicker where they are known to be there
    load_two(x, at, other)     ``HALF`` lanes from x[at] on, the others from x[other] on; both must be there
    store_first(x, at, v), store_second(x, at, v)   one half of the lanes
    prefetch(x, at)            have x[at] brought near, for later; it need not exist
    splat(x, number)           the number in every lane
    a + b, a > b, p | q, ...   lane by lane; a number beside a vector stands for itself in every lane
    added(a, b)                a + b in just this order, where the compiler may sum others in any
    where(p, a, b)             a where p, else b
    absolute(v), widened(v)    the latter in double precision
    total(v), largest(v)       of all lanes
    across_1(v), across_2(v), across_4(v)   lane i has what lane i ^ 1, i ^ 2 or i ^ 4 had: neighbours, pairs or fours exchanged
    exp(v), log(v)             also of a number
    expm1(v), log1p(v)         exp v - 1 and log(1 + v) without losing the digits of small v

x is a flat array. The compiler makes vectors of long loops by itself, but not of loops over a few channels or classes,
whose last lanes are idle. ``largest`` takes vectors without NaN, ``exp`` v <= 0, ``expm1`` 0 <= v <= 80, ``log1p`` 0 <= v
and finite, ``log`` nothing below the smallest normal number. In single precision these are polynomials (Cephes), right to about
one unit in the last place; in double precision the C library's functions, and for ``expm1`` of small v a power series.
``log1p`` is ``log`` of what 1 + v is rounded to, and a correction.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED

LANES, HALF = 16, 8  # single-precision numbers in a vector of AVX-512; where vectors are shorter, the compiler takes several

if DISABLED:  # the same on small arrays, with a look at every index

    def _inside(x, at, count):  # type: ignore[no-untyped-def]
        count = min(count, LANES)
        if count == 0:
            return slice(0, 0), slice(0, 0)  # nothing is touched, wherever it is
        assert at >= 0, "before the start"
        assert at + count <= len(x), "behind the end"
        return slice(at, at + count), slice(0, count)

    def load(x, at, count, rest):  # type: ignore[no-untyped-def]
        """See the module; as all that follows."""
        there, here = _inside(x, at, count)
        v = np.full(LANES, rest, x.dtype)
        v[here] = x[there]
        return v

    def store(x, at, count, v):  # type: ignore[no-untyped-def]
        there, here = _inside(x, at, count)
        x[there] = v[here]

    def load_all(x, at):  # type: ignore[no-untyped-def]
        assert at >= 0, "before the start"
        assert at + LANES <= len(x), "behind the end"
        return x[at : at + LANES].copy()

    def store_all(x, at, v):  # type: ignore[no-untyped-def]
        assert at >= 0, "before the start"
        assert at + LANES <= len(x), "behind the end"
        x[at : at + LANES] = v

    def load_two(x, at, other):  # type: ignore[no-untyped-def]
        for place in (at, other):
            assert 0 <= place <= len(x) - HALF, "outside"
        return np.concatenate((x[at : at + HALF], x[other : other + HALF]))

    def store_first(x, at, v):  # type: ignore[no-untyped-def]
        assert 0 <= at <= len(x) - HALF, "outside"
        x[at : at + HALF] = v[:HALF]

    def store_second(x, at, v):  # type: ignore[no-untyped-def]
        assert 0 <= at <= len(x) - HALF, "outside"
        x[at : at + HALF] = v[HALF:]

    def prefetch(x, at):  # type: ignore[no-untyped-def]
        """Nothing that could be seen."""

    def splat(x, number):  # type: ignore[no-untyped-def]
        return np.full(LANES, number, x.dtype)

    where, absolute, log, total, largest = np.where, np.abs, np.log, np.sum, np.max

    def added(a, b):  # type: ignore[no-untyped-def]
        return a + b

    def multiply_add(a, b, c):  # type: ignore[no-untyped-def]
        return a * b + c

    def widened(v):  # type: ignore[no-untyped-def]
        return v.astype(np.float64)

    def _across(distance: int) -> Any:
        return lambda v: v[np.arange(LANES) ^ distance]

    def exp(v):  # type: ignore[no-untyped-def]
        assert not (v > 0).any(), "exp of a positive number"
        return np.exp(v)

    def expm1(v):  # type: ignore[no-untyped-def]
        assert not (v < 0).any(), "expm1 of a negative number"
        return np.expm1(v)

    def log1p(v):  # type: ignore[no-untyped-def]
        assert not (v < 0).any(), "log1p of a negative number"
        return np.log1p(v)

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic, lower_builtin, models, register_model

    from minidl.kernels.numba._instructions import call_intrinsic as _call
    from minidl.kernels.numba._instructions import load_some, spelling, store_some
    from minidl.kernels.numba._instructions import multiply_add as _fma
    from minidl.kernels.numba._machine import MACHINE
    from minidl.kernels.numba._private import data_of, signature, type_operator

    class VectorType(types.Type):
        """``LANES`` numbers of one type; comparisons give booleans."""

        def __init__(self, dtype: Any) -> None:
            self.dtype = dtype
            super().__init__(name=f"vector({LANES} x {dtype})")

    @register_model(VectorType)
    class _VectorModel(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, _vector(kind))

    _NUMBERS = {
        types.float32: ir.FloatType(),
        types.float64: ir.DoubleType(),
        types.uint8: ir.IntType(8),
        types.boolean: ir.IntType(1),
    }
    _I32, _I64 = ir.IntType(32), ir.IntType(64)
    _KEPT = ("nsz",)  # the only freedom where the order of two operations matters: no reassociation

    def _vector(kind: Any) -> Any:
        """LLVM's type for vectors like ``kind``, or of the numbers of an array."""
        return ir.VectorType(_NUMBERS[kind.dtype], LANES)

    def _all(kind: Any, number: float) -> Any:
        """A constant: a number, or a vector of it; ``kind`` is LLVM's type."""
        return ir.Constant(kind, [number] * LANES if isinstance(kind, ir.VectorType) else number)

    def _spread(builder: Any, kind: Any, number: Any) -> Any:
        """``number`` in every lane."""
        nothing = ir.Constant(kind, ir.Undefined)
        one = builder.insert_element(nothing, number, ir.Constant(_I32, 0))
        return builder.shuffle_vector(one, nothing, _all(ir.VectorType(_I32, LANES), 0))

    # -- from memory and back ------------------------------------------------------------------------------------------

    def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
        assert kind.layout == "C", "vectors are read from consecutive memory"
        pointer = builder.gep(data_of(context, builder, kind, array), [at])
        return builder.bitcast(pointer, _vector(kind).as_pointer())

    def _mask(builder: Any, count: Any) -> Any:
        """True in the first ``count`` lanes."""
        few = builder.icmp_signed("<", count, ir.Constant(_I64, LANES))
        count = builder.trunc(builder.select(few, count, ir.Constant(_I64, LANES)), _I32)
        lane = ir.Constant(ir.VectorType(_I32, LANES), list(range(LANES)))
        return builder.icmp_signed("<", lane, _spread(builder, lane.type, count))

    @intrinsic
    def load(typingctx, x, at, count, rest):  # type: ignore[no-untyped-def]
        result = VectorType(x.dtype)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            kind = _vector(result)
            pointer = _place(context, builder, sig.args[0], args[0], args[1])
            rest_, size = _spread(builder, kind, args[3]), kind.element.get_abi_size(context.target_data)

            def some() -> Any:
                if not MACHINE.loads_parts:
                    return load_some(builder, kind, pointer, args[2], rest_, size)
                arguments = [pointer, ir.Constant(_I32, size), _mask(builder, args[2]), rest_]
                return _call(builder, f"llvm.masked.load.{spelling(kind)}.p0", kind, arguments)

            if MACHINE.stores_parts:
                return some()
            # without AVX-512 a mask is made anew for each vector, which takes longer than loading it
            with builder.if_else(builder.icmp_signed(">=", args[2], ir.Constant(_I64, LANES)), likely=True) as (whole, part):
                with whole:
                    all_lanes, where_whole = builder.load(pointer, align=size), builder.block
                with part:
                    some_lanes, where_part = some(), builder.block
            loaded = builder.phi(kind)
            loaded.add_incoming(all_lanes, where_whole)
            loaded.add_incoming(some_lanes, where_part)
            return loaded

        return result(x, types.intp, types.intp, x.dtype), codegen

    @intrinsic
    def store(typingctx, x, at, count, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            kind = _vector(sig.args[3])
            pointer = _place(context, builder, sig.args[0], args[0], args[1])
            size = kind.element.get_abi_size(context.target_data)
            if not MACHINE.stores_parts:
                store_some(builder, args[3], pointer, args[2], size)
                return context.get_dummy_value()
            name = f"llvm.masked.store.{spelling(kind)}.p0"
            _call(builder, name, ir.VoidType(), [args[3], pointer, ir.Constant(_I32, size), _mask(builder, args[2])])
            return context.get_dummy_value()

        return types.void(x, types.intp, types.intp, v), codegen

    @intrinsic
    def load_all(typingctx, x, at):  # type: ignore[no-untyped-def]
        result = VectorType(x.dtype)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = _place(context, builder, sig.args[0], args[0], args[1])
            return builder.load(pointer, align=_vector(result).element.get_abi_size(context.target_data))

        return result(x, types.intp), codegen

    @intrinsic
    def store_all(typingctx, x, at, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = _place(context, builder, sig.args[0], args[0], args[1])
            builder.store(args[2], pointer, align=args[2].type.element.get_abi_size(context.target_data))
            return context.get_dummy_value()

        return types.void(x, types.intp, v), codegen

    def _half_place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
        half = ir.VectorType(_vector(kind).element, HALF)
        return builder.bitcast(_place(context, builder, kind, array, at), half.as_pointer())

    @intrinsic
    def load_two(typingctx, x, at, other):  # type: ignore[no-untyped-def]
        result = VectorType(x.dtype)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            size = _vector(result).element.get_abi_size(context.target_data)
            first, second = [
                builder.load(_half_place(context, builder, sig.args[0], args[0], place), align=size) for place in args[1:]
            ]
            return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_I32, LANES), list(range(LANES))))

        return result(x, types.intp, types.intp), codegen

    def _half_store(begin: int) -> Any:
        @intrinsic
        def store_half(typingctx, x, at, v):  # type: ignore[no-untyped-def]
            def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
                lanes = ir.Constant(ir.VectorType(_I32, HALF), list(range(begin, begin + HALF)))
                half = builder.shuffle_vector(args[2], args[2], lanes)
                pointer = _half_place(context, builder, sig.args[0], args[0], args[1])
                builder.store(half, pointer, align=half.type.element.get_abi_size(context.target_data))
                return context.get_dummy_value()

            return types.void(x, types.intp, v), codegen

        return store_half

    store_first, store_second = _half_store(0), _half_store(HALF)

    @intrinsic
    def prefetch(typingctx, x, at):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pointer = builder.gep(data_of(context, builder, x, args[0]), [args[1]])
            reads, second_cache, data = _I32(0), _I32(2), _I32(1)
            _call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, reads, second_cache, data])
            return context.get_dummy_value()

        return types.void(x, types.intp), codegen

    @intrinsic
    def splat(typingctx, x, number):  # type: ignore[no-untyped-def]
        result = VectorType(x.dtype)
        return result(x, x.dtype), lambda context, builder, sig, args: _spread(builder, _vector(result), args[1])

    # -- lane by lane --------------------------------------------------------------------------------------------------

    @intrinsic
    def added(typingctx, a, b):  # type: ignore[no-untyped-def]
        return a(a, b), lambda context, builder, sig, args: builder.fadd(*args, flags=_KEPT)

    @intrinsic
    def multiply_add(typingctx, a, b, c):  # type: ignore[no-untyped-def]
        """a b + c, rounded once where the processor does that."""
        return c(a, b, c), lambda context, builder, sig, args: _fma(builder, *args)

    def _both(context: Any, builder: Any, sig: Any, args: Any) -> list[Any]:
        """Two operands as vectors of one kind."""
        kind = next(t for t in sig.args if isinstance(t, VectorType))
        return [
            value if isinstance(t, VectorType) else _spread(builder, _vector(kind), context.cast(builder, value, t, kind.dtype))
            for t, value in zip(sig.args, args)
        ]

    def _operator(function: Any, compares: bool, emit: Any) -> None:
        """Make ``function`` known for vectors, and for a vector and a number."""

        def result_of(args: Any) -> Any:
            kinds = [t for t in args if isinstance(t, VectorType)]
            if not kinds or len(args) > 2 or any(t != kinds[0] for t in kinds):
                return None
            if any(not isinstance(t, (VectorType, types.Number)) for t in args):
                return None
            return VectorType(types.boolean) if compares else kinds[0]

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return emit(builder, *_both(context, builder, sig, args))

        type_operator(function, result_of)
        for pair in ((VectorType, VectorType), (VectorType, types.Number), (types.Number, VectorType)):
            lower_builtin(function, *pair)(codegen)

    for _function, _emit in {
        operator.add: lambda builder, a, b: builder.fadd(a, b),
        operator.sub: lambda builder, a, b: builder.fsub(a, b),
        operator.mul: lambda builder, a, b: builder.fmul(a, b),
        operator.truediv: lambda builder, a, b: builder.fdiv(a, b),
        operator.and_: lambda builder, a, b: builder.and_(a, b),
        operator.or_: lambda builder, a, b: builder.or_(a, b),
    }.items():
        _operator(_function, False, _emit)
    for _function, _sign in {
        operator.lt: "<",
        operator.le: "<=",
        operator.gt: ">",
        operator.ge: ">=",
        operator.eq: "==",
        operator.ne: "!=",
    }.items():
        _operator(_function, True, lambda builder, a, b, sign=_sign: _compare(builder, sign, a, b))

    def _compare(builder: Any, sign: str, a: Any, b: Any) -> Any:
        if isinstance(a.type.element, ir.IntType):
            return builder.icmp_unsigned(sign, a, b)
        return builder.fcmp_unordered(sign, a, b) if sign == "!=" else builder.fcmp_ordered(sign, a, b)

    @intrinsic
    def where(typingctx, p, a, b):  # type: ignore[no-untyped-def]
        result = a if isinstance(a, VectorType) else b

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            pair = signature(result, *sig.args[1:])
            return builder.select(args[0], *_both(context, builder, pair, args[1:]))

        return result(p, a, b), codegen

    @intrinsic
    def absolute(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _call(builder, f"llvm.fabs.{spelling(_vector(v))}", _vector(v), list(args))

        return v(v), codegen

    @intrinsic
    def widened(typingctx, v):  # type: ignore[no-untyped-def]
        result = VectorType(types.float64)

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return args[0] if v == result else builder.fpext(args[0], _vector(result))

        return result(v), codegen

    @intrinsic
    def total(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            number = _vector(v).element
            name = f"llvm.vector.reduce.fadd.{spelling(_vector(v))}"
            result = _call(builder, name, number, [ir.Constant(number, 0.0), *args])
            result.fastmath.add("reassoc")  # in pairs; without it, one after another
            return result

        return v.dtype(v), codegen

    @intrinsic
    def largest(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            result = _call(builder, f"llvm.vector.reduce.fmax.{spelling(_vector(v))}", _vector(v).element, list(args))
            result.fastmath.add("nnan")  # which would cost two more steps at each turn
            return result

        return v.dtype(v), codegen

    # -- exponential and logarithm ---------------------------------------------------------------------------------------

    def _across(distance: int) -> Any:
        @intrinsic
        def across(typingctx, v):  # type: ignore[no-untyped-def]
            def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
                lanes = ir.Constant(ir.VectorType(_I32, LANES), [lane ^ distance for lane in range(LANES)])
                return builder.shuffle_vector(args[0], args[0], lanes)

            return v(v), codegen

        return across

    def _polynomial(builder: Any, v: Any, coefficients: tuple[float, ...]) -> Any:
        y = _all(v.type, coefficients[0])
        for c in coefficients[1:]:
            y = _fma(builder, y, v, _all(v.type, c))
        return y

    _EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1)
    _EXPM1_OVER_X = tuple([1 / math.factorial(n) for n in range(14, 0, -1)])
    _LOG = (
        *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
        *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    )
    _LN2 = (0.693359375, -2.12194440e-4)  # in two parts, the first of few digits, so that k times it is exact

    def _reduced(builder: Any, x: Any) -> tuple[Any, Any]:
        """r and 2^k of exp x = 2^k exp r, with x = k ln 2 + r.

        Added to 1.5 * 2^23 + 127, k stands in the lowest bits of the sum as the exponent of 2^k, where one shift brings it to
        its place.
        """
        kind = x.type
        whole = ir.VectorType(_I32, LANES) if isinstance(kind, ir.VectorType) else _I32
        shift = _all(kind, 12582912.0 + 127)
        shifted = _fma(builder, x, _all(kind, 1.44269504088896341), shift)
        k = builder.fsub(shifted, shift, flags=_KEPT)
        r = _fma(builder, k, _all(kind, -_LN2[0]), x)
        r = _fma(builder, k, _all(kind, -_LN2[1]), r)
        return r, builder.bitcast(builder.shl(builder.bitcast(shifted, whole), _all(whole, 23)), kind)

    @intrinsic
    def exp(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            (x,) = args
            kind = x.type
            if v in (types.float64, VectorType(types.float64)):
                return _call(builder, f"llvm.exp.{spelling(kind)}", kind, [x])
            r, power = _reduced(builder, x)
            y = _polynomial(builder, r, _EXP)
            tiny = builder.fcmp_ordered("<", x, _all(kind, -87.33654))  # below the smallest normal number; not for NaN
            return builder.select(tiny, _all(kind, 0.0), builder.fmul(y, power, flags=_KEPT))

        return v(v), codegen

    @intrinsic
    def expm1(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            (x,) = args
            kind, one = x.type, _all(x.type, 1.0)
            if v in (types.float64, VectorType(types.float64)):
                of_small = builder.fmul(_polynomial(builder, x, _EXPM1_OVER_X), x, flags=_KEPT)
                of_others = builder.fsub(_call(builder, f"llvm.exp.{spelling(kind)}", kind, [x]), one, flags=_KEPT)
                return builder.select(builder.fcmp_ordered("<", x, _all(kind, 0.35)), of_small, of_others)
            r, power = _reduced(builder, x)  # 2^k (exp r - 1) + (2^k - 1)
            y = _fma(builder, builder.fmul(r, r, flags=_KEPT), _polynomial(builder, r, _EXP[:-2]), r)
            return _fma(builder, y, power, builder.fsub(power, one, flags=_KEPT))

        return v(v), codegen

    @intrinsic
    def log(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _log(builder, *args)

        return v(v), codegen

    @intrinsic
    def log1p(typingctx, v):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            (x,) = args
            one = _all(x.type, 1.0)
            rounded = builder.fadd(x, one, flags=_KEPT)  # 1 + x but for what does not fit: log (u + d) = log u + d / u
            missing = builder.fsub(x, builder.fsub(rounded, one, flags=_KEPT), flags=_KEPT)
            return builder.fadd(_log(builder, rounded), builder.fdiv(missing, rounded, flags=_KEPT), flags=_KEPT)

        return v(v), codegen

    def _log(builder: Any, x: Any) -> Any:
        kind = x.type
        if getattr(kind, "element", kind) == ir.DoubleType():
            return _call(builder, f"llvm.log.{spelling(kind)}", kind, [x])
        whole = ir.VectorType(_I32, LANES) if isinstance(kind, ir.VectorType) else _I32
        # log x = k ln 2 + log(1 + r) with x = 2^k (1 + r), 1 + r between the roots of 1/2 and 2
        bits = builder.sub(builder.bitcast(x, whole), _all(whole, 0x3F3504F3))
        k = builder.sitofp(builder.ashr(bits, _all(whole, 23)), kind)
        mantissa = builder.add(builder.and_(bits, _all(whole, 0x7FFFFF)), _all(whole, 0x3F3504F3))
        r = builder.fsub(builder.bitcast(mantissa, kind), _all(kind, 1.0), flags=_KEPT)
        square = builder.fmul(r, r, flags=_KEPT)
        y = builder.fmul(builder.fmul(_polynomial(builder, r, _LOG), r, flags=_KEPT), square, flags=_KEPT)
        y = _fma(builder, k, _all(kind, _LN2[1]), y)
        y = _fma(builder, square, _all(kind, -0.5), y)
        y = builder.fadd(y, r, flags=_KEPT)
        y = _fma(builder, k, _all(kind, _LN2[0]), y)
        finite = builder.fcmp_ordered("<", x, _all(kind, float("inf")))
        return builder.select(finite, y, x)  # NaN and infinity are their own logarithms


across_1, across_2, across_4 = _across(1), _across(2), _across(4)
