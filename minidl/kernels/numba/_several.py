"""A recorded step made for one batch after the other without Python in between: rows are taken, the step's kernels called, and
what it gives is put aside.

In front of the rows of a ``Run`` and behind them stand rows of the same form, and from step to step some addresses move on: of
the indices of a batch, of the numbers that a step reads, of the places where its results go.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir

from minidl.kernels.numba import _private, _replay, gather
from minidl.kernels.numba._casts import arguments_of, convert
from minidl.kernels.numba._instructions import INDEX, machine_code
from minidl.kernels.numba._rows import arguments_of as rows_to_take
from minidl.kernels.numba._rows import take_rows
from minidl.kernels.numba._together import work_together

_NUMBERS = ("float32", "float64", "uint8")  # of data, of which batches of numbers are made
_TABLE, _ROWS, _FAILED, _STEPS, _DONE, _MOVES, _MOVE_COUNT, _LOOP = range(8)  # what ``repeat`` is told
_ORDER, _FETCHED, _KEPT = range(3)  # what moves on


class Several:
    """The steps of a ``Run``, for batches of a data set.

    Args:
        run: a step.
        taken: for each input its number, the data (n, ...), where the rows of a batch are written, and whether they must be
            finite.
        shuffled: whether rows are taken by index. Else they follow each other; an input that is written nowhere (None)
            stands in the data.
        fetched: arrays that the step reads, with other numbers in each step.
        kept: arrays in which it gives something.

    Raises NotImplementedError for data whose rows nothing here can take.
    """

    def __init__(
        self,
        run: _replay.Run,
        taken: Sequence[tuple[int, np.ndarray, np.ndarray | None, bool]],
        shuffled: bool,
        fetched: Sequence[np.ndarray],
        kept: Sequence[np.ndarray],
    ) -> None:
        self._run = run
        self._owned: list[Any] = [fetched, kept]  # whose addresses stand in rows; the data are the caller's
        before, after = _Rows(), _Rows()
        self._written: list[tuple[int, int]] = []  # an input, and the address where rows of it are written
        self._standing: list[tuple[Any, int, int]] = []  # an input in the data, their address, and bytes of a row
        self._following: list[tuple[Any, int, int]] = []  # the same for one that is copied, by its name in ``before``
        for place, data, target, finite in taken:
            if target is None:
                self._standing.append((place, data.ctypes.data, data.strides[0]))
                continue
            self._written.append((place, target.ctypes.data))
            self._owned.append(target)
            if shuffled:
                self._take(before, data, target, finite)
            elif data.dtype != target.dtype or finite:
                raise NotImplementedError
            else:
                self._following.append((("input", place), data.ctypes.data, data.strides[0]))
                before.copy(("input", place), target.ctypes.data, target.nbytes)
        for number, array in enumerate(fetched):
            before.copy((_FETCHED, number), array.ctypes.data, array.nbytes)
        for number, array in enumerate(kept):
            after.copy(array.ctypes.data, (_KEPT, number), array.nbytes)
        self._before, self._after = before.run(), after.run()
        self._table = np.concatenate([self._before.table, run.table, self._after.table])
        self._failed = np.zeros(1, np.int64)

    def _take(self, rows: _Rows, data: np.ndarray, target: np.ndarray, finite: bool) -> None:
        width = prod(data.shape[1:])
        if (target.size >= gather.SMALL or finite) and target.dtype.kind == "f" and data.dtype.name in _NUMBERS:
            outcome, some = np.ones(2, np.bool_), np.zeros(len(target), np.int64)
            self._owned.append((outcome, some))
            row = _replay.row_of(take_rows.dispatcher, rows_to_take(data, some, target, outcome))
            if row is None:
                raise NotImplementedError
            thunk, entry, slots, arrays = row
            indices = next(slot for slot, array in arrays if array is some)
            rows.add(thunk, entry, slots, {indices: _ORDER})
            rows.add(_unless(), 0, [outcome.ctypes.data, int(finite)], {})
            return
        if data.dtype == target.dtype:
            thunk, width = _take_few("u1", "u1"), width * data.itemsize
        elif target.dtype.kind == "f" and data.dtype.name in _NUMBERS:
            thunk = _take_few(data.dtype.str[1:], target.dtype.str[1:])
        else:
            raise NotImplementedError
        rows.add(thunk, 0, [data.ctypes.data, 0, target.ctypes.data, len(target), width], {1: _ORDER})

    def __call__(
        self,
        order: np.ndarray | None,
        start: int,
        size: int,
        steps: int,
        fetched: Sequence[np.ndarray],
        kept: Sequence[np.ndarray],
    ) -> int:
        """Make ``steps`` steps, or those up to one that could not be made, of which nothing remains; returns how many.

        Args:
            order: indices of samples, or None.
            start: which sample of it is the first one.
            size: samples of a batch.
            fetched, kept: for each array a row for each step.
        """
        moves: list[tuple[int, int]] = []

        def begin(run: _replay.Run, place: Any, address: int, stride: int) -> None:
            run.look_at(place, address)
            moves.extend((slot, stride) for slot in run.addresses_of(place))

        for place, address in self._written:
            self._run.look_at(place, address)
        if order is not None:
            begin(self._before, _ORDER, order.ctypes.data + start * order.itemsize, size * order.itemsize)
        for run, inputs in ((self._run, self._standing), (self._before, self._following)):
            for place, address, row in inputs:
                begin(run, place, address + start * row, size * row)
        for kind, run, tables in ((_FETCHED, self._before, fetched), (_KEPT, self._after, kept)):
            for number, table in enumerate(tables):
                begin(run, (kind, number), table.ctypes.data, table.strides[0])
        moving, self._failed[0] = np.array(moves, np.int64), 0
        told = np.empty(_LOOP + 1, np.int64)
        told[_TABLE], told[_ROWS], told[_FAILED] = self._table.ctypes.data, len(self._table), self._failed.ctypes.data
        told[_STEPS], told[_LOOP] = steps, _replay.loop_address()
        told[_MOVES], told[_MOVE_COUNT] = moving.ctypes.data, len(moves)
        if self._run.has_team:
            work_together()(_repeat_address(), told.ctypes.data, 0, 0)
        else:
            _repeat()(told.ctypes.data, 0, 0)
        return int(told[_DONE])


class _Rows:
    """Rows of a ``Run`` to be, with what moves on in them."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, list[int]]] = []
        self._moving: list[tuple[int, int, Any, int]] = []

    def add(self, thunk: int, entry: int, slots: list[int], moving: dict[int, Any]) -> None:
        """A row, in which the arguments of ``moving`` are addresses of this name."""
        self._moving += [(len(self.rows), argument, name, 0) for argument, name in moving.items()]
        self.rows.append((thunk, entry, slots))

    def copy(self, source: Any, target: Any, count: int) -> None:
        """``count`` bytes from an address to another, each a number or a name."""
        moving = {k: name for k, name in enumerate((source, target)) if not isinstance(name, int)}
        self.add(_copy(), 0, [0 if k in moving else at for k, at in enumerate((source, target))] + [count], moving)

    def run(self) -> _replay.Run:
        return _replay.Run(self.rows, self._moving)


