"""Penalties on weights: a number that is added to the loss, and its gradient, which pulls the weights towards zero.

    L1      l1 sum |w|                              l1 sign(w)              many weights become exactly 0
    L2      l2 sum w^2                              2 l2 w                  large weights become smaller ("weight decay")
    L1L2    l1 sum |w| + l2 sum w^2                 l1 sign(w) + 2 l2 w
    OrthogonalRegularizer                           rows (or columns) of a matrix become orthogonal; formula below

At w = 0 the slope of |w| is taken to be 0. The sums are added in float64, so a penalty is a float64 number whatever w is.
Sources: Tibshirani 1996 (L1); Krogh and Hertz 1991 (L2); Keras 3 for names, defaults and factors (there is no 1/2 in L2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Array, array_namespace
from minidl.checks import check_number
from minidl.declared import Declared, find
from minidl.errors import ArgumentError, ShapeError, closest
from minidl.noticed import Noticed
from minidl.ops.norm import scaled_norm


class Regularizer(Noticed, Declared):
    """Base of all penalties. One of your own writes ``value`` and ``gradient``:

    >>> class TowardsOne(Regularizer):
    ...     def value(self, w): return ((w - 1) ** 2).sum()
    ...     def gradient(self, w): return 2 * (w - 1)
    >>> float(TowardsOne().value(np.array([3.0, 1.0])))
    4.0
    """

    table = "regularizer"
    to_write = (
        "value(self, w), which returns the penalty, a number",
        "gradient(self, w), which returns its derivative by w in the shape of w",
    )

    def value(self, w: Array) -> Any:
        """The penalty of one array of weights of any shape: an array without axes, where w lives."""
        raise NotImplementedError

    def gradient(self, w: Array) -> Array:
        """d value / d w, in the shape and element type of w; w itself is not changed."""
        raise NotImplementedError

    def __call__(self, w: Array) -> Any:
        """The penalty, as ``value``."""
        return self.value(w)


class _Norms(Regularizer):
    """l1 sum |w| + l2 sum w^2; subclasses set the two factors."""

    l1 = 0.0
    l2 = 0.0

    def value(self, w: Array) -> Any:
        """l1 sum |w| + l2 sum w^2."""
        xp = array_namespace(w)
        with np.errstate(all="ignore"):  # infinity and NaN pass through, as in ops
            total = xp.zeros((), np.float64)
            if self.l1:
                total = total + self.l1 * xp.sum(xp.abs(w), dtype=np.float64)
            if self.l2:
                total = total + self.l2 * xp.sum(xp.multiply(w, w, dtype=np.float64))
            return total

    def gradient(self, w: Array) -> Array:
        """l1 sign(w) + 2 l2 w."""
        xp = array_namespace(w)
        with np.errstate(all="ignore"):
            if not self.l1:
                return 2 * self.l2 * w
            slope = self.l1 * xp.sign(w)
            return slope + 2 * self.l2 * w if self.l2 else slope


class L1(_Norms):
    """l1 sum |w|: pulls every weight towards zero with the same force, so that many become exactly zero.

    Raises ArgumentError unless 0 <= l1 < infinity.

    >>> float(L1(0.5).value(np.array([1.0, -3.0])))
    2.0
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = check_number("L1", "l1", l1, 0)


