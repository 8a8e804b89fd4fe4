"""Functions in vector instructions, written out by hand and compiled at once: ``machine_code`` gives their address.

Numba compiles a kernel anew for every type it is called with. What differs between the sizes of a tile or the matrices of a
transform is therefore kept out of the kernels, which call such a function by its address. Compiling one takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from minidl.kernels.numba import _kept
from minidl.kernels.numba._compiling import between_passes, compiling

_features = config.CPU_FEATURES or ""
_name = config.CPU_NAME or llvm.get_host_cpu_name()
_chosen = bool(_features or config.CPU_NAME)  # by NUMBA_CPU_NAME and NUMBA_CPU_FEATURES
_has_512 = "+avx512f" in _features if _chosen else bool(llvm.get_host_cpu_features().get("avx512f"))
REGISTERS = 32 if _has_512 else 16
# Zen 4 has the registers of AVX-512, but computes 512 bits in two halves: vectors of 256 waste less at the ends.
DATAPATH_BYTES = 64 if _has_512 and _name != "znver4" else 32

INDEX = ir.IntType(64)
_libraries: list[Any] = []  # keeps the code alive


def machine_code(name: str, arguments: list[Any], emit: Callable[[ir.IRBuilder, Any], None]) -> int:
    """The address of ``void name(arguments)``, whose body ``emit(builder, arguments)`` writes, unless it was kept.

    The name must tell everything that makes the body another.
    """
    with compiling(), global_compiler_lock:
        codegen = cpu_target.target_context.codegen()
        library = _kept.load(codegen, name)
        if library is None:
            between_passes()
            library = codegen.create_library(f"minidl.{name}")
            library.enable_object_caching()
            module = library.create_ir_module(name)
            function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), f"minidl_{name}")
            builder = ir.IRBuilder(function.append_basic_block())
            emit(builder, function.args)
            builder.ret_void()
            library.add_ir_module(module)
            library.finalize()
            _kept.save(codegen, name, library)
        _libraries.append(library)
        return int(library.get_pointer_to_function(f"minidl_{name}"))


def call(builder: ir.IRBuilder, address: Any, arguments: list[Any]) -> None:
    """Call the function at ``address``, a number known only when the program runs."""
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)


def number_type(itemsize: int) -> Any:
    """float for 4 bytes, double for 8."""
    return {4: ir.FloatType(), 8: ir.DoubleType()}[itemsize]


def multiply_add(builder: ir.IRBuilder, vector: Any) -> Any:
    """The fused multiply-add of vectors."""
    kind = {"float": "f32", "double": "f64"}[str(vector.element)]
    return builder.module.declare_intrinsic(f"llvm.fma.v{vector.count}{kind}", (), ir.FunctionType(vector, [vector] * 3))
