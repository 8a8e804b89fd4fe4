"""Tasks shared out to the thread team, in machine code of its own: kernels find it under the name ``SHARE_OUT``.

    void share_out(void (*do)(void *given, first, last), void *given, tasks)

Each thread has an equal run of tasks. Cores are not equally quick (some processors have two kinds, other programs use a core
for a while), and the slowest would keep all others waiting. So the last quarter of each run is left for whoever comes first,
in small portions: first for its own thread, then for the others.
"""

from __future__ import annotations

from typing import Any

from minidl.kernels.numba._private import TEAM_ENTRY, has
from minidl.kernels.numba._team import NUMBER

SHARE_OUT = "minidl_share_out"
MOST_THREADS, LINE = 256, 8  # counters of threads, each in 8 numbers of 8 bytes: a line of the cache
SHARED, PORTIONS = 4, 4  # a quarter of a thread's tasks are for all, and are taken in about so many portions

if has("team"):
    import llvmlite.binding as llvm
    from llvmlite import ir

    from minidl.kernels.numba._instructions import INDEX, machine_code
    from minidl.kernels.numba._private import cgutils

    BYTES = ir.IntType(8).as_pointer()
    DO = ir.FunctionType(ir.VoidType(), [BYTES, INDEX, INDEX]).as_pointer()
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
                builder.call(
                    _function(builder.module, "on_the_team", [DO, BYTES, INDEX, INDEX], _launch), [*arguments, threads]
                )

    def _function(module: ir.Module, name: str, arguments: list[Any], emit: Any) -> ir.Function:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        function.linkage = "internal"
        function.attributes.add("noinline")  # its counters take their place on the stack only where it is called
        builder = ir.IRBuilder(function.append_basic_block())
        emit(builder, function.args)
        builder.ret_void()
        return function

    def _launch(builder: ir.IRBuilder, arguments: Any) -> None:
        """Have each thread of the team call ``_on_one``."""
        do, given, tasks, threads = arguments
        threads = _smaller(builder, threads, INDEX(MOST_THREADS))
        work = builder.alloca(_WORK)
        for place, value in enumerate((do, given, tasks, threads)):
            builder.store(value, cgutils.gep_inbounds(builder, work, 0, place))
        with cgutils.for_range(builder, threads) as loop:
            builder.store(INDEX(0), _taken(builder, work, loop.index))
        numbers = INDEX.as_pointer()
        on_one = _function(builder.module, "on_one", [BYTES.as_pointer(), numbers, numbers, work.type], _on_one)
        start_count_step = [cgutils.alloca_once_value(builder, value) for value in (INDEX(0), threads, INDEX(1))]
        entry = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [INDEX] * 3), TEAM_ENTRY)
        given_on = [builder.bitcast(pointer, BYTES) for pointer in (on_one, *start_count_step, work)]
        builder.call(entry, [*given_on, INDEX(0), INDEX(1), threads])

    def _on_one(builder: ir.IRBuilder, arguments: Any) -> None:
        """(char **starts, size_t *counts, size_t *steps, work *): what the threading layer calls on a thread."""
        starts, counts, _, work = arguments
        do, given, tasks, threads = (builder.load(cgutils.gep_inbounds(builder, work, 0, place)) for place in range(4))
        first = builder.ptrtoint(builder.load(starts), INDEX)

        def borders(thread: Any) -> tuple[Any, Any, Any]:
            """Where a thread's tasks begin, where those that anyone may take do, and the end."""
            begin = builder.sdiv(builder.mul(thread, tasks), threads)
            end = builder.sdiv(builder.mul(builder.add(thread, INDEX(1)), tasks), threads)
            return begin, builder.sub(end, builder.sdiv(builder.sub(end, begin), INDEX(SHARED))), end

        with cgutils.for_range(builder, builder.load(counts)) as loop:  # one; a layer may give a thread the work of several
            thread = builder.add(first, loop.index)
            begin, left, _ = borders(thread)
            with builder.if_then(builder.icmp_signed("<", begin, left)):
                builder.call(do, [given, begin, left])
            with cgutils.for_range(builder, threads) as others:
                other = builder.srem(builder.add(thread, others.index), threads)
                _, left, end = borders(other)
                some = builder.add(builder.sdiv(builder.sub(end, left), INDEX(PORTIONS)), INDEX(1))
                test, body, done = map(builder.append_basic_block, ("take", "work", "done"))
                builder.branch(test)
                builder.position_at_end(test)
                at = builder.add(left, builder.atomic_rmw("add", _taken(builder, work, other), some, "monotonic"))
                builder.cbranch(builder.icmp_signed("<", at, end), body, done)
                builder.position_at_end(body)
                builder.call(do, [given, at, _smaller(builder, builder.add(at, some), end)])
                builder.branch(test)
                builder.position_at_end(done)

    def _smaller(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
        return builder.select(builder.icmp_signed("<", a, b), a, b)

    def _taken(builder: ir.IRBuilder, work: Any, thread: Any) -> Any:
        """The address of the number of tasks that were taken from what a thread left for all; each in a line of its own."""
        return cgutils.gep_inbounds(builder, work, 0, 4, builder.mul(thread, INDEX(LINE)))

    llvm.add_symbol(SHARE_OUT, machine_code("share_out", [DO, BYTES, INDEX], _share_out))