class L2(_Norms):
    """l2 sum w^2: pulls every weight towards zero in proportion to its size.

    Raises ArgumentError unless 0 <= l2 < infinity.

    >>> float(L2(0.5).value(np.array([1.0, -3.0])))
    5.0
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = check_number("L2", "l2", l2, 0)


class L1L2(_Norms):
    """l1 sum |w| + l2 sum w^2.

    Args:
        l1, l2: None is 0 beside a factor that is given. ``L1L2()`` alone, and the name ``"l1_l2"``, are 0.01 of both.

    Raises ArgumentError unless both are finite and at least 0.

    >>> L1L2(l2=0.1).l1, L1L2().l1
    (0.0, 0.01)
    """

    usual_name = "l1_l2"
    aliases = ("l1_l2",)

    def __init__(self, l1: float | None = None, l2: float | None = None) -> None:
        if l1 is None and l2 is None:
            l1 = l2 = 0.01
        self.l1 = check_number("L1L2", "l1", 0.0 if l1 is None else l1, 0)
        self.l2 = check_number("L1L2", "l2", 0.0 if l2 is None else l2, 0)


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between different rows (or columns) of a matrix: 0 where they are orthogonal.

    With u_i = w_i / max(|w_i|, 1e-7), the row w_i made a unit vector, and n rows:

        value   factor / (n (n - 1)) sum_{i != j} |u_i . u_j|
        du_i    2 factor / (n (n - 1)) sum_{j != i} sign(u_i . u_j) u_j
        dw_i    (du_i - u_i (u_i . du_i)) / |w_i|

    Args:
        factor: of the mean.
        mode: ``"rows"`` or ``"columns"``.

    Raises ArgumentError for another mode or a negative factor, ShapeError for an array that is not a matrix.
    Source: Keras 3.

    >>> float(OrthogonalRegularizer(1.0).value(np.array([[1.0, 0.0], [1.0, 1.0]])).round(4))
    0.7071
    """

    _SHORTEST = 1e-7  # a shorter row is divided by this instead of by its length

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = check_number("OrthogonalRegularizer", "factor", factor, 0)
        if mode not in ("rows", "columns"):
            meant = closest(mode, ("rows", "columns"))
            raise ArgumentError("OrthogonalRegularizer", f"mode={mode!r}", "'rows' or 'columns'", meant=meant)
        self.mode = mode

    def value(self, w: Array) -> Any:
        """factor times the mean absolute cosine of different rows."""
        xp, (_, _, cosines) = array_namespace(w), self._cosines(w)
        return self._scale(cosines) * xp.sum(xp.abs(cosines), dtype=np.float64)

    def gradient(self, w: Array) -> Array:
        """dw: the part of du across w, as its length does not count."""
        xp, (u, length, cosines) = array_namespace(w), self._cosines(w)
        with np.errstate(all="ignore"):
            du = 2 * self._scale(cosines) * (xp.sign(cosines) @ u)
            along = xp.where(length > self._SHORTEST, (u * du).sum(axis=1, keepdims=True), 0)
            dw = (du - u * along) / xp.maximum(length, self._SHORTEST)
        return dw if self.mode == "rows" else dw.T

    def _cosines(self, w: Array) -> tuple[Array, Array, Array]:
        """Unit vectors (n, size), the lengths they had (n, 1), and u_i . u_j of all pairs (n, n), with 0 where i = j."""
        if w.ndim != 2:
            fix = "w.reshape(-1, filters) in a regularizer of your own, for kernels of convolutions"
            raise ShapeError("OrthogonalRegularizer", f"weights of shape {tuple(w.shape)}", "a matrix", fix)
        xp, rows = array_namespace(w), w if self.mode == "rows" else w.T
        with np.errstate(all="ignore"):
            largest, length = scaled_norm(rows, 1)
            u = rows / largest / xp.maximum(length, self._SHORTEST / largest)
            return u, largest * length, (u @ u.T) * (1 - xp.eye(len(u), dtype=u.dtype))

    def _scale(self, cosines: Array) -> float:
        n = len(cosines)
        return self.factor / max(n * (n - 1), 1)  # one row has no other: 0, where Keras divides by zero


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer  # Keras has both spellings


def get(identifier: str | Regularizer | None, where: str = "regularizer") -> Regularizer | None:
    """The regularizer of this name, the object itself, or None for no penalty.

    Args:
        identifier: None, ``"l1"``, ``"l2"``, ``"l1_l2"`` (each with its default), or an object.
        where: how errors begin, such as ``"Dense: kernel_regularizer"``.

    Raises ArgumentError for an unknown name, ArgumentTypeError for anything else.

    >>> get("l2"), get(None)
    (L2(), None)
    """
    if identifier is None:
        return None
    argument = where.rpartition(": ")[2].replace(" ", "_")
    return find("regularizer", identifier, where, argument, example="L2(0.01)")
