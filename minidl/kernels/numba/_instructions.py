"""Functions in vector instructions, written out by hand and compiled at once: ``machine_code`` gives their address.

Numba compiles a kernel anew for every type it is called with. What differs between the sizes of a tile or the matrices of a
transform is therefore kept out of the kernels, which call such a function by its address. Compiling one takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from minidl.kernels.numba import _kept, _private
from minidl.kernels.numba._compiling import between_passes, compiling
from minidl.kernels.numba._machine import MACHINE

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


def spelling(kind: Any) -> str:
    """How LLVM spells a type in the names of its functions."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{spelling(kind.element)}"
    return {ir.FloatType(): "f32", ir.DoubleType(): "f64", ir.IntType(8): "i8"}[kind]


def call_intrinsic(builder: ir.IRBuilder, name: str, result: Any, arguments: list[Any]) -> Any:
    """The result of one of LLVM's own functions; ``name`` with its types."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(_private.cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def multiply_add(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    """a b + c of vectors or numbers, rounded once where the processor does that.

    Where it does not, LLVM would ask the C library, for every number by itself.
    """
    if not MACHINE.fused:
        return builder.fadd(builder.fmul(a, b), c)
    return call_intrinsic(builder, f"llvm.fma.{spelling(a.type)}", a.type, [a, b, c])


def unforeseen(builder: ir.IRBuilder, pointer: Any) -> Any:
    """The same pointer, of which the compiler knows nothing: it would keep sums with it in registers that it does not have."""
    kind = ir.FunctionType(pointer.type, [pointer.type])
    return builder.asm(kind, "", "=r,0", [pointer], side_effect=False)


# -- Parts of vectors, where the processor has no instruction for them, or a slow one -----------------------------------
#
# As the bits of ``count`` say: half a vector, a quarter and so on, each if it is wanted.


def _lanes(builder: ir.IRBuilder, vector: Any, first: int, size: int) -> Any:
    """``size`` numbers of a vector."""
    picked = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(first, first + size)))
    return builder.shuffle_vector(vector, vector, picked)


def load_some(builder: ir.IRBuilder, kind: Any, pointer: Any, count: Any, rest: Any, itemsize: int) -> Any:
    """A vector of the type ``kind``: the first ``count`` < lanes numbers from memory, behind them those of ``rest``, all equal.

    For processors without an instruction for it: LLVM would take a branch for each number.
    """
    count = builder.select(builder.icmp_signed(">", count, INDEX(0)), count, INDEX(0))
    start, size = builder.bitcast(pointer, kind.element.as_pointer()), 1
    loaded = _lanes(builder, rest, 0, 1)  # the last count % size numbers, and what is behind them
    while size < kind.count:
        behind, both = (
            _lanes(builder, rest, 0, size),
            ir.Constant(ir.VectorType(ir.IntType(32), 2 * size), list(range(2 * size))),
        )
        wanted = builder.icmp_unsigned("!=", builder.and_(count, INDEX(size)), INDEX(0))
        with builder.if_else(wanted) as (there, not_there):
            with there:
                at = builder.gep(start, [builder.and_(count, INDEX(-2 * size))])
                part = builder.load(builder.bitcast(at, behind.type.as_pointer()), align=itemsize)
                longer, where_longer = builder.shuffle_vector(part, loaded, both), builder.block
            with not_there:
                as_long, where_as_long = builder.shuffle_vector(loaded, behind, both), builder.block
        loaded = builder.phi(as_long.type)
        loaded.add_incoming(longer, where_longer)
        loaded.add_incoming(as_long, where_as_long)
        size *= 2
    return loaded


def store_some(builder: ir.IRBuilder, vector: Any, pointer: Any, count: Any, itemsize: int) -> None:
    """The first ``count`` numbers of a vector into memory, for processors without AVX-512.

    Masked stores of AVX2 take eleven times as long as a store on AMD's (Zen 4: 6.8 instead of 0.6 ns for 64 bytes).
    """
    lanes, number = vector.type.count, vector.type.element
    with builder.if_else(builder.icmp_signed(">=", count, INDEX(lanes)), likely=True) as (whole, partly):
        with whole:
            builder.store(vector, pointer).align = itemsize
        with partly:
            count = builder.select(builder.icmp_signed(">", count, INDEX(0)), count, INDEX(0))
            start, rest, size = builder.bitcast(pointer, number.as_pointer()), vector, lanes // 2
            while size:  # the first half is stored and the second looked at next, or the first is looked at next
                first, second = _lanes(builder, rest, 0, size), _lanes(builder, rest, size, size)
                wanted = builder.icmp_unsigned("!=", builder.and_(count, INDEX(size)), INDEX(0))
                with builder.if_then(wanted):
                    builder.store(first, builder.bitcast(start, first.type.as_pointer())).align = itemsize
                rest = builder.select(wanted, second, first)
                start = builder.select(wanted, builder.gep(start, [INDEX(size)]), start)
                size //= 2
