"""``in_parallel(function, tasks, arguments)``: the shares of a loop on the thread team, without Numba's loop rewriting.

``function(first, last, *arguments)`` does the tasks first .. last - 1. Compiled code calls it on every thread, with the same
arguments, through the entry point of Numba's threading layer that ``prange`` uses too; but the loop is not taken apart by the
compiler, so that a kernel compiles as quickly as if it ran on one thread, and any argument type will do.

How tasks are shared out says ``_share_out``: a kernel must not care which thread does a task, or with which others in one
call. A single task, or a single thread allowed, needs no team: the caller's thread does it all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner, inner_of
from minidl.kernels.numba._private import has


def sum_of(shares: Any) -> Any:
    """What the shares have summed, added up in their order: (shares, n) to (n,), in the memory of the first."""
    total = shares[0]
    with np.errstate(all="ignore"):  # compiled sums do not warn either
        for share in shares[1:]:
            total += share
    return total


if DISABLED:

    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """All tasks, one after another: in one call but the last of several, which comes by itself."""
        border = tasks - 1 if tasks > 2 else tasks
        function(0, border, *arguments)
        if border < tasks:
            function(border, tasks, *arguments)

elif has("team"):
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._instructions import INDEX
    from minidl.kernels.numba._private import call_linked, cgutils, linked, signature_of_call, without_owners
    from minidl.kernels.numba._share_out import DO, SHARE_OUT
    from minidl.kernels.numba._together import BYTES

    @intrinsic
    def in_parallel(typingctx: Any, function: Any, tasks: Any, arguments: Any) -> Any:
        """See the module."""
        share = inner_of(function.dispatcher)
        call = signature_of_call(typingctx, share, (types.intp, types.intp, *arguments.types))

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            descriptor = linked(context, share, call)
            _, tasks, values = args
            # Numba counts an owner's users whenever a part is cut out of an array, and with several threads cutting, that
            # one count travelled between the cores all the time: up to half of a small product's time.
            values = without_owners(context, builder, arguments, values)  # which the caller keeps alive until all is done
            given = builder.bitcast(cgutils.alloca_once_value(builder, values), BYTES)

            do = ir.Function(builder.module, DO.pointee, builder.module.get_unique_name("do_" + builder.function.name))
            do.linkage = "internal"
            do.attributes.add("noinline")
            inside = ir.IRBuilder(do.append_basic_block())
            packed = inside.load(inside.bitcast(do.args[0], context.get_value_type(arguments).as_pointer()))
            items = cgutils.unpack_tuple(inside, packed, len(arguments.types))
            call_linked(context, inside, descriptor, call, [*do.args[1:], *items])
            inside.ret_void()

            share_out = ir.FunctionType(ir.VoidType(), [DO, BYTES, INDEX])
            builder.call(cgutils.get_or_insert_function(builder.module, share_out, SHARE_OUT), [do, given, tasks])
            return context.get_dummy_value()

        return types.void(function, types.intp, arguments), codegen

else:

    @inner
    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """All tasks on the caller's thread, one after another."""
        function(0, tasks, *arguments)