@functools.cache
def _copy() -> int:
    """The address of ``copy(row)``: from where, to where, how many bytes."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        source, target, count = arguments_of(builder, arguments[0], 3)
        _move_bytes(builder, target, source, count)

    return machine_code("several_copy", [INDEX], emit)


def _move_bytes(builder: ir.IRBuilder, target: Any, source: Any, count: Any) -> None:
    kind = ir.IntType(8).as_pointer()
    copy = builder.module.declare_intrinsic("llvm.memcpy", [kind, kind, INDEX])
    builder.call(copy, [builder.inttoptr(target, kind), builder.inttoptr(source, kind), count, ir.IntType(1)(0)])


@functools.cache
def _unless() -> int:
    """The address of ``unless(row)``, which fails unless all rows are there and, where that is asked for, finite.

    Its arguments: the address of the outcome of ``take_rows``, and whether numbers must be finite.
    """

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        outcome, asked = arguments_of(builder, arguments[0], 2)
        outcome = builder.inttoptr(outcome, ir.IntType(8).as_pointer())
        there, finite = (builder.load(builder.gep(outcome, [INDEX(k)])) for k in range(2))
        nothing = ir.IntType(8)(0)
        bad = builder.and_(builder.icmp_signed("!=", asked, INDEX(0)), builder.icmp_signed("==", finite, nothing))
        failed = builder.or_(builder.icmp_signed("==", there, nothing), bad)
        row = builder.inttoptr(arguments[0], INDEX.as_pointer())
        builder.store(builder.zext(failed, INDEX), builder.gep(row, [INDEX(1)]))

    return machine_code("several_unless", [INDEX], emit)


@functools.cache
def _take_few(of: str, to: str) -> int:
    """The address of ``take(row)``, which takes rows on one thread. Its arguments: the data's address, that of the indices,
    where to, how many rows, and numbers of a row."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        data, indices, target, count, width = arguments_of(builder, arguments[0], 5)
        indices = builder.inttoptr(indices, INDEX.as_pointer())
        of_bytes, to_bytes = int(of[1:]), int(to[1:])
        with _private.cgutils.for_range(builder, count) as rows:
            row = rows.index
            index = builder.load(builder.gep(indices, [row]))
            source = builder.add(data, builder.mul(builder.mul(index, width), INDEX(of_bytes)))
            place = builder.add(target, builder.mul(builder.mul(row, width), INDEX(to_bytes)))
            if of == to:
                _move_bytes(builder, place, source, builder.mul(width, INDEX(of_bytes)))
            else:
                convert(builder, f"{of[0]}{8 * of_bytes}", source, f"{to[0]}{8 * to_bytes}", place, width)

    return machine_code(f"several_take_{of}_{to}", [INDEX], emit)


