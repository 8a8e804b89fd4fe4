"""A team of threads that stays together for a list of kernels, and what one kernel is sent to the team by.

Sending threads to work and waiting until all are back takes a microsecond. A recorded step would pay it for each of its
kernels; instead it sends the team out once. The first thread calls the kernels, the others watch a board, where it writes what
a kernel shares out:

    entry ........ number of this work x 2^16 + OPEN while there may be tasks + threads that have entered; CLOSED at the end
    function ..... what they call, with an argument and their number
    argument
    left ......... how many have come back from this work

A thread is late when another program has its core. Nobody waits for it: only threads that have entered are waited for, and
the others do the tasks that it has not begun. One thread of Python at a time has such a team; for what others call meanwhile
threads are sent out kernel by kernel.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any

from minidl.kernels.numba._private import TEAM_ENTRY, has
from minidl.kernels.numba._team import NUMBER, layer

MOST_THREADS, LINE = 256, 8  # of a team; numbers of 8 bytes in a line of the cache
HOLDER, BOARD, SENT = range(3)
# The thread that has a team, or 0; the address of its board; how often teams were sent out for a single kernel.
HELD = (ctypes.c_int64 * 3)()
_HELD = "minidl_team_held"  # its name in compiled code
_ENTRY, _FUNCTION, _ARGUMENT, _LEFT = 0, 1, 2, LINE  # of a board: two lines of the cache
_OPEN, _NUMBERED, _CLOSED = 1 << 15, 16, -1
_AWAKE = 2000  # looks at a board, some 50 us, until a thread that waits lets others have its core after each look
_KNOWN = os.name == "posix"  # where the functions that tell a thread, and let others have its core, are called by these names


def stays_together() -> bool:
    """Whether a team can. OpenMP has each thread do the work of its own number; others may let one do two, in any order."""
    return has("team") and _KNOWN and layer() == "omp"


def _after_fork() -> None:
    HELD[HOLDER] = 0  # by a thread that this process does not have


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

if has("team"):
    import llvmlite.binding as llvm
    from llvmlite import ir

    from minidl.kernels.numba._instructions import INDEX, call_intrinsic, machine_code
    from minidl.kernels.numba._private import cgutils

    BYTES = ir.IntType(8).as_pointer()
    _NUMBERS = INDEX.as_pointer()
    _PART = ir.FunctionType(ir.VoidType(), [BYTES, INDEX]).as_pointer()  # function(argument, number of the thread)

    def function_of(module: ir.Module, name: str, arguments: list[Any], emit: Callable[[ir.IRBuilder, Any], None]) -> Any:
        """A function of a module that ``emit(builder, arguments)`` writes. It is not taken in where it is called: what it needs
        on the stack takes its place only then."""
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        emit(builder, function.args)
        builder.ret_void()
        return function

    def to_the_team(builder: ir.IRBuilder, part: Any, argument: Any, threads: Any) -> None:
        """``part(argument, thread)`` on each thread of the team: by the board, if this thread has one, or sent out for this."""
        if not _KNOWN:
            _send_out(builder, part, argument, threads)
            return
        held = builder.load_atomic(_global(builder, HOLDER), "monotonic", 8)
        with builder.if_else(builder.icmp_signed("==", held, _this_thread(builder))) as (together, alone):
            with together:
                board = builder.inttoptr(builder.load(_global(builder, BOARD)), _NUMBERS)
                builder.call(
                    function_of(builder.module, "by_board", [_NUMBERS, _PART, BYTES], _by_board), [board, part, argument]
                )
            with alone:
                sent = _global(builder, SENT)
                builder.store(builder.add(builder.load(sent), INDEX(1)), sent)
                _send_out(builder, part, argument, threads)

    def _send_out(builder: ir.IRBuilder, part: Any, argument: Any, threads: Any) -> None:
        """By the threading layer."""
        job = _on_the_stack(builder, [builder.bitcast(part, BYTES), argument])
        kinds = [BYTES.as_pointer(), _NUMBERS, _NUMBERS, job.type]
        on_one = function_of(builder.module, f"{part.name}_on_one", kinds, _on_one)
        start_count_step = [cgutils.alloca_once_value(builder, value) for value in (INDEX(0), threads, INDEX(1))]
        entry = ir.FunctionType(ir.VoidType(), [BYTES] * 5 + [INDEX] * 3)
        given_on = [builder.bitcast(pointer, BYTES) for pointer in (on_one, *start_count_step, job)]
        entry = cgutils.get_or_insert_function(builder.module, entry, TEAM_ENTRY)
        builder.call(entry, [*given_on, INDEX(0), INDEX(1), threads])

    def _on_one(builder: ir.IRBuilder, arguments: Any) -> None:
        """(char **starts, size_t *counts, size_t *steps, job *): what the threading layer calls on a thread."""
        starts, counts, _, job = arguments
        part, argument = (builder.load(builder.gep(job, [INDEX(k)])) for k in range(2))
        first = builder.ptrtoint(builder.load(starts), INDEX)
        with cgutils.for_range(builder, builder.load(counts)) as loop:  # one; a layer may give a thread the work of several
            builder.call(builder.bitcast(part, _PART), [argument, builder.add(first, loop.index)])

    def _work_together(builder: ir.IRBuilder, arguments: Any) -> None:
        """void work_together(call_all, table, n, failed): ``call_all(table, n, failed)`` with a team, if none has one."""
        call_all, *given = arguments
        threads = builder.load(ir.GlobalVariable(builder.module, INDEX, NUMBER))
        threads = builder.select(builder.icmp_signed("<", threads, INDEX(MOST_THREADS)), threads, INDEX(MOST_THREADS))
        this, held = _this_thread(builder), _global(builder, HOLDER)
        with builder.if_else(builder.icmp_signed("<=", threads, INDEX(1))) as (one, several):
            with one:
                not_held = builder.trunc(INDEX(0), ir.IntType(1))
                of_one = builder.block
            with several:
                before = builder.cmpxchg(held, INDEX(0), this, "acquire", "monotonic")
                got_it = builder.extract_value(before, 1)
                of_several = builder.block
        holds = builder.phi(ir.IntType(1))
        holds.add_incoming(not_held, of_one)
        holds.add_incoming(got_it, of_several)
        with builder.if_else(holds) as (with_team, without):
            with with_team:
                board = builder.alloca(INDEX, 2 * LINE)
                board.align = 8 * LINE
                builder.store(builder.ptrtoint(board, INDEX), _global(builder, BOARD))
                builder.store(INDEX(0), builder.gep(board, [INDEX(_ENTRY)]))
                job = _on_the_stack(builder, [builder.ptrtoint(board, INDEX), call_all, *given])
                part = function_of(builder.module, "of_team", [BYTES, INDEX], _of_team)
                _send_out(builder, part, builder.bitcast(job, BYTES), threads)
                builder.store_atomic(INDEX(0), held, "release", 8)
            with without:
                _call_all(builder, arguments)

    def _of_team(builder: ir.IRBuilder, arguments: Any) -> None:
        """What a thread does in such a team: the first one calls the kernels, the others watch the board."""
        job, thread = builder.bitcast(arguments[0], _NUMBERS), arguments[1]
        board, *calls = (builder.load(builder.gep(job, [INDEX(k)])) for k in range(5))
        board = builder.inttoptr(board, _NUMBERS)
        with builder.if_else(builder.icmp_signed("==", thread, INDEX(0))) as (first, other):
            with first:
                _call_all(builder, calls)
                builder.store_atomic(INDEX(_CLOSED), builder.gep(board, [INDEX(_ENTRY)]), "release", 8)
            with other:
                _watch(builder, board, thread)

    def _watch(builder: ir.IRBuilder, board: Any, thread: Any) -> None:
        """Do what stands on the board, until it is closed."""
        entry_at, left_at = (builder.gep(board, [INDEX(k)]) for k in (_ENTRY, _LEFT))
        done, looks = (cgutils.alloca_once_value(builder, INDEX(0)) for _ in range(2))
        look, is_open, enter, work, wait, end = map(
            builder.append_basic_block, ("look", "open", "enter", "work", "wait", "end")
        )
        builder.branch(look)
        builder.position_at_end(look)
        entry = builder.load_atomic(entry_at, "acquire", 8)
        number = builder.ashr(entry, INDEX(_NUMBERED))
        builder.cbranch(builder.icmp_signed("==", entry, INDEX(_CLOSED)), end, is_open)
        builder.position_at_end(is_open)
        open_bit = builder.icmp_signed("!=", builder.and_(entry, INDEX(_OPEN)), INDEX(0))
        is_new = builder.icmp_signed("!=", number, builder.load(done))
        builder.cbranch(builder.and_(open_bit, is_new), enter, wait)
        builder.position_at_end(enter)
        entered = builder.cmpxchg(entry_at, entry, builder.add(entry, INDEX(1)), "acq_rel", "acquire")
        builder.cbranch(builder.extract_value(entered, 1), work, look)
        builder.position_at_end(work)
        function, argument = (builder.load(builder.gep(board, [INDEX(k)])) for k in (_FUNCTION, _ARGUMENT))
        builder.call(builder.inttoptr(function, _PART), [builder.inttoptr(argument, BYTES), thread])
        builder.store(number, done)
        builder.store(INDEX(0), looks)
        builder.atomic_rmw("add", left_at, INDEX(1), "release")
        builder.branch(look)
        builder.position_at_end(wait)
        _pause(builder, looks)
        builder.branch(look)
        builder.position_at_end(end)

    def _by_board(builder: ir.IRBuilder, arguments: Any) -> None:
        """(board, part, argument): ``part(argument, thread)`` on this thread and all that come while it is at work."""
        board, part, argument = arguments
        entry_at, left_at = (builder.gep(board, [INDEX(k)]) for k in (_ENTRY, _LEFT))
        builder.store(builder.ptrtoint(part, INDEX), builder.gep(board, [INDEX(_FUNCTION)]))
        builder.store(builder.ptrtoint(argument, INDEX), builder.gep(board, [INDEX(_ARGUMENT)]))
        builder.store_atomic(INDEX(0), left_at, "monotonic", 8)
        number = builder.add(builder.ashr(builder.load(entry_at), INDEX(_NUMBERED)), INDEX(1))
        closed = builder.shl(number, INDEX(_NUMBERED))
        builder.store_atomic(builder.or_(closed, INDEX(_OPEN)), entry_at, "release", 8)
        builder.call(part, [argument, INDEX(0)])
        before = builder.atomic_rmw("xchg", entry_at, closed, "acq_rel")
        entered = builder.and_(before, INDEX(_OPEN - 1))
        looks = cgutils.alloca_once_value(builder, INDEX(0))
        look, wait, end = map(builder.append_basic_block, ("look", "wait", "end"))
        builder.branch(look)
        builder.position_at_end(look)
        left = builder.load_atomic(left_at, "acquire", 8)
        builder.cbranch(builder.icmp_signed("==", left, entered), end, wait)
        builder.position_at_end(wait)
        _pause(builder, looks)
        builder.branch(look)
        builder.position_at_end(end)

    def _pause(builder: ir.IRBuilder, looks: Any) -> None:
        """Between two looks at a board: a moment, and after many looks as long as other programs want the core."""
        count = builder.add(builder.load(looks), INDEX(1))
        builder.store(count, looks)
        architecture = llvm.get_process_triple().partition("-")[0]
        if architecture == "x86_64":
            call_intrinsic(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        elif architecture in ("aarch64", "arm64"):
            call_intrinsic(builder, "llvm.aarch64.hint", ir.VoidType(), [ir.IntType(32)(1)])
        with builder.if_then(builder.icmp_signed(">", count, INDEX(_AWAKE)), likely=False):
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])

    def _call_all(builder: ir.IRBuilder, numbers: Any) -> None:
        """``call_all(table, n, failed)`` of its address and its arguments."""
        kind = ir.FunctionType(ir.VoidType(), [INDEX] * 3)
        builder.call(builder.inttoptr(numbers[0], kind.as_pointer()), list(numbers[1:]))

    def _this_thread(builder: ir.IRBuilder) -> Any:
        return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(INDEX, []), "pthread_self"), [])

    def _global(builder: ir.IRBuilder, place: int) -> Any:
        """The address of HELD[place]."""
        found = builder.module.globals.get(_HELD) or ir.GlobalVariable(builder.module, ir.ArrayType(INDEX, len(HELD)), _HELD)
        return builder.gep(found, [INDEX(0), INDEX(place)])

    def _on_the_stack(builder: ir.IRBuilder, values: list[Any]) -> Any:
        """The address of values of one type, side by side."""
        start = builder.alloca(values[0].type, len(values))
        for k, value in enumerate(values):
            builder.store(value, builder.gep(start, [INDEX(k)]))
        return start

    @functools.cache
    def _address() -> int:
        return machine_code("work_together", [INDEX] * 4, _work_together)

    llvm.add_symbol(_HELD, ctypes.addressof(HELD))


@functools.cache
def work_together() -> Callable[..., None]:
    """``work_together(call_all, table, n, failed)``, where ``stays_together()``; Python's lock is released meanwhile."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(_address())
