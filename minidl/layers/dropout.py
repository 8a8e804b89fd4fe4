"""Dropout; the mathematics stands in ``minidl/ops/dropout.py``."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl.backend.random import Stream, check_seed, new_stream
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers._images import checked_data_format
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

    replays = True

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
        y, mask = dropout(x, self.rate, *context.random(self), self._mask_shape(x.shape))
        return y, (mask if context.keep else None)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Of the mask, for x of this shape: 1 where one draw is shared along an axis."""
        return shape if self.noise_shape is None else tuple(m if n is None else n for n, m in zip(self.noise_shape, shape))

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy mask / (1 - rate)."""
        if saved is None:
            return dy
        return dropout_grad(dy, saved, self.rate) if need_dx else None


class SpatialDropout(Dropout, abstract=True):
    """Dropout of whole channels: one draw for each sample and channel, shared along all other axes."""

    rank = 2

    def __init__(  # the options one by one: ``noise_shape`` follows from the data format, and is no argument
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(rate, None, seed, name=name, trainable=trainable, dtype=dtype, input_shape=input_shape)
        self.data_format = checked_data_format(type(self).__name__, data_format)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        if len(input_shape) != self.rank + 1:
            received = f"samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, f"{self.rank + 1} axes after the batch axis")
        return input_shape

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        shared = (1,) * self.rank
        return (shape[0], *shared, shape[-1]) if self.data_format == "channels_last" else (*shape[:2], *shared)


class SpatialDropout1D(SpatialDropout):
    """In training, zero whole features of a sequence with probability ``rate``, and divide the rest by 1 - rate.

    (batch, time, features): a feature is there at all steps of a sample, or at none. Neighbouring steps are alike, and
    would tell what ``Dropout`` takes from one of them.

    Args:
        rate, seed: as for ``Dropout``.

    Source: Tompson et al. 2015.

    >>> import numpy as np
    >>> SpatialDropout1D(0.5, seed=1).forward(np.ones((1, 2, 4)), training=True).tolist()
    [[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]]]
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        input_shape: Any = None,
    ) -> None:
        options: Any = {"name": name, "trainable": trainable, "dtype": dtype, "input_shape": input_shape}
        super().__init__(rate, "channels_last", seed, **options)


class SpatialDropout2D(SpatialDropout):
    """In training, zero whole channels of an image with probability ``rate``, and divide the rest by 1 - rate.

    Args:
        rate, seed: as for ``Dropout``.
        data_format: as for ``Conv2D``.

    Source: Tompson et al. 2015.

    >>> SpatialDropout2D(0.5).output_shape((28, 28, 20))
    (28, 28, 20)
    """

    rank = 2


class SpatialDropout3D(SpatialDropout):
    """In training, zero whole channels of a volume with probability ``rate``; arguments as for ``SpatialDropout2D``.

    >>> SpatialDropout3D(0.5).output_shape((7, 7, 72, 48))
    (7, 7, 72, 48)
    """

    rank = 3
