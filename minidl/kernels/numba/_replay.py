"""Calls of compiled functions that follow each other, made as one: what a recorded step costs between its kernels.

Python needs half a microsecond to call a compiled function: it looks at every argument to find the version for these types,
and takes arrays apart. Here that happens once. What a version takes, flat (an array is two owners, its size, its itemsize, an
address, then shape and strides), stands in a row of slots of eight bytes:

    slot 0 ............ the address of the function
    slot 1 ............ what it returned: 0, or the number of an error
    slot 2 and on ..... its arguments

``_thunk`` makes a function that loads such a row and calls what it names, one for every list of argument types, and ``_loop``
is a loop over rows. Where an input of the step stands somewhere else, its address in the rows is replaced. Where several of
these kernels share out their work, threads are sent out once for all of them (``_together``).
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import struct
from collections.abc import Callable, Iterable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types

from minidl.kernels.numba import _private
from minidl.kernels.numba._casts import FIRST, SLOT, cast_row
from minidl.kernels.numba._instructions import INDEX, machine_code
from minidl.kernels.numba._moves import compiled_move
from minidl.kernels.numba._together import HELD, SENT, stays_together, work_together

Call = tuple[Callable[..., Any], tuple[Any, ...]]

_OFTEN = 2  # kernels for which threads are sent out, from which on a team stays together for all of a run
_CODES = {"i64": "q", "i32": "i", "i16": "h", "i8": "b", "float": "f", "double": "d"}
_NUMBERS = {"q": INDEX, "i": ir.IntType(32), "h": ir.IntType(16), "b": ir.IntType(8), "f": ir.FloatType(), "d": ir.DoubleType()}


class Run:
    """Calls that are made one after the other.

    Args:
        rows: for each its thunk, the address of its function, and the slots of its arguments.
        moving: (row, argument, which input, bytes from its start) where an argument is an address within an input.
    """

    def __init__(self, rows: list[tuple[int, int, list[int]]], moving: list[tuple[int, int, int, int]]) -> None:
        starts = [0, *itertools.accumulate(FIRST + len(slots) for _, _, slots in rows)]
        self._slots = np.empty(starts[-1], np.int64)
        self.table = np.empty((len(rows), 2), np.int64)
        for (thunk, entry, slots), start, row in zip(rows, starts, self.table):
            self._slots[start : start + FIRST + len(slots)] = (entry, 0, *slots)
            row[:] = thunk, self._slots.ctypes.data + start * SLOT
        self._failed = np.zeros(1, np.int64)  # which call it was that failed, from 1
        self._arguments: tuple[int, ...] = self.table.ctypes.data, len(rows), self._failed.ctypes.data
        self._moving: dict[int, list[tuple[int, int]]] = {}  # of an input: the slots of addresses within it, and bytes to add
        for number, argument, place, offset in moving:
            self._moving.setdefault(place, []).append((starts[number] + FIRST + argument, offset))
        self._loop, self._known = _loop(), False
        self.has_team = False  # whether threads stay together for all of it

    def __call__(self) -> None:
        """Raises MemoryError where a function found none; they raise nothing else."""
        if self._known:
            self._loop(*self._arguments)
        else:
            self._first_call()
        if self._failed[0]:
            self._failed[0] = 0
            raise MemoryError("a kernel found no memory for what it needs in between")

    def _first_call(self) -> None:
        """See how often these calls send threads to work: where that is often, they are called with a team from now on."""
        before = HELD[SENT]
        self._loop(*self._arguments)
        self._known = not self._failed[0]  # else there is more to come
        if self._known and HELD[SENT] - before >= _OFTEN and stays_together():
            self._loop, self._arguments = work_together(), (loop_address(), *self._arguments)
            self.has_team = True

    def look_at(self, place: int, address: int) -> None:
        """Input number ``place`` stands at this address from now on."""
        for slot, offset in self._moving.get(place, ()):
            self._slots[slot] = address + offset

    def addresses_of(self, place: Any) -> list[int]:
        """Where the addresses within input number ``place`` stand."""
        return [self._slots.ctypes.data + slot * SLOT for slot, _ in self._moving.get(place, ())]


def in_one_call(calls: Iterable[Call], looking_at: Callable[[np.ndarray], Any]) -> list[Call]:
    """The same calls, where those of compiled functions that follow each other are one, of a ``Run``.

    ``looking_at(array)`` gives None, or, for an array that looks at an input, something with a ``place``, which input it is,
    and an ``offset``, the bytes from its start. Arrays belong to the caller, who keeps them.
    """
    if not _private.has("entries"):
        return list(calls)
    found: list[Call] = []
    with_rows = [(call, cast_row(*call) or row_of(*(compiled_move(*call) or call))) for call in calls]
    for compiled, group in itertools.groupby(with_rows, lambda pair: pair[1] is not None):
        pairs = list(group)
        if not compiled:
            found += [call for call, _ in pairs]
            continue
        rows, moving = [], []
        for number, (_, row) in enumerate(pairs):
            thunk, entry, slots, arrays = row
            rows.append((thunk, entry, slots))
            for argument, array in arrays:
                view = looking_at(array)
                if view is not None:
                    moving.append((number, argument, view.place, view.offset))
        found.append((Run(rows, moving), ()))
    return found


def row_of(function: Any, args: tuple[Any, ...]) -> Any:
    """Thunk, address, slots, and (number of the slot with its address, array) of a call; None where it is not to be packed."""
    if not hasattr(function, "overloads"):
        return None
    kinds = tuple([numba.typeof(a) for a in args])
    entry = _private.entry_of(function, kinds)
    if entry is None:
        return None
    slots: list[int] = []
    arrays: list[tuple[int, np.ndarray]] = []
    for value, kind in zip(args, kinds):
        if not _flatten(value, kind, slots, arrays):
            return None
    taken = ["i64" if kind.endswith("*") or kind == "ptr" else kind for kind in entry[1]]
    if len(taken) != len(slots) or not set(taken) <= set(_CODES):
        return None
    return _thunk("".join(_CODES[kind] for kind in taken)), entry[0], slots, arrays


def _flatten(value: Any, kind: Any, slots: list[int], arrays: list[tuple[int, np.ndarray]]) -> bool:
    """Append what Numba takes for ``value``; False where it is of a kind that is not known here."""
    if isinstance(kind, types.Array):
        arrays.append((len(slots) + 4, value))
        slots += [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
    elif isinstance(kind, types.BaseTuple):
        return all(_flatten(part, of_part, slots, arrays) for part, of_part in zip(value, kind.types))
    elif isinstance(kind, (types.Integer, types.Boolean)):
        slots.append(int(np.uint64(value).view(np.int64)) if kind == types.uint64 else int(value))
    elif isinstance(kind, types.Float):
        number = struct.pack({32: "<f4x", 64: "<d"}[kind.bitwidth], value)
        slots.append(struct.unpack("<q", number)[0])
    elif isinstance(kind, types.NoneType):
        slots.append(0)
    else:
        return False
    return True


@functools.cache
def _thunk(codes: str) -> int:
    """The address of ``void thunk(row)``, which calls the function of a row with arguments of these types."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        row = builder.inttoptr(arguments[0], INDEX.as_pointer())
        kinds = [_NUMBERS[code] for code in codes]
        values = [_of_slot(builder, builder.load(builder.gep(row, [INDEX(FIRST + k)])), kind) for k, kind in enumerate(kinds)]
        nowhere = [builder.ptrtoint(builder.alloca(INDEX), INDEX) for _ in range(2)]  # no result, and no words of an error
        entry = ir.FunctionType(ir.IntType(32), [INDEX, INDEX, *kinds])
        status = builder.call(builder.inttoptr(builder.load(row), entry.as_pointer()), [*nowhere, *values])
        builder.store(builder.sext(status, INDEX), builder.gep(row, [INDEX(1)]))

    lengths = "_".join(f"{len(list(group))}{code}" for code, group in itertools.groupby(codes))
    return machine_code(f"call_{lengths}", [INDEX], emit)


