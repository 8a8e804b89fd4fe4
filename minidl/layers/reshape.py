"""Layers that only look at an array differently, or on another scale."""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

from minidl.backend.tape import again
from minidl.checks import check_number
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.geometry import size_of
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.rescaling import rescale


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a b ...), in row-major order of the axes as they stand.

    >>> Flatten().output_shape((7, 7, 50))
    (2450,)
    """

    moves_only = True
    replays = True

    def output_shape(self, input_shape: Shape) -> Any:
        """One axis."""
        return (size_of(input_shape),)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the shape."""
        return _reshaped(x, (x.shape[0], prod(x.shape[1:]))), x.shape if context.keep else None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy in the shape of x."""
        return _reshaped(dy, saved)

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None: time steps cannot be told apart any more."""
        return None


class Reshape(Layer):
    """(batch, *input_shape) -> (batch, *target_shape), row-major; one entry of ``target_shape`` may be -1.

    >>> Reshape((7, -1)).output_shape((14, 2))
    (7, 4)
    """

    moves_only = True
    replays = True

    def __init__(self, target_shape: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        items = tuple(target_shape) if isinstance(target_shape, (tuple, list)) else (target_shape,)
        if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in items):
            raise ArgumentTypeError("Reshape", f"target_shape={target_shape!r}", "a tuple of integers")
        if any(n < 1 and n != -1 for n in items) or items.count(-1) > 1:
            raise ArgumentError("Reshape", f"target_shape={target_shape!r}", "positive sizes, at most one of them -1")
        self.target_shape = items

    def output_shape(self, input_shape: Shape) -> Any:
        """The target shape, -1 worked out."""
        size, known = size_of(input_shape), prod(n for n in self.target_shape if n != -1)
        if size is None:  # looked at when the data comes
            return tuple(None if n == -1 else n for n in self.target_shape)
        fits = size % known == 0 if -1 in self.target_shape else size == known
        if not fits:
            received = f"samples of shape {tuple(input_shape)} ({size} numbers)"
            raise ShapeError(self.label, received, f"as many numbers as {self.target_shape} holds")
        return tuple(size // known if n == -1 else n for n in self.target_shape)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the shape."""
        return _reshaped(x, (x.shape[0], *self.output_shape(x.shape[1:]))), x.shape if context.keep else None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy in the shape of x."""
        return _reshaped(dy, saved)

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None, unless the time axis stays."""
        return mask if self.output_shape(x.shape[1:])[0] == x.shape[1] and len(self.target_shape) > 1 else None


class Rescaling(Layer):
    """y = scale x + offset: states in the model how raw data is scaled, so that it cannot be forgotten at prediction.

    ``Rescaling(1 / 255)`` as a first layer takes uint8 images as they are.

    >>> import numpy as np
    >>> Rescaling(1 / 255)(np.array([[0, 255]], np.uint8))
    array([[0., 1.]], dtype=float32)
    """

    replays = True

    def __init__(self, scale: float, offset: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.scale = check_number("Rescaling", "scale", scale)
        self.offset = check_number("Rescaling", "offset", offset)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        return rescale(x, scale=self.scale, offset=self.offset), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = scale dy."""
        return rescale(dy, scale=self.scale, offset=0.0) if need_dx else None


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """x in another shape: a view, or where x is a view whose numbers stand in another order, a copy."""
    return x.reshape(shape) if x.flags.c_contiguous else again(_reshape, x, shape)


def _reshape(x: Any, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)
