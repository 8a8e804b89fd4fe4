"""One number for each channel: its mean or its maximum over all positions."""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.tape import again, refuse
from minidl.checks import check_flag
from minidl.layers._images import ImageLayer
from minidl.layers.base import LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context


class GlobalPooling(ImageLayer, abstract=True):
    """(batch, *spatial, channels) -> (batch, channels); with ``keepdims`` the spatial axes stay, of length 1."""

    replays = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, **options)
        self.keepdims = check_flag(type(self).__name__, "keepdims", keepdims)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The channels."""
        channels = self.split_shape(input_shape)[1]
        return self.join_shape((1,) * self.rank, channels) if self.keepdims else (channels,)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps what ``_spread`` needs."""
        if context.mask is not None:
            refuse(f"{self.label} has a mask")
        y, *saved = again(self._pooled, x, context.mask)
        return y, ((saved, x.shape) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return again(self._spread, dy, *saved) if need_dx else None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None: there are no steps any more."""
        return None

    def _pooled(self, x: Any, mask: Any) -> tuple[Any, ...]:
        """y, and what ``_spread`` needs."""
        raise NotImplementedError

    def _spread(self, dy: Any, saved: Any, shape: tuple[int, ...]) -> Any:
        """dx, of this shape."""
        raise NotImplementedError

    def _flat(self, x: Any) -> Any:
        """x as (batch, positions, channels)."""
        x = self.to_last(x)
        return x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])

    def _counts(self, mask: Any, rows: Any) -> Any:
        """The mask (batch, time) for each position: (batch, positions, 1). Time is the first of the spatial axes."""
        return mask.repeat(rows.shape[1] // max(mask.shape[1], 1), axis=1)[..., None]

    def _image(self, rows: Any, shape: tuple[int, ...]) -> Any:
        """(batch, positions, channels) in the shape of x."""
        last = shape if self.data_format == "channels_last" else (shape[0], *shape[2:], shape[1])
        return self.from_last(rows.reshape(last))

    def _result(self, y: Any) -> Any:
        """y (batch, channels) with the axes that ``keepdims`` keeps."""
        return y.reshape(len(y), *self.join_shape((1,) * self.rank, y.shape[1])) if self.keepdims else y


class GlobalAveragePooling(GlobalPooling, abstract=True):
    """y[n, c] = mean over all positions p of x[n, p, c];  dx[n, p, c] = dy[n, c] / positions.

    With a mask the mean is taken over the steps that count; it is 0 where none does.
    """

    def _pooled(self, x: Any, mask: Any) -> tuple[Any, ...]:
        """y, and the weight of each position."""
        rows = self._flat(x)
        xp = backends.array_namespace(rows)
        if mask is None:
            share = xp.full((1, rows.shape[1], 1), 1 / max(rows.shape[1], 1), rows.dtype)
            y = rows.mean(axis=1)
        else:
            counts = self._counts(mask, rows)
            share = (counts / xp.maximum(counts.sum(axis=1, keepdims=True), 1)).astype(rows.dtype)
            y = (xp.where(counts, rows, 0) * share).sum(axis=1)
        return self._result(y), share

    def _spread(self, dy: Any, saved: Any, shape: tuple[int, ...]) -> Any:
        (share,) = saved
        return self._image(dy.reshape(len(dy), 1, dy.size // max(len(dy), 1)) * share, shape)


class GlobalMaxPooling(GlobalPooling, abstract=True):
    """y[n, c] = max over all positions p of x[n, p, c]; dy goes to the position that won, the first of equal ones.

    With a mask only steps that count can win; y is 0 where none does.
    """

    def _pooled(self, x: Any, mask: Any) -> tuple[Any, ...]:
        """y, which position won, and which samples have any."""
        rows = self._flat(x)
        xp = backends.array_namespace(rows)
        counts = None
        if mask is not None:
            counts = mask.any(axis=1)[:, None]
            rows = xp.where(self._counts(mask, rows), rows, -float("inf")).astype(rows.dtype)
        winners = rows.argmax(axis=1)  # NaN wins, as it does in a pool
        y = xp.take_along_axis(rows, winners[:, None], axis=1)[:, 0]
        if counts is not None:
            y = xp.where(counts, y, xp.zeros((), y.dtype))
        return self._result(y), winners, counts

    def _spread(self, dy: Any, saved: Any, shape: tuple[int, ...]) -> Any:
        winners, counts = saved
        xp, dy = backends.array_namespace(dy), dy.reshape(winners.shape)
        if counts is not None:
            dy = xp.where(counts, dy, 0)
        positions = prod(shape[1:]) // max(winners.shape[1], 1)
        won = xp.arange(positions)[None, :, None] == winners[:, None]
        return self._image(xp.where(won, dy[:, None], 0), shape)


class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over time: (batch, time, channels) -> (batch, channels).

    >>> import numpy as np
    >>> GlobalAveragePooling1D()(np.array([[[1.0], [3.0]]])).tolist()
    [[2.0]]
    """

    rank = 1


class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over an image: (batch, height, width, channels) -> (batch, channels).

    Args:
        data_format: as for ``Conv2D``.
        keepdims: keep the spatial axes, of length 1.

    Source: Lin et al. 2014.

    >>> GlobalAveragePooling2D().output_shape((7, 7, 50))
    (50,)
    """

    rank = 2


class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over a volume: (batch, depth, height, width, channels) -> (batch, channels)."""

    rank = 3


class GlobalMaxPooling1D(GlobalMaxPooling):
    """The maximum over time: (batch, time, channels) -> (batch, channels).

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.array([[[1.0], [3.0]]])).tolist()
    [[3.0]]
    """

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling):
    """The maximum over an image: (batch, height, width, channels) -> (batch, channels)."""

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling):
    """The maximum over a volume: (batch, depth, height, width, channels) -> (batch, channels)."""

    rank = 3
