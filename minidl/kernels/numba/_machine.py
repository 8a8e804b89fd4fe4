"""Functions in vector instructions, written out by hand and compiled at once: ``machine_code`` gives their address.

Numba compiles a kernel anew for every type it is called with. What differs between the sizes of a tile or the matrices of a
transform is therefore kept out of the kernels, which call such a function by its address. Compiling one takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir

from minidl.kernels.numba import _kept, _private
from minidl.kernels.numba._compiling import between_passes, compiling

_features = numba.config.CPU_FEATURES or ""
_name = numba.config.CPU_NAME or llvm.get_host_cpu_name()
_chosen = bool(_features or numba.config.CPU_NAME)  # by NUMBA_CPU_NAME and NUMBA_CPU_FEATURES
_has_512 = "+avx512f" in _features if _chosen else bool(llvm.get_host_cpu_features().get("avx512f"))
REGISTERS = 32 if _has_512 else 16
# Zen 4 has the registers of AVX-512, but computes 512 bits in two halves: vectors of 256 waste less at the ends.
DATAPATH_BYTES = 64 if _has_512 and _name != "znver4" else 32

INDEX = ir.IntType(64)
_libraries: list[Any] = []  # keeps the code alive


def machine_code(name: str, arguments: list[Any], emit: Callable[[ir.IRBuilder, Any], None]) -> int:
    """The address of ``void name(arguments)``, whose body ``emit(builder, arguments)`` writes, unless it was kept.

    The name is the key under which the code is kept: it must hold everything that affects the body.
    """

    def fill(module: ir.Module) -> None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), f"minidl_{name}")
        builder = ir.IRBuilder(function.append_basic_block())
        emit(builder, function.args)
        builder.ret_void()

    with compiling(), _private.compiler_lock:
        library = _kept.load(name)
        if library is None:
            between_passes()
            library = _private.new_library(f"minidl.{name}", name, fill)
            _kept.save(name, library)
        _libraries.append(library)
        return _private.address_of(library, f"minidl_{name}")


def call(builder: ir.IRBuilder, address: Any, arguments: list[Any]) -> None:
    """Call the function at ``address``, a number known only when the program runs."""
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)


def place(context: Any, builder: ir.IRBuilder, sig: Any, args: Any, array: int) -> Any:
    """Inside an intrinsic: the address of a number of the flat array args[array]; the argument behind it says which."""
    return builder.gep(_private.data_of(context, builder, sig.args[array], args[array]), [args[array + 1]])


def number_type(itemsize: int) -> Any:
    """float for 4 bytes, double for 8."""
    return {4: ir.FloatType(), 8: ir.DoubleType()}[itemsize]


def multiply_add(builder: ir.IRBuilder, vector: Any) -> Any:
    """The fused multiply-add of vectors."""
    kind = {"float": "f32", "double": "f64"}[str(vector.element)]
    return builder.module.declare_intrinsic(f"llvm.fma.v{vector.count}{kind}", (), ir.FunctionType(vector, [vector] * 3))


def store_some(builder: ir.IRBuilder, vector: Any, pointer: Any, count: Any, itemsize: int) -> None:
    """The first ``count`` numbers of a vector into memory, for processors without AVX-512.

    Masked stores of AVX2 take eleven times as long as a store on AMD's (Zen 4: 6.8 instead of 0.6 ns for 64 bytes). So all
    lanes are stored at once, or halves, quarters and so on, as the bits of ``count`` say.
    """
    lanes, number = vector.type.count, vector.type.element
    with builder.if_else(builder.icmp_signed(">=", count, INDEX(lanes)), likely=True) as (whole, partly):
        with whole:
            builder.store(vector, pointer).align = itemsize
        with partly:
            count = builder.select(builder.icmp_signed(">", count, INDEX(0)), count, INDEX(0))
            start, rest, size = builder.bitcast(pointer, number.as_pointer()), vector, lanes // 2
            while size:  # the first half is stored and the second looked at next, or the first is looked at next
                both = [ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(k, k + size))) for k in (0, size)]
                first, second = (builder.shuffle_vector(rest, rest, half) for half in both)
                wanted = builder.icmp_unsigned("!=", builder.and_(count, INDEX(size)), INDEX(0))
                with builder.if_then(wanted):
                    builder.store(first, builder.bitcast(start, first.type.as_pointer())).align = itemsize
                rest = builder.select(wanted, second, first)
                start = builder.select(wanted, builder.gep(start, [INDEX(size)]), start)
                size //= 2