@functools.cache
def _repeat() -> Callable[..., None]:
    """``repeat(told, 0, 0)``; Python's lock is released meanwhile."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(_repeat_address())


@functools.cache
def _repeat_address() -> int:
    """Where ``repeat(told, 0, 0)`` begins: all calls of a table for each step, until one fails, and addresses move on."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        told = builder.inttoptr(arguments[0], INDEX.as_pointer())
        given = [builder.load(builder.gep(told, [INDEX(k)])) for k in range(8)]
        failed = builder.inttoptr(given[_FAILED], INDEX.as_pointer())
        moves = builder.inttoptr(given[_MOVES], INDEX.as_pointer())
        loop = ir.FunctionType(ir.VoidType(), [INDEX] * 3).as_pointer()
        test, body, on, end = (builder.append_basic_block(name) for name in ("test", "step", "on", "end"))
        start = builder.block
        builder.branch(test)
        builder.position_at_end(test)
        step = builder.phi(INDEX)
        step.add_incoming(INDEX(0), start)
        builder.store(step, builder.gep(told, [INDEX(_DONE)]))
        builder.cbranch(builder.icmp_signed("<", step, given[_STEPS]), body, end)
        builder.position_at_end(body)
        builder.call(builder.inttoptr(given[_LOOP], loop), [given[_TABLE], given[_ROWS], given[_FAILED]])
        builder.cbranch(builder.icmp_signed("==", builder.load(failed), INDEX(0)), on, end)
        builder.position_at_end(on)
        with _private.cgutils.for_range(builder, given[_MOVE_COUNT]) as each:
            pair = builder.mul(each.index, INDEX(2))
            slot = builder.inttoptr(builder.load(builder.gep(moves, [pair])), INDEX.as_pointer())
            by = builder.load(builder.gep(moves, [builder.add(pair, INDEX(1))]))
            builder.store(builder.add(builder.load(slot), by), slot)
        step.add_incoming(builder.add(step, INDEX(1)), builder.block)
        builder.branch(test)
        builder.position_at_end(end)

    return machine_code("repeat", [INDEX] * 3, emit)
