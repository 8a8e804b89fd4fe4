"""Larger images and longer sequences; the mathematics stands in ``minidl/ops/upsampling.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.errors import ArgumentError, closest
from minidl.geometry import positive_integers
from minidl.layers._images import ImageLayer
from minidl.layers.base import LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.upsampling import linear, linear_grad, nearest, nearest_grad


class UpSampling(ImageLayer, abstract=True):
    """Each position becomes ``size`` of them along every axis."""

    interpolation = "nearest"

    def __init__(self, size: Any = 2, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **options)
        self.size: Any = positive_integers(type(self).__name__, "size", size, self.rank)
        self._factors: tuple[int, ...] = self.size

    def output_shape(self, input_shape: Shape) -> Shape:
        """The sizes times ``size``; an axis of unknown length stays unknown."""
        spatial, channels = self.split_shape(input_shape)
        sizes: Any = tuple(None if n is None else n * s for n, s in zip(spatial, self._factors))
        return self.join_shape(sizes, channels)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        enlarge = nearest if self.interpolation == "nearest" else linear
        return self.from_last(enlarge(self.to_last(x), self._factors)), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        reduce = nearest_grad if self.interpolation == "nearest" else linear_grad
        return self.from_last(reduce(self.to_last(dy), self._factors)) if need_dx else None


class UpSampling1D(UpSampling):
    """Each step ``size`` times: (batch, time, channels) -> (batch, size time, channels).

    Args:
        size: how often, one positive integer.
        data_format: as for ``Conv1D``.

    A mask is repeated with the steps.

    >>> import numpy as np
    >>> UpSampling1D(2)(np.array([[[1.0], [3.0]]])).ravel().tolist()
    [1.0, 1.0, 3.0, 3.0]
    """

    rank = 1

    def __init__(self, size: int = 2, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(size, data_format, **options)
        (self.size,) = self._factors

    def output_mask(self, x: Any, mask: Any) -> Any:
        """That of each step, as often as the step."""
        return None if mask is None else nearest(mask[..., None], self._factors)[..., 0]


class UpSampling2D(UpSampling):
    """Each pixel becomes a rectangle of ``size``: (batch, height, width, channels) -> (batch, s height, t width, channels).

    Args:
        size: (s, t), or one number for both.
        data_format: as for ``Conv2D``.
        interpolation: ``"nearest"`` copies the pixel, ``"bilinear"`` goes in straight lines from the centre of one pixel to
            that of the next, as TensorFlow 2 and, with ``align_corners=False``, PyTorch do.

    >>> import numpy as np
    >>> UpSampling2D((1, 2), interpolation="bilinear")(np.array([[[[0.0], [4.0]]]])).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    rank = 2

    def __init__(
        self,
        size: Any = 2,
        data_format: str | None = None,
        interpolation: str = "nearest",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(size, data_format, **options)
        if interpolation not in ("nearest", "bilinear"):
            meant = closest(interpolation, ("nearest", "bilinear"))
            raise ArgumentError("UpSampling2D", f"interpolation={interpolation!r}", "'nearest' or 'bilinear'", meant=meant)
        self.interpolation = interpolation


class UpSampling3D(UpSampling):
    """Each position becomes a box of ``size``: (batch, height, width, depth, channels) -> the same, larger.

    Args:
        size: three numbers, or one for all.
        data_format: as for ``Conv3D``.

    >>> UpSampling3D((1, 1, 2)).output_shape((5, 5, 12, 4))
    (5, 5, 24, 4)
    """

    rank = 3
