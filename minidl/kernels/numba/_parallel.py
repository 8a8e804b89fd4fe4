"""``in_parallel(function, tasks, arguments)``: the shares of a loop on the thread team, without Numba's loop rewriting.

``function(first, last, *arguments)`` does the tasks first .. last - 1. Compiled code calls it on every thread, with the same
arguments, through the entry point of Numba's threading layer that ``prange`` uses too; but the loop is not taken apart by the
compiler, so that a kernel compiles as quickly as if it ran on one thread, and any argument type will do.

Each thread has an equal run of tasks. Cores are not equally quick (some processors have two kinds, other programs use a core
for a while), and the slowest would keep all others waiting. So the last quarter of each run is left for whoever comes first,
in small portions: a kernel must not care which thread does a task, or with which others in one call.

A single task, or a single thread allowed, needs no team: the caller's thread does it all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner, inner_of
from minidl.kernels.numba._private import TEAM_ENTRY, has
from minidl.kernels.numba._team import NUMBER

MOST_THREADS, LINE = 256, 8  # counters of threads, each in 8 numbers of 8 bytes: a line of the cache
SHARED, PORTIONS = 4, 4  # a quarter of a thread's tasks are for all, and are taken in about so many portions


def sum_of(shares: Any) -> Any:
    """What the shares have summed, added up in their order: (shares, n) to (n,), in the memory of the first."""
    total = shares[0]
    with np.errstate(all="ignore"):  # compiled sums do not warn either
        for share in shares[1:]:
            total += share
    return total


if DISABLED:

    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """Each task by itself, one after another."""
        for task in range(tasks):
            function(task, task + 1, *arguments)

elif has("team"):
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._private import call_linked, cgutils, linked, signature_of_call, without_owners

    _COUNT, _BYTES = ir.IntType(64), ir.IntType(8).as_pointer()

    def _function(builder: Any, name: str, arguments: list[Any]) -> Any:
        """A new function without a result beside the one that is being written."""
        module, name = builder.module, f"{name}_{builder.function.name}"
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), module.get_unique_name(name))
        function.linkage = "internal"
        function.attributes.add("noinline")
        return function

    def _smaller(builder: Any, a: Any, b: Any) -> Any:
        return builder.select(builder.icmp_signed("<", a, b), a, b)

    def _launch(builder: Any, do: Any) -> Any:
        """void launch(given *, tasks, threads): all tasks on the team; the counters have no place on the stack without it."""
        given, _, _ = do.args
        launch = _function(builder, "launch", [given.type, _COUNT, _COUNT])
        inside = ir.IRBuilder(launch.append_basic_block())
        work = inside.alloca(ir.LiteralStructType([given.type, _COUNT, _COUNT, ir.ArrayType(_COUNT, MOST_THREADS * LINE)]))
        given, tasks, threads = launch.args
        threads = _smaller(inside, threads, _COUNT(MOST_THREADS))
        for place, value in enumerate((given, tasks, threads)):
            inside.store(value, cgutils.gep_inbounds(inside, work, 0, place))
        with cgutils.for_range(inside, threads) as loop:
            inside.store(_COUNT(0), _taken(inside, work, loop.index))

        # void share(char **starts, size_t *counts, size_t *steps, work *): what the threading layer calls
        share = _function(builder, "share", [_BYTES.as_pointer(), _COUNT.as_pointer(), _COUNT.as_pointer(), work.type])
        starts, counts, _, of_all = share.args
        _share_out(ir.IRBuilder(share.append_basic_block()), do, starts, counts, of_all)
        values = [cgutils.alloca_once_value(inside, value) for value in (_COUNT(0), threads, _COUNT(1))]
        kind = ir.FunctionType(ir.VoidType(), [_BYTES] * 5 + [_COUNT] * 3)
        entry = cgutils.get_or_insert_function(builder.module, kind, TEAM_ENTRY)
        inside.call(entry, [*[inside.bitcast(p, _BYTES) for p in (share, *values, work)], _COUNT(0), _COUNT(1), threads])
        inside.ret_void()
        return launch

    def _taken(builder: Any, work: Any, thread: Any) -> Any:
        """The address of the number of tasks that were taken from what a thread left for all; each in a line of its own."""
        return cgutils.gep_inbounds(builder, work, 0, 3, builder.mul(thread, _COUNT(LINE)))

    def _share_out(builder: Any, do: Any, starts: Any, counts: Any, work: Any) -> None:
        """The code of one thread: its own tasks but for the last quarter, then what it and others have left of theirs."""
        given, tasks, threads = (builder.load(cgutils.gep_inbounds(builder, work, 0, place)) for place in (0, 1, 2))
        first = builder.ptrtoint(builder.load(starts), _COUNT)

        def borders(thread: Any) -> tuple[Any, Any, Any]:
            """Where a thread's tasks begin, where those that anyone may take do, and the end."""
            begin = builder.sdiv(builder.mul(thread, tasks), threads)
            end = builder.sdiv(builder.mul(builder.add(thread, _COUNT(1)), tasks), threads)
            return begin, builder.sub(end, builder.sdiv(builder.sub(end, begin), _COUNT(SHARED))), end

        with cgutils.for_range(builder, builder.load(counts)) as loop:  # one; a layer may give a thread the work of several
            thread = builder.add(first, loop.index)
            begin, left, _ = borders(thread)
            with builder.if_then(builder.icmp_signed("<", begin, left)):
                builder.call(do, [given, begin, left])
            with cgutils.for_range(builder, threads) as others:
                other = builder.srem(builder.add(thread, others.index), threads)
                _, left, end = borders(other)
                some = builder.add(builder.sdiv(builder.sub(end, left), _COUNT(PORTIONS)), _COUNT(1))
                test, body, done = map(builder.append_basic_block, ("take", "work", "done"))
                builder.branch(test)
                builder.position_at_end(test)
                at = builder.add(left, builder.atomic_rmw("add", _taken(builder, work, other), some, "monotonic"))
                builder.cbranch(builder.icmp_signed("<", at, end), body, done)
                builder.position_at_end(body)
                builder.call(do, [given, at, _smaller(builder, builder.add(at, some), end)])
                builder.branch(test)
                builder.position_at_end(done)
        builder.ret_void()

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
            threads = builder.load(builder.module.globals.get(NUMBER) or ir.GlobalVariable(builder.module, _COUNT, NUMBER))
            given = cgutils.alloca_once_value(builder, values)

            # void do(given *, first, last)
            do = _function(builder, "do", [given.type, _COUNT, _COUNT])
            inside = ir.IRBuilder(do.append_basic_block())
            items = cgutils.unpack_tuple(inside, inside.load(do.args[0]), len(arguments.types))
            call_linked(context, inside, descriptor, call, [*do.args[1:], *items])
            inside.ret_void()

            few = builder.or_(builder.icmp_signed("<=", tasks, _COUNT(1)), builder.icmp_signed("<=", threads, _COUNT(1)))
            with builder.if_else(few) as (on_this_thread, on_the_team):
                with on_this_thread:
                    builder.call(do, [given, _COUNT(0), tasks])
                with on_the_team:
                    builder.call(_launch(builder, do), [given, tasks, threads])
            return context.get_dummy_value()

        return types.void(function, types.intp, arguments), codegen

else:

    @inner
    def in_parallel(function: Any, tasks: int, arguments: tuple[Any, ...]) -> None:
        """All tasks on the caller's thread, one after another."""
        function(0, tasks, *arguments)
