"""Constraints: after each update, weights are moved to the nearest allowed ones.

    NonNeg                   max(w, 0)
    UnitNorm                 w / (|w| + e)
    MaxNorm                  w d / (|w| + e),   d = min(|w|, max_value)
    MinMaxNorm               w d / (|w| + e),   d = rate clip(|w|, min_value, max_value) + (1 - rate) |w|

|w| is the Euclidean norm along ``axis``, taken for every position of the other axes by itself: with axis 0, one norm for each
column of a Dense layer's W (in, out), that is for each unit; with axes (0, 1, 2), one for each filter of a Conv2D.
e is ``config.epsilon()``, 1e-7 by default, so that weights that are all zero stay zero.
Sources: Srivastava et al. 2014 (max-norm); Keras 3 for names, defaults and formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import config
from minidl.backend import Array, array_namespace
from minidl.checks import check_number
from minidl.declared import Declared, find
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.noticed import Noticed
from minidl.ops.norm import scaled_norm


class Constraint(Noticed, Declared):
    """Base of all constraints. One of your own writes ``apply``:

    >>> class AtMostOne(Constraint):
    ...     def apply(self, w): return w.clip(-1, 1)
    >>> AtMostOne()(np.array([3.0, 0.5]))
    array([1. , 0.5])
    """

    table = "constraint"
    to_write = ("apply(self, w), which returns the allowed weights as a new array",)

    def apply(self, w: Array) -> Array:
        """The allowed weights: a new array in the shape and element type of w, on its device; w is not changed."""
        raise NotImplementedError

    def __call__(self, w: Array) -> Array:
        """The allowed weights, as ``apply``."""
        return self.apply(w)


class NonNeg(Constraint):
    """max(w, 0): negative weights become 0.

    >>> NonNeg().apply(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def apply(self, w: Array) -> Array:
        """max(w, 0); NaN stays NaN."""
        return array_namespace(w).maximum(w, 0)


class _NormConstraint(Constraint):
    """rate bounded(|w|) + (1 - rate) |w| is the norm that is wanted; subclasses say what is bounded, and how."""

    axis: int | tuple[int, ...]

    def _with_norm(self, w: Array, low: float, high: float, rate: float = 1.0) -> Array:
        """w d / (|w| + e) with d = rate clip(|w|, low, high) + (1 - rate) |w|.

        |w| = m r may be too large to be written down, and so may |w| + e. All is therefore divided by k = max(m, 1):
        w d / (|w| + e) = (w / k) d / (r m / k + e / k).
        """
        xp, axes = array_namespace(w), self.axis if isinstance(self.axis, tuple) else (self.axis,)
        places = {axis + w.ndim * (axis < 0) for axis in axes}
        if len(places) < len(axes) or not places <= set(range(w.ndim)):
            raise ShapeError(
                type(self).__name__, f"axis={self.axis} and weights of shape {tuple(w.shape)}", "axes that the weights have"
            )
        with np.errstate(all="ignore"):  # infinity and NaN pass through, as in ops
            m, r = scaled_norm(w, tuple(sorted(places)))
            k = xp.maximum(m, 1)
            norm_over_k = r * xp.minimum(m, 1)
            below = norm_over_k + config.epsilon() / k
            new = w / k * (xp.clip(m * r, low, high) / below)
            return new if rate == 1 else rate * new + (1 - rate) * w * (norm_over_k / below)


class UnitNorm(_NormConstraint):
    """w / (|w| + e): every norm is 1, or 0 where all weights are 0.

    Args:
        axis: along which the norm is taken: an integer, or several in a list or tuple.

    >>> UnitNorm().apply(np.array([[3.0, 0.0], [4.0, 0.0]])).round(3)
    array([[0.6, 0. ],
           [0.8, 0. ]])
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = _axes(axis, "UnitNorm")

    def apply(self, w: Array) -> Array:
        """w / (|w| + e)."""
        return self._with_norm(w, 1.0, 1.0)


class MaxNorm(_NormConstraint):
    """w min(|w|, max_value) / (|w| + e): no norm is larger than ``max_value``.

    Args:
        max_value: the largest norm.
        axis: along which the norm is taken: an integer, or several in a list or tuple.

    >>> MaxNorm(2).apply(np.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
    array([[1.2, 0.3],
           [1.6, 0.4]])
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value = check_number("MaxNorm", "max_value", max_value, 0)
        self.axis = _axes(axis, "MaxNorm")

    def apply(self, w: Array) -> Array:
        """w min(|w|, max_value) / (|w| + e)."""
        return self._with_norm(w, 0.0, self.max_value)


class MinMaxNorm(_NormConstraint):
    """Norms between ``min_value`` and ``max_value``, or with rate < 1 a step of that size towards them.

    Args:
        min_value, max_value: the smallest and the largest norm.
        rate: 1 goes to the bound at once; 0.1 goes a tenth of the way at each update.
        axis: along which the norm is taken: an integer, or several in a list or tuple.

    Raises ArgumentError unless 0 <= min_value <= max_value and 0 <= rate <= 1.

    >>> MinMaxNorm(1, 2, rate=0.5).apply(np.array([6.0, 8.0])).round(3)
    array([3.6, 4.8])
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
    ) -> None:
        self.min_value = check_number("MinMaxNorm", "min_value", min_value, 0)
        self.max_value = check_number("MinMaxNorm", "max_value", max_value, 0)
        if self.max_value < self.min_value:
            received = f"min_value={min_value}, max_value={max_value}"
            raise ArgumentError("MinMaxNorm", received, "min_value <= max_value")
        self.rate = check_number("MinMaxNorm", "rate", rate, 0)
        if self.rate > 1:
            raise ArgumentError("MinMaxNorm", f"rate={rate}", "0 <= rate <= 1")
        self.axis = _axes(axis, "MinMaxNorm")

    def apply(self, w: Array) -> Array:
        """w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / (|w| + e)."""
        return self._with_norm(w, self.min_value, self.max_value, self.rate)


def _axes(axis: Any, where: str) -> int | tuple[int, ...]:
    """An axis, or a list of them as a tuple."""
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if not axes or not all(hasattr(number, "__index__") and not isinstance(number, (bool, np.bool_)) for number in axes):
        received = f"axis={axis!r}" if isinstance(axis, (list, tuple)) else f"{described(axis)} as axis"
        raise ArgumentTypeError(where, received, "an integer, or several in a list", "axis=[0, 1, 2] for kernels of Conv2D")
    if len(set(axes)) < len(axes):
        raise ArgumentError(where, f"axis={axis!r}", "each axis once")
    axes = tuple(int(number) for number in axes)
    return axes if isinstance(axis, (list, tuple)) else axes[0]


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm  # Keras has both spellings

_ELSEWHERE = {"non_negative": "non_neg", "positive": "non_neg"}


def get(identifier: str | Constraint | None, where: str = "constraint") -> Constraint | None:
    """The constraint of this name, the object itself, or None for none.

    Args:
        identifier: None, ``"max_norm"``, ``"non_neg"``, ``"unit_norm"``, ``"min_max_norm"``, or an object.
        where: how errors begin, such as ``"Dense: kernel_constraint"``.

    Raises ArgumentError for an unknown name, ArgumentTypeError for anything else.

    >>> get("max_norm"), get(None)
    (MaxNorm(), None)
    """
    if identifier is None:
        return None
    argument = where.rpartition(": ")[2].replace(" ", "_")
    return find("constraint", identifier, where, argument, elsewhere=_ELSEWHERE, example="MaxNorm(2)")