def _of_slot(builder: ir.IRBuilder, value: Any, kind: Any) -> Any:
    """The number of this type in the lowest bytes of a slot."""
    if kind == INDEX:
        return value
    if kind == ir.DoubleType():
        return builder.bitcast(value, kind)
    if kind == ir.FloatType():
        return builder.bitcast(builder.trunc(value, ir.IntType(32)), kind)
    return builder.trunc(value, kind)


@functools.cache
def _loop() -> Callable[..., None]:
    """``loop_address`` as a function of Python's, whose lock is released meanwhile."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(loop_address())


@functools.cache
def loop_address() -> int:
    """Where ``loop(table, n, failed)`` begins: it calls the thunks of ``table``, (n, 2) addresses of a thunk and its row, until
    one fails."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        table, n, failed = arguments
        table = builder.inttoptr(table, INDEX.as_pointer())
        thunk = ir.FunctionType(ir.VoidType(), [INDEX])
        before, body, after, wrong, end = (builder.append_basic_block(name) for name in ("at", "do", "next", "wrong", "end"))
        start = builder.block
        builder.branch(before)
        builder.position_at_end(before)
        number = builder.phi(INDEX)
        number.add_incoming(INDEX(0), start)
        builder.cbranch(builder.icmp_signed("<", number, n), body, end)
        builder.position_at_end(body)
        place = builder.mul(number, INDEX(2))
        row = builder.load(builder.gep(table, [builder.add(place, INDEX(1))]))
        address = builder.load(builder.gep(table, [place]))
        builder.call(builder.inttoptr(address, thunk.as_pointer()), [row])
        status = builder.load(builder.gep(builder.inttoptr(row, INDEX.as_pointer()), [INDEX(1)]))
        following = builder.add(number, INDEX(1))
        builder.cbranch(builder.icmp_signed("==", status, INDEX(0)), after, wrong)
        builder.position_at_end(after)
        number.add_incoming(following, after)
        builder.branch(before)
        builder.position_at_end(wrong)
        builder.store(following, builder.inttoptr(failed, INDEX.as_pointer()))
        builder.branch(end)
        builder.position_at_end(end)

    return machine_code("call_all", [INDEX] * 3, emit)
