"""The axes of a sample in another order."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.tape import again
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context


class Permute(Layer):
    """y[n, i_1, i_2, ...] has axis k of y at axis ``dims[k]`` of x: (batch, a, b) -> (batch, b, a) with ``dims=(2, 1)``.

    Args:
        dims: the axes of x in the order of y, counted from 1; the batch axis, number 0, stays where it is.

    dx is dy with its axes put back. A mask stays where the first axis, that of time, does, and ends otherwise.

    >>> Permute((2, 3, 1)).output_shape((5, 6, 7))
    (6, 7, 5)
    """

    moves_only = True
    replays = True

    def __init__(self, dims: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        items = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
        if any(isinstance(axis, bool) or not hasattr(axis, "__index__") for axis in items):
            raise ArgumentTypeError("Permute", f"dims={dims!r}", "a tuple of integers", "(2, 1)")
        if not items or sorted(items) != list(range(1, len(items) + 1)):
            raise ArgumentError("Permute", f"dims={dims!r}", "each of 1, 2, ... once, for the axes after the batch axis")
        self.dims = tuple(int(axis) for axis in items)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The sizes in the new order."""
        if len(input_shape) != len(self.dims):
            received = f"samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, f"{len(self.dims)} axes after the batch axis, as in dims={self.dims}")
        return tuple(input_shape[axis - 1] for axis in self.dims)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        return again(_turned, x, (0, *self.dims)), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy with its axes put back."""
        back = (self.dims.index(axis) + 1 for axis in range(1, len(self.dims) + 1))
        return dy.transpose(0, *back) if need_dx else None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None, unless the time axis stays."""
        return mask if self.dims[0] == 1 else None


def _turned(x: Any, axes: tuple[int, ...]) -> Any:
    return backends.array_namespace(x).ascontiguousarray(x.transpose(axes))
