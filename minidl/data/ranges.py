"""Ranges that random parameters are drawn from, as users write them: a number, whole or not, a pair, or several numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.checks import check_number
from minidl.errors import ArgumentError, ArgumentTypeError, closest

_MANY = 1 << 24  # pixels of a shift, an absurd number


def check_shift(where: str, name: str, value: Any) -> float | int | tuple[float, ...]:
    """A part or a number of pixels (float), a bound of whole pixels (int), or numbers to choose from; see ``shifts``."""
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str):
        if not len(value):
            raise ArgumentError(where, f"{name}={value!r}", "at least one number")
        return tuple(check_number(where, f"{name}[{i}]", number, -_MANY, _MANY) for i, number in enumerate(value))
    number = check_number(where, name, value, 0, _MANY)
    return int(value) if hasattr(value, "__index__") and value else number


def around_one(where: str, name: str, value: Any) -> tuple[float, float]:
    """The range of a factor: (1 - value, 1 + value), or the pair that was given.

    >>> around_one("", "zoom", 0.25), around_one("", "zoom", (0.5, 2.0))
    ((0.75, 1.25), (0.5, 2.0))
    """
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str):
        return check_pair(where, name, value, 0.0)
    number = check_number(where, name, value, 0)
    if number > 1:
        raise ArgumentError(where, f"{name}={value!r}", "a number from 0 to 1, or a pair (low, high)")
    return 1 - number, 1 + number


def check_pair(where: str, name: str, value: Any, least: float = float("-inf")) -> tuple[float, float]:
    """(low, high), two numbers with least <= low <= high."""
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str) or len(value) != 2:
        raise ArgumentTypeError(where, f"{name}={value!r}", "a pair of numbers (low, high)")
    low, high = (check_number(where, f"{name}[{i}]", number, least) for i, number in enumerate(value))
    if low > high:
        raise ArgumentError(where, f"{name}={value!r}", "low <= high")
    return low, high


def one_of(where: str, name: str, value: Any, choices: Sequence[str]) -> str:
    """``value``, if it is one of the words."""
    if value not in choices:
        raise ArgumentError(where, f"{name}={value!r}", " or ".join(map(repr, choices)), meant=closest(value, choices))
    return str(value)


def shifts(shift: float | int | tuple[float, ...], size: int, amount: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Pixels to shift by, from two uniform numbers for each image.

    Args:
        shift: a float below 1: up to this part of ``size``; another float: up to so many pixels; an integer: whole pixels
            below it; several: one of these (parts of ``size``, where all are below 1). All to either side.
        size: pixels of the axis.
        amount, sign: numbers (n,) from 0 to 1.

    >>> shifts(3, 28, np.array([0.0, 0.5, 0.9]), np.array([0.1, 0.1, 0.9])).tolist()
    [-0.0, -1.0, 2.0]
    """
    signs = np.where(sign < 0.5, -1.0, 1.0)
    if isinstance(shift, float):
        return (2 * amount - 1) * (shift * size if shift < 1 else shift)
    if isinstance(shift, int):
        return np.floor(amount * shift) * signs
    choices = np.array(shift)
    return choices[np.floor(amount * len(choices)).astype(int)] * signs * (size if choices.max() < 1 else 1)
