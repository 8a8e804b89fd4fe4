"""Numbers of one type made those of another within a recorded step: labels of a byte each, targets in double precision.

A function in machine code for each pair of types, which takes milliseconds to make; a kernel for each would take seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from minidl.backend import tape
from minidl.kernels.numba import _private
from minidl.kernels.numba._instructions import INDEX, machine_code

SLOT = 8  # bytes of a slot of a row, see ``_replay``
FIRST = 2  # the slot of the first argument
Row = tuple[int, int, list[int], list[tuple[int, np.ndarray]]]  # thunk, function, arguments, and (which argument, its array)

_INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
_OF = [np.dtype(kind) for kind in ("bool", *_INTEGERS, "float32", "float64")]
_TO = [np.dtype(kind) for kind in ("int64", "float32", "float64")]


def cast_row(function: Callable[..., Any], args: tuple[Any, ...]) -> Row | None:
    """The row of a ``Run`` that does what ``function(*args)`` does; None where that is not a cast."""
    arrays = tape.cast_of(function, args)
    if arrays is None or not all(a.flags.carray for a in arrays):
        return None
    of, to = arrays
    if of.dtype not in _OF or to.dtype not in _TO:  # types in this machine's order of bytes
        return None
    return cast(of.dtype, to.dtype), 0, [of.ctypes.data, to.ctypes.data, to.size], [(0, of), (1, to)]


def arguments_of(builder: ir.IRBuilder, row: Any, count: int) -> list[Any]:
    """The arguments in a row."""
    row = builder.inttoptr(row, INDEX.as_pointer())
    return [builder.load(builder.gep(row, [INDEX(FIRST + k)])) for k in range(count)]


def cast(of: np.dtype, to: np.dtype) -> int:
    """The address of ``cast(row)``. Its arguments: from where, to where, how many numbers."""
    return _cast(*(f"{dtype.kind}{8 * dtype.itemsize}" for dtype in (of, to)))


@functools.cache
def _cast(of: str, to: str) -> int:
    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        source, target, count = arguments_of(builder, arguments[0], 3)
        convert(builder, of, source, to, target, count)

    return machine_code(f"cast_{of}_{to}", [INDEX], emit)


def convert(builder: ir.IRBuilder, of: str, source: Any, to: str, target: Any, count: Any) -> None:
    """``count`` numbers from one address to another; types as letter and bits: b8, i64, u16, f32."""
    source, target = (builder.inttoptr(at, _number(kind).as_pointer()) for at, kind in ((source, of), (target, to)))
    with _private.cgutils.for_range(builder, count) as loop:
        value = builder.load(builder.gep(source, [loop.index]))
        builder.store(_converted(builder, value, of, to), builder.gep(target, [loop.index]))


def _number(kind: str) -> Any:
    return {"f32": ir.FloatType(), "f64": ir.DoubleType()}.get(kind) or ir.IntType(int(kind[1:]))


def _converted(builder: ir.IRBuilder, value: Any, of: str, to: str) -> Any:
    new, bits, new_bits = _number(to), int(of[1:]), int(to[1:])
    if of[0] == "f":
        if to[0] != "f":
            return builder.fptosi(value, new)
        return builder.fptrunc(value, new) if bits > new_bits else builder.fpext(value, new) if bits < new_bits else value
    if to[0] == "f":
        return builder.sitofp(value, new) if of[0] == "i" else builder.uitofp(value, new)
    if bits == new_bits:
        return value
    return builder.sext(value, new) if of[0] == "i" else builder.zext(value, new)
