"""``in_parallel(function, tasks, arguments)``: the shares of a loop on the thread team, without Numba's loop rewriting.

``function(first, last, *arguments)`` does the tasks first .. last - 1. Compiled code calls it once on every thread, with the
same arguments, through the entry point of Numba's threading layer that ``prange`` uses too; but the loop is not taken apart
by the compiler, so that a kernel compiles as quickly as if it ran on one thread, and any argument type will do. A single task,
or a single thread allowed, needs no team: the caller's thread does it all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner, inner_of
from minidl.kernels.numba._private import TEAM_ENTRY, has
from minidl.kernels.numba._team import NUMBER


def sum_of(shares: Any) -> Any:
    """What the shares have summed, added up in their order: (shares, n) to (n,), in the memory of the first."""
    total = shares[0]
    with np.errstate(all="ignore"):  # compiled sums do not warn either
        for share in shares[1:]:
            total += share
    return total


if DISABLED:

    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """All tasks, one after another."""
        function(0, tasks, *arguments)

elif has("team"):
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._private import call_linked, cgutils, linked, signature_of_call, without_owners

    @intrinsic
    def in_parallel(typingctx: Any, function: Any, tasks: Any, arguments: Any) -> Any:
        """See the module."""
        share = inner_of(function.dispatcher)
        call = signature_of_call(typingctx, share, (types.intp, types.intp, *arguments.types))

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            descriptor = linked(context, share, call)
            i64, pointer = ir.IntType(64), ir.IntType(8).as_pointer()

            # void on_one(char **starts, size_t *counts, size_t *steps, void *arguments): what the threading layer calls
            kind = ir.FunctionType(ir.VoidType(), [pointer.as_pointer(), i64.as_pointer(), i64.as_pointer(), pointer])
            on_one = ir.Function(builder.module, kind, builder.module.get_unique_name("share_of_" + builder.function.name))
            on_one.linkage = "internal"
            on_one.attributes.add("noinline")
            inside = ir.IRBuilder(on_one.append_basic_block())
            first = inside.ptrtoint(inside.load(on_one.args[0]), i64)
            last = inside.add(first, inside.load(on_one.args[1]))
            packed = inside.load(inside.bitcast(on_one.args[3], context.get_value_type(arguments).as_pointer()))
            items = cgutils.unpack_tuple(inside, packed, len(arguments.types))
            call_linked(context, inside, descriptor, call, [first, last, *items])
            inside.ret_void()

            def address(value: Any) -> Any:
                return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

            _, count, values = args
            # Numba counts an owner's users whenever a part is cut out of an array, and with several threads cutting, that
            # one count travelled between the cores all the time: up to half of a small product's time.
            values = without_owners(context, builder, arguments, values)  # which the caller keeps alive until all is done
            threads = builder.load(builder.module.globals.get(NUMBER) or ir.GlobalVariable(builder.module, i64, NUMBER))
            launch = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [pointer] * 5 + [i64] * 3), TEAM_ENTRY
            )
            nothing, one = ir.Constant(i64, 0), ir.Constant(i64, 1)
            pointers = [address(nothing), address(count), address(one), address(values)]
            few = builder.or_(builder.icmp_signed("<=", count, one), builder.icmp_signed("<=", threads, one))
            with builder.if_else(few) as (on_this_thread, on_the_team):
                with on_this_thread:
                    builder.call(on_one, [builder.bitcast(p, t) for p, t in zip(pointers, kind.args)])
                with on_the_team:
                    builder.call(launch, [builder.bitcast(on_one, pointer), *pointers, nothing, one, threads])
            return context.get_dummy_value()

        return types.void(function, types.intp, arguments), codegen

else:

    @inner
    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """All tasks on the caller's thread, one after another."""
        function(0, tasks, *arguments)
