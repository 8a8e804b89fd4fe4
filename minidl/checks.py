"""Checks of arguments, used by every constructor: wrong types are ArgumentTypeErrors, wrong values ArgumentErrors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ArgumentTypeError, DataError

_CHUNK = 1 << 22  # numbers looked at together


def check_integer(where: str, name: str, value: Any, low: int = 1) -> int:
    """``value`` as an integer >= low.

    >>> check_integer("Dense", "units", 10)
    10
    """
    expected = "a positive integer" if low == 1 else f"an integer >= {low}"
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise ArgumentTypeError(where, f"{name}={value!r} of type {type(value).__name__}", expected)
    if int(value) < low:
        raise ArgumentError(where, f"{name}={value!r}", expected)
    return int(value)


def check_flag(where: str, name: str, value: Any) -> bool:
    """``value`` as a truth value; 0, 1 and "yes" are refused."""
    if value is True or value is False:
        return value
    raise ArgumentTypeError(where, f"{name}={value!r}", "True or False")


def check_number(where: str, name: str, value: Any, low: float = float("-inf"), below: float = float("inf")) -> float:
    """``value`` as a finite float with low <= value < below.

    >>> check_number("SGD", "momentum", 0.9, 0, 1)
    0.9
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.floating, np.integer)):
        raise ArgumentTypeError(where, f"{name}={value!r} of type {type(value).__name__}", "a number")
    if not (low <= value < below and value > float("-inf")):
        bounds = [f"{low:g} <= {name}"] if low > float("-inf") else []
        bounds += [f"{name} < {below:g}"] if below < float("inf") else ["finite"]
        raise ArgumentError(where, f"{name}={value!r}", " and ".join(bounds))
    return float(value)


def check_whole(where: str, array: np.ndarray, dtype: np.dtype) -> None:
    """Raise DataError, with value and index, for a number that the integers of ``dtype`` cannot hold."""
    if array.dtype.kind == "b" or not array.size or np.can_cast(array.dtype, dtype):
        return
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    rows = max(_CHUNK // max(array[:1].size, 1), 1)
    for start in range(0, len(array), rows):
        chunk = array[start : start + rows]
        with np.errstate(all="ignore"):
            if chunk.dtype.kind == "f":  # 2^n - 1 may not exist in the chunk's type, 2^n does
                bad = (chunk < low) | (chunk >= float(high) + 1) | (chunk != np.floor(chunk)) | ~np.isfinite(chunk)
            else:
                bad = (chunk < low) | (chunk > high)
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            index = (start + at[0], *at[1:])
            place = f"{chunk[at]} at index {index if len(index) > 1 else index[0]}"
            raise DataError(where, place, f"whole numbers from {low} to {high} ({dtype}), as this input takes integers")
