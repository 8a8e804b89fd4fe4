"""Pooling layers; the mathematics stands in ``minidl/ops/pooling.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._images import ImageLayer
from minidl.layers.base import LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.pooling import average_pool, average_pool_grad, max_pool, max_pool_grad


class Pooling(ImageLayer, abstract=True):
    """One number per window and channel; see the subclasses."""

    replays = True

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, **options)
        where = type(self).__name__
        check_padding(where, padding)
        self.pool_size = positive_integers(where, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.window = Window(self.pool_size, self.strides, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Spatial shape by the window's arithmetic, the same channels; an axis of unknown length stays unknown."""
        channels = self.split_shape(input_shape)[1]
        return self.join_shape(self.spatial_output(input_shape, self.window), channels)


class MaxPooling(Pooling, abstract=True):
    """y = max over each window of each channel; dy goes back to the position that won."""

    keeps_order = True

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps which tap won each window."""
        x = self.to_last(x)
        y, winners = max_pool(x, self.window)
        return self.from_last(y), ((winners, x.shape[1:-1]) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        winners, spatial = saved
        return self.from_last(max_pool_grad(self.to_last(dy), winners, spatial, self.window)) if need_dx else None


class AveragePooling(Pooling, abstract=True):
    """y = mean over the positions of each window that lie inside the input; dy is shared among them equally."""

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the input's spatial shape."""
        x = self.to_last(x)
        return self.from_last(average_pool(x, self.window)), (x.shape[1:-1] if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return self.from_last(average_pool_grad(self.to_last(dy), saved, self.window)) if need_dx else None


class MaxPooling1D(MaxPooling):
    """The largest number of each window over time: (batch, time, channels) -> (batch, out time, channels).

    Arguments as for ``MaxPooling2D``. A mask ends here, as in Keras: a window may hold steps that count and steps that do not.

    >>> MaxPooling1D(3).output_shape((14, 8))
    (4, 8)
    """

    rank = 1


class MaxPooling2D(MaxPooling):
    """y = max over each window of each channel; dy goes back to the position that won.

    (batch, height, width, channels) -> (batch, out height, out width, channels).

    Args:
        pool_size: window; one number means a square.
        strides: steps of the window; None means ``pool_size``, smaller ones make the windows overlap.
        padding: ``"valid"`` or ``"same"``; padding never wins.
        data_format: as for ``Conv2D``.

    Source: Lecture 2018, Practical 2020, Ghent 6.

    >>> MaxPooling2D((2, 2)).output_shape((28, 28, 20))
    (14, 14, 20)
    """

    rank = 2


class MaxPooling3D(MaxPooling):
    """The largest number of each window of a volume: (batch, height, width, depth, channels) -> the same with smaller sizes.

    Arguments as for ``MaxPooling2D``, with three numbers in place of two. Windows of one position along height and width pool
    the spectrum of each pixel. Source: Ghent 6.

    >>> MaxPooling3D((1, 1, 3)).output_shape((7, 7, 216, 48))
    (7, 7, 72, 48)
    """

    rank = 3


class AveragePooling1D(AveragePooling):
    """The mean of each window over time: (batch, time, channels) -> (batch, out time, channels).

    Arguments as for ``MaxPooling2D``; a mask ends here, as for ``MaxPooling1D``.

    >>> import numpy as np
    >>> AveragePooling1D(2, padding="same")(np.array([[[1.0], [3.0], [5.0]]])).ravel().tolist()
    [2.0, 5.0]
    """

    rank = 1


class AveragePooling2D(AveragePooling):
    """y = mean over the positions of each window that lie inside the image; dy is shared among them equally.

    Arguments and shapes as for ``MaxPooling2D``. Source: Lecture 2020 (other pooling); TensorFlow's divisor at the border.

    >>> AveragePooling2D(3, strides=2, padding="same").output_shape((28, 28, 20))
    (14, 14, 20)
    """

    rank = 2


class AveragePooling3D(AveragePooling):
    """The mean of each window of a volume; arguments and shapes as for ``MaxPooling3D``.

    >>> AveragePooling3D(2).output_shape((4, 6, 5, 3))
    (2, 3, 2, 3)
    """

    rank = 3
