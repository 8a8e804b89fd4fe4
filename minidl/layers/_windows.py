"""What layers share that slide a window with weights over an image and end in an activation."""

from __future__ import annotations

from typing import Any

from minidl.errors import ShapeError
from minidl.layers._affine import ActivatedLayer
from minidl.layers._images import ImageLayer
from minidl.layers.base import Shape


class WindowLayer(ActivatedLayer, ImageLayer, abstract=True):
    """Base of convolutions of every kind, on images of either data format."""

    def channels_of(self, input_shape: Shape) -> int:
        """Number of channels of a sample; raises ShapeError unless it is the one that the layer was built for."""
        channels = self.split_shape(input_shape)[1]
        if self.input_shape is not None and channels != self.split_shape(self.input_shape)[1]:
            raise ShapeError(
                self.label,
                f"samples of shape {tuple(input_shape)}, {channels} channels ({self.data_format})",
                f"{self.split_shape(self.input_shape)[1]} channels, as it was built for",
                "data_format='channels_first' if the channels come first",
            )
        return channels

    @property
    def final_activation(self) -> Any:
        """The activation; a softmax over channels that come first is not one over the last axis of y."""
        return super().final_activation if self.data_format == "channels_last" or self.activation.in_sums != "linear" else None
