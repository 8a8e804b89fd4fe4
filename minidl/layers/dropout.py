"""Dropout; the mathematics stands in ``minidl/ops/dropout.py``."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl.backend.random import Stream, check_seed, new_stream
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.dropout import dropout, dropout_grad


class Dropout(Layer):
    """In training, zero each element with probability ``rate`` and divide the rest by 1 - rate; else y = x.

    Args:
        rate: fraction to drop, 0 <= rate <= 1.
        noise_shape: shape of the mask, with the batch axis, 1 where one draw is shared along an axis and None where the
            mask is as long as the input; default: one draw per element.
        seed: None takes the layer's own stream of ``minidl.set_seed``.

    Source: Ghent 6; Srivastava et al. 2014.

    >>> import numpy as np
    >>> y = Dropout(0.5, seed=1).forward(np.ones((1, 8)), training=True)
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Any = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)):
            raise ArgumentTypeError("Dropout", f"rate={rate!r}", "a number between 0 and 1")
        if not 0 <= rate <= 1:
            raise ArgumentError("Dropout", f"rate={rate!r}", "a number between 0 and 1")
        self.rate = float(rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = None if seed is None else check_seed(seed, "Dropout")

    def build(self, input_shape: Shape) -> None:
        """Take a random stream."""
        self._stream = new_stream() if self.seed is None else Stream(self.seed, 0)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        if self.noise_shape is not None:
            sizes = self.noise_shape[1:]
            if len(sizes) != len(input_shape) or any(n not in (1, None, m) for n, m in zip(sizes, input_shape)):
                received = f"noise_shape={self.noise_shape} for samples of shape {tuple(input_shape)}"
                raise ShapeError(self.label, received, "(batch, ...) with 1, None or the input's size on each axis")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the mask."""
        if not context.training or self.rate == 0:
            return x, None
        shape = x.shape
        if self.noise_shape is not None:
            shape = tuple(m if n is None else n for n, m in zip(self.noise_shape, x.shape))
        y, mask = dropout(x, self.rate, *context.random(self), shape)
        return y, (mask if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy mask / (1 - rate)."""
        if saved is None:
            return dy
        return dropout_grad(dy, saved, self.rate) if need_dx else None
