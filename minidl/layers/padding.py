"""Zeros around images, and their borders cut off; the mathematics stands in ``minidl/ops/padding.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.declared import arguments_of
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers._images import ImageLayer
from minidl.layers.base import LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.padding import Pads, crop, zero_pad


class _Bordered(ImageLayer, abstract=True):
    """What padding and cropping share: one pair of integers for each spatial axis, in any of Keras's forms."""

    amount = ""  # the name of the argument that holds them

    def _set(self, value: Any) -> Any:
        """The argument as it is kept: a pair, or with several axes a tuple of pairs."""
        self.pads = _pairs(type(self).__name__, self.amount, value, self.rank)
        return self.pads[0] if self.rank == 1 else self.pads

    def _shown_arguments(self) -> dict[str, Any]:
        """The amounts as short as they can be said: one number for all, or one for both ends of an axis."""
        default = arguments_of(type(self))[self.amount].default
        ends: tuple[Any, ...] = tuple(a if a == b else (a, b) for a, b in self.pads)
        alike = self.rank == 1 or (len(set(ends)) == 1 and type(ends[0]) is int)
        usual = self.pads == _pairs("", "", default, self.rank)
        return super()._shown_arguments() | {self.amount: default if usual else ends[0] if alike else ends}


class ZeroPadding(_Bordered, abstract=True):
    """y = x with zeros in front of and behind each spatial axis; dx is the inside of dy."""

    amount = "padding"

    def __init__(self, padding: Any = 1, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **options)
        self.padding = self._set(padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The sizes with what is added; an axis of unknown length stays unknown."""
        spatial, channels = self.split_shape(input_shape)
        sizes: Any = tuple(None if n is None else a + n + b for n, (a, b) in zip(spatial, self.pads))
        return self.join_shape(sizes, channels)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        return self.from_last(zero_pad(self.to_last(x), self.pads)), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return self.from_last(crop(self.to_last(dy), self.pads)) if need_dx else None


class Cropping(_Bordered, abstract=True):
    """y = x without the ends of each spatial axis; dx has zeros there."""

    amount = "cropping"

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **options)
        self.cropping = self._set(cropping)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The sizes without what is cut off; raises ShapeError where nothing would be left."""
        spatial, channels = self.split_shape(input_shape)
        sizes: Any = tuple(None if n is None else n - a - b for n, (a, b) in zip(spatial, self.pads))
        if any(n is not None and n < 1 for n in sizes):
            received = f"samples of shape {tuple(input_shape)}, of which {self.pads} in front and behind are cut off"
            raise ShapeError(self.label, received, "at least one position left along every axis", "a smaller cropping")
        return self.join_shape(sizes, channels)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        return self.from_last(crop(self.to_last(x), self.pads)), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return self.from_last(zero_pad(self.to_last(dy), self.pads)) if need_dx else None


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after a sequence: (batch, time, channels) -> (batch, before + time + after, channels).

    Args:
        padding: one number for both ends, or (before, after).
        data_format: as for ``Conv1D``.

    With a mask the steps that are added do not count.

    >>> import numpy as np
    >>> ZeroPadding1D((2, 0))(np.array([[[1.0], [3.0]]])).ravel().tolist()
    [0.0, 0.0, 1.0, 3.0]
    """

    rank = 1

    def output_mask(self, x: Any, mask: Any) -> Any:
        """The mask with False for what is added."""
        return None if mask is None else zero_pad(mask[..., None], self.pads)[..., 0]


class ZeroPadding2D(ZeroPadding):
    """Zeros around images: (batch, height, width, channels) -> the same, larger.

    Args:
        padding: one number for every side, (height, width) for both sides of each, or ((top, bottom), (left, right)).
        data_format: as for ``Conv2D``.

    >>> ZeroPadding2D(((1, 0), (2, 2))).output_shape((5, 6, 3))
    (6, 10, 3)
    """

    rank = 2


class ZeroPadding3D(ZeroPadding):
    """Zeros around volumes: (batch, height, width, depth, channels) -> the same, larger.

    Args:
        padding: one number, one for both sides of each axis, or one pair for each axis.
        data_format: as for ``Conv3D``.

    Source: Ghent 6, which pads the spectral axis alone.

    >>> ZeroPadding3D((0, 0, 2)).output_shape((7, 7, 72, 48))
    (7, 7, 76, 48)
    """

    rank = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(padding, data_format, **options)


class Cropping1D(Cropping):
    """The ends of a sequence cut off: (batch, time, channels) -> (batch, time - before - after, channels).

    Args:
        cropping: one number for both ends, or (before, after).
        data_format: as for ``Conv1D``.

    A mask is cut as the steps are. Raises ShapeError where nothing would be left.

    >>> import numpy as np
    >>> Cropping1D((0, 1))(np.array([[[1.0], [3.0]]])).ravel().tolist()
    [1.0]
    """

    rank = 1

    def output_mask(self, x: Any, mask: Any) -> Any:
        """The mask of the steps that are left."""
        return None if mask is None else crop(mask[..., None], self.pads)[..., 0]


class Cropping2D(Cropping):
    """The borders of images cut off: (batch, height, width, channels) -> the same, smaller.

    Args:
        cropping: as ``padding`` of ``ZeroPadding2D``; by default nothing is cut off.
        data_format: as for ``Conv2D``.

    Raises ShapeError where nothing would be left.

    >>> Cropping2D(((1, 0), (2, 2))).output_shape((5, 6, 3))
    (4, 2, 3)
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(cropping, data_format, **options)


class Cropping3D(Cropping):
    """The borders of volumes cut off: (batch, height, width, depth, channels) -> the same, smaller.

    Args:
        cropping: as ``padding`` of ``ZeroPadding3D``.
        data_format: as for ``Conv3D``.

    Raises ShapeError where nothing would be left.

    >>> Cropping3D((0, 0, (1, 2))).output_shape((7, 7, 12, 4))
    (7, 7, 9, 4)
    """

    rank = 3

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(cropping, data_format, **options)


def _pairs(where: str, name: str, value: Any, rank: int) -> Pads:
    """One pair (in front, behind) for each axis. Raises ArgumentTypeError and ArgumentError for anything else."""
    forms = ["one integer >= 0", f"{rank} of them, one for both ends of each axis", f"{rank} pairs"]
    expected = "an integer >= 0 or a pair of them" if rank == 1 else ", ".join(forms)

    def pair(item: Any) -> tuple[int, int]:
        ends = tuple(item) if isinstance(item, (tuple, list)) else (item, item)
        for end in ends:
            if isinstance(end, bool) or not hasattr(end, "__index__"):
                raise ArgumentTypeError(where, f"{name}={value!r}", expected)
        if len(ends) != 2 or any(int(end) < 0 for end in ends):
            raise ArgumentError(where, f"{name}={value!r}", expected)
        return int(ends[0]), int(ends[1])

    if rank == 1:
        return (pair(value),)
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(items) != rank:
        raise ArgumentError(where, f"{name}={value!r}", expected)
    return tuple(pair(item) for item in items)
