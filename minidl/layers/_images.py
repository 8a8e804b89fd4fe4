"""Image axes: the two data formats, and arguments given as one number or one per axis."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import config
from minidl.backend import Array
from minidl.errors import ArgumentError, ShapeError, closest
from minidl.geometry import Window
from minidl.layers.base import Layer, LayerOptions, Shape


class ImageLayer(Layer, abstract=True):
    """Base of layers on (batch, *spatial, channels) or, with channels_first, (batch, channels, *spatial).

    The ops know channels-last only. For channels_first the layers hand on transposed views of channels-last memory, so a
    network pays one copy where data enters (none where there is one channel) and none between its layers.
    """

    rank = 2  # number of spatial axes

    def __init__(self, data_format: str | None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.data_format = checked_data_format(type(self).__name__, data_format)

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None: a window looks at several steps together."""
        return None

    def split_shape(self, input_shape: Shape) -> tuple[Shape, int]:
        """Spatial shape and number of channels of a sample; raises ShapeError for another number of axes."""
        if len(input_shape) != self.rank + 1:
            names = ("time",) if self.rank == 1 else ("height", "width", "depth")[: self.rank]
            order = (*names, "channels") if self.data_format == "channels_last" else ("channels", *names)
            raise ShapeError(
                self.label,
                f"samples of shape {tuple(input_shape)}",
                f"{self.rank + 1} axes ({', '.join(order)}) after the batch axis",
                _axes_fix(tuple(input_shape), self.rank),
            )
        if self.data_format == "channels_last":
            return tuple(input_shape[:-1]), input_shape[-1]
        return tuple(input_shape[1:]), input_shape[0]

    def spatial_output(self, input_shape: Shape, window: Window) -> Shape:
        """Spatial shape of what ``window`` makes of a sample. Raises ShapeError where it does not fit inside."""
        try:
            return window.output_shape(self.split_shape(input_shape)[0], self.label)
        except ShapeError as error:
            turned = other_data_format(tuple(input_shape), self.data_format)
            if not turned:
                raise
            received = f"samples of shape {tuple(input_shape)} with data_format={self.data_format!r}: {error.received}"
            raise ShapeError(self.label, received, error.expected, turned) from None

    def join_shape(self, spatial: Shape, channels: int) -> Shape:
        """The inverse of ``split_shape``."""
        return (*spatial, channels) if self.data_format == "channels_last" else (channels, *spatial)

    def to_last(self, x: Array) -> Array:
        """x with its channels last: a view."""
        return x if self.data_format == "channels_last" else x.transpose(0, *range(2, x.ndim), 1)

    def from_last(self, y: Array) -> Array:
        """y in the layer's data format: a view."""
        return y if self.data_format == "channels_last" else y.transpose(0, y.ndim - 1, *range(1, y.ndim - 1))


def checked_data_format(where: str, data_format: str | None) -> str:
    """The data format, that of ``minidl.config`` for None. Raises ArgumentError for any other text."""
    found = config.data_format() if data_format is None else data_format
    if found not in ("channels_last", "channels_first"):
        expected = "'channels_last', 'channels_first' or None (the one in minidl.config)"
        elsewhere = {"NHWC": "channels_last", "NCHW": "channels_first"}
        meant = closest(data_format, ("channels_last", "channels_first"), elsewhere)
        raise ArgumentError(where, f"data_format={data_format!r}", expected, meant=meant)
    return found


def other_data_format(shape: tuple[int, ...], data_format: str) -> str:
    """The fix where a sample's shape has 1 or 3, as of channels, where ``data_format`` has the height or width; else ""."""
    channels, spatial = (shape[0], shape[1:]) if data_format == "channels_last" else (shape[-1], shape[:-1])
    if channels not in (1, 3) or None in spatial or min(spatial) <= 4 or len(shape) < 3:
        return ""
    if data_format == "channels_last":
        moved = f"Input({(*spatial, channels)}) and numpy.moveaxis(x, 1, -1)"
        return f"data_format='channels_first', if the first axis is that of the channels; or {moved}"
    moved = f"Input({(channels, *spatial)}) and numpy.moveaxis(x, -1, 1)"
    return f"data_format='channels_last', if the last axis is that of the channels; or {moved}"


def _axes_fix(shape: tuple[int, ...], rank: int) -> str:
    """The next thing to try for samples with too few or too many axes."""
    if len(shape) == rank:
        return "x[..., None], " + (
            "if a step is a single number" if rank == 1 else "if these are grey images without a channel axis"
        )
    if len(shape) == rank + 2:
        return f"leave the batch axis out of the input shape: {shape[1:]}"
    return "Conv2D and pooling before Flatten, Reshape to get the axes back" if len(shape) == 1 else ""
