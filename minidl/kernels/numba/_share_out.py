"""Tasks shared out to the thread team, in machine code of its own: kernels find it under the name ``SHARE_OUT``.

    void share_out(void (*do)(void *given, first, last), void *given, tasks)

Each thread has an equal run of tasks. Cores are not equally quick (some processors have two kinds, other programs use a core
for a while), and the slowest would keep all others waiting. So a thread begins with three quarters of its run at once, and what
is left of a run, all of it where its thread is late, is for whoever comes first, in small portions: first for its own thread,
then for the others.
"""

from __future__ import annotations

from typing import Any

from minidl.kernels.numba._private import has
from minidl.kernels.numba._team import NUMBER
from minidl.kernels.numba._together import LINE, MOST_THREADS

SHARE_OUT = "minidl_share_out"
SHARED, PORTIONS = 4, 2  # a quarter of a thread's tasks are for all, and are taken in about so many portions

if has("team"):
    import llvmlite.binding as llvm
    from llvmlite import ir

    from minidl.kernels.numba._instructions import INDEX, machine_code
    from minidl.kernels.numba._private import cgutils
    from minidl.kernels.numba._together import BYTES, function_of, to_the_team

    DO = ir.FunctionType(ir.VoidType(), [BYTES, INDEX, INDEX]).as_pointer()
    # What to call, with what, how many tasks and threads; of each thread, how many tasks of its run were taken, in a line of
    # the cache for itself.
    _WORK = ir.LiteralStructType([DO, BYTES, INDEX, INDEX, ir.ArrayType(INDEX, MOST_THREADS * LINE)])

    def _share_out(builder: ir.IRBuilder, arguments: Any) -> None:
        """The body of ``share_out``."""
        do, given, tasks = arguments
        threads = builder.load(ir.GlobalVariable(builder.module, INDEX, NUMBER))
        few = builder.or_(builder.icmp_signed("<=", tasks, INDEX(1)), builder.icmp_signed("<=", threads, INDEX(1)))
        with builder.if_else(few) as (on_this_thread, on_the_team):
            with on_this_thread:
                builder.call(do, [given, INDEX(0), tasks])
            with on_the_team:
                kinds = [DO, BYTES, INDEX, INDEX]
                builder.call(function_of(builder.module, "on_the_team", kinds, _on_the_team), [*arguments, threads])

    def _on_the_team(builder: ir.IRBuilder, arguments: Any) -> None:
        """Have each thread of the team call ``_take_part``."""
        do, given, tasks, threads = arguments
        threads = _smaller(builder, threads, INDEX(MOST_THREADS))
        work = builder.alloca(_WORK)
        for place, value in enumerate((do, given, tasks, threads)):
            builder.store(value, cgutils.gep_inbounds(builder, work, 0, place))
        with cgutils.for_range(builder, threads) as loop:
            builder.store(INDEX(0), _taken(builder, work, loop.index))
        take_part = function_of(builder.module, "take_part", [BYTES, INDEX], _take_part)
        to_the_team(builder, take_part, builder.bitcast(work, BYTES), threads)

    def _take_part(builder: ir.IRBuilder, arguments: Any) -> None:
        """(work, thread): do tasks until there are none that nobody has begun."""
        work = builder.bitcast(arguments[0], _WORK.as_pointer())
        do, given, tasks, threads = (builder.load(cgutils.gep_inbounds(builder, work, 0, place)) for place in range(4))
        thread = builder.srem(arguments[1], threads)  # a team may be larger, if the number was changed meanwhile

        def run_of(thread: Any) -> tuple[Any, Any, Any]:
            """Where a thread's tasks begin and end, and how many of them are for all."""
            begin = builder.sdiv(builder.mul(thread, tasks), threads)
            end = builder.sdiv(builder.mul(builder.add(thread, INDEX(1)), tasks), threads)
            return begin, end, builder.sdiv(builder.sub(end, begin), INDEX(SHARED))

        begin, end, shared = run_of(thread)
        own = builder.sub(builder.sub(end, begin), shared)
        at = builder.add(begin, builder.atomic_rmw("add", _taken(builder, work, thread), own, "monotonic"))
        with builder.if_then(builder.icmp_signed("<", at, end)):
            builder.call(do, [given, at, _smaller(builder, builder.add(at, own), end)])
        with cgutils.for_range(builder, threads) as others:
            other = builder.srem(builder.add(thread, others.index), threads)
            begin, end, shared = run_of(other)
            some = builder.add(builder.sdiv(shared, INDEX(PORTIONS)), INDEX(1))
            test, body, done = map(builder.append_basic_block, ("take", "work", "done"))
            builder.branch(test)
            builder.position_at_end(test)
            at = builder.add(begin, builder.atomic_rmw("add", _taken(builder, work, other), some, "monotonic"))
            builder.cbranch(builder.icmp_signed("<", at, end), body, done)
            builder.position_at_end(body)
            builder.call(do, [given, at, _smaller(builder, builder.add(at, some), end)])
            builder.branch(test)
            builder.position_at_end(done)

    def _smaller(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
        return builder.select(builder.icmp_signed("<", a, b), a, b)

    def _taken(builder: ir.IRBuilder, work: Any, thread: Any) -> Any:
        """The address of the number of tasks that were taken of a thread's run."""
        return cgutils.gep_inbounds(builder, work, 0, 4, builder.mul(thread, INDEX(LINE)))

    llvm.add_symbol(SHARE_OUT, machine_code("share_out", [DO, BYTES, INDEX], _share_out))
