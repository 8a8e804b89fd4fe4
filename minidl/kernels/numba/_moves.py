"""What NumPy does between the kernels of a recorded step, compiled, where numbers are moved, added or counted and nothing else.

No bit changes by that: there is nothing to round, or one way to round it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import tape
from minidl.kernels.numba._jit import compiled

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def compiled_move(function: Callable[..., Any], args: tuple[Any, ...]) -> Call | None:
    """The call of a compiled function that does what ``function(*args)`` does; None where there is none."""
    if function is tape.count:
        (number,) = args
        return (_count.dispatcher, (number.reshape(-1),)) if _plain(number) and number.dtype == np.int64 else None
    if function is not tape.write and function is not tape.add_to:
        return None
    place, value = args
    if not (_is_moved(place) and _is_moved(value)) or (place.shape, place.dtype) != (value.shape, value.dtype):
        return None
    if not _plain(place):
        return (_write_rows.dispatcher, (place, value)) if function is tape.write and place.ndim == 2 else None
    if _plain(value):
        kernel = _write if function is tape.write else _add
        return kernel.dispatcher, (place.reshape(-1), value.reshape(-1))
    if function is tape.write and value.ndim == 2 and _plain(value.T):
        return _turn.dispatcher, (place, value.T)
    if function is tape.write and value.ndim == 2:
        return _write_rows.dispatcher, (place, value)
    return None


def _is_moved(a: Any) -> bool:
    """Whether it is an array of a type that functions are compiled for."""
    return isinstance(a, np.ndarray) and a.dtype in (np.float32, np.float64, np.int64)


def _plain(a: Any) -> bool:
    """Whether its numbers stand one after the other, too."""
    return _is_moved(a) and a.flags.c_contiguous


@compiled
def _count(number):  # type: ignore[no-untyped-def]
    for i in range(len(number)):
        number[i] += 1


@compiled
def _write(place, value):  # type: ignore[no-untyped-def]
    for i in range(len(place)):
        place[i] = value[i]


@compiled
def _add(total, value):  # type: ignore[no-untyped-def]
    for i in range(len(total)):
        total[i] += value[i]


@compiled
def _write_rows(place, value):  # type: ignore[no-untyped-def]
    """Of matrices whose rows may lie apart, such as one time of all samples."""
    for i in range(len(place)):
        for j in range(place.shape[1]):
            place[i, j] = value[i, j]


@compiled
def _turn(place, turned):  # type: ignore[no-untyped-def]
    for j in range(len(turned)):
        for i in range(len(place)):
            place[i, j] = turned[j, i]
