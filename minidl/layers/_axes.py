"""Axes that arguments of layers name, counted with the batch axis, as Keras counts them; and arrays with them moved last."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError


def check_axes(where: str, axis: Any, name: str = "axis") -> int | tuple[int, ...]:
    """One axis, or several as a tuple. Raises ArgumentTypeError for other types, ArgumentError for none and for the batch's.

    >>> check_axes("LayerNormalization", [-2, -1])
    (-2, -1)
    """
    several = isinstance(axis, Sequence) and not isinstance(axis, str)
    items = tuple(axis) if several else (axis,)
    if any(isinstance(item, bool) or not hasattr(item, "__index__") for item in items):
        raise ArgumentTypeError(where, f"{name}={axis!r}", "an integer or a tuple of them")
    if not items or any(int(item) == 0 for item in items) or len(set(items)) < len(items):
        raise ArgumentError(where, f"{name}={axis!r}", "different axes from 1 on, or negative ones (0 is the batch)")
    return tuple(int(item) for item in items) if several else int(items[0])


def sample_axes(label: str, axis: int | tuple[int, ...], rank: int, name: str = "axis") -> tuple[int, ...]:
    """The axes in increasing order, counted without the batch axis, for samples with ``rank`` axes.

    Raises ShapeError for an axis that does not exist or is named twice.

    >>> sample_axes("a layer", (-1, 1), 3)
    (0, 2)
    """
    axes = axis if isinstance(axis, tuple) else (axis,)
    found = {a + rank + 1 if a < 0 else a for a in axes}
    if len(found) < len(axes) or any(not 1 <= a <= rank for a in found):
        received, expected = f"{name}={axis!r} for samples with {rank} axes", f"different axes of 1 to {rank}, or negative ones"
        raise ShapeError(label, received, f"{expected} (0 is the batch)")
    return tuple(sorted(a - 1 for a in found))


def known_sizes(label: str, shape: tuple[Any, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes along axes for which there are parameters; raises ShapeError where one is not known."""
    sizes = tuple(shape[axis] for axis in axes)
    if None in sizes:
        received = f"samples of shape {tuple(shape)}"
        raise ShapeError(label, received, f"a known size along axis {axes[sizes.index(None)] + 1}, which has parameters")
    return sizes


def refuse_mask(label: str, mask: Any, x: Any, axes: tuple[int, ...]) -> None:
    """Raise StateError where statistics along ``axes`` of sequences would count steps that a mask leaves out."""
    if mask is not None and 0 in axes and x.ndim > 2:
        received, fix = "a sequence with a mask, and statistics along its time axis", "sequences of one length, or another axis"
        raise StateError(label, received, "one without: padded steps would count", fix)


class AtTheEnd:
    """How x is turned so that some of its axes become the last one, all numbers along them side by side.

    >>> import numpy as np
    >>> x = np.zeros((2, 3, 4, 5))
    >>> turned = AtTheEnd(x.shape, (0, 2))
    >>> turned.there(x).shape, turned.back(turned.there(x)).shape
    ((2, 4, 15), (2, 3, 4, 5))
    """

    def __init__(self, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        moved = tuple(axis + 1 for axis in axes)
        self.order = (*(axis for axis in range(len(shape)) if axis not in moved), *moved)
        self.turned = tuple(shape[axis] for axis in self.order)
        self.flat = (*self.turned[: len(shape) - len(axes)], prod(self.turned[len(shape) - len(axes) :]))
        self.is_plain = self.order == tuple(range(len(shape))) and self.flat == tuple(shape)

    def there(self, x: Any) -> Any:
        """x (batch, ...) -> (batch, other axes ..., numbers along the axes)."""
        return x if self.is_plain else x.transpose(self.order).reshape(self.flat)

    def back(self, y: Any) -> Any:
        """The other way round."""
        if self.is_plain:
            return y
        return y.reshape(self.turned).transpose([self.order.index(axis) for axis in range(len(self.order))])
