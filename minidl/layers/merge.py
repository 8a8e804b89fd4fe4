"""Layers that join branches of a graph."""

from __future__ import annotations

from typing import Any

from minidl.errors import ShapeError
from minidl.layers.base import Layer
from minidl.ops.merge import add


class Add(Layer):
    """y = x_1 + x_2 + ...: the skip connection of residual networks. Every branch receives dy.

    Source: He et al. 2016; decks 001, 004.

    >>> import numpy as np
    >>> Add()([np.ones((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    takes_many = True

    def output_shape(self, input_shape: Any) -> Any:
        """The inputs' common shape."""
        if not input_shape or not isinstance(input_shape[0], tuple) or len(input_shape) < 2 or len(set(input_shape)) > 1:
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", "two or more inputs of one shape")
        return input_shape[0]

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y; keeps the number of branches."""
        return add(*x), len(x) if keep else None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dy for every branch."""
        return (dy,) * saved if need_dx else None
