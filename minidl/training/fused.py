"""What the plan puts in the place of a layer that ends in ReLU: the same layer, computed in one pass.

The layer stays the user's: its parameters and its gradient are used as they are at each call, and a layer whose activation
was changed since is computed as it stands.
"""

from __future__ import annotations

from typing import Any

from minidl.layers.base import Layer, Shape
from minidl.layers.convolution import Conv
from minidl.layers.dense import Dense
from minidl.ops.fused import convolve_relu, dense_relu


class _InOnePass(Layer):
    """Around ``layer``, a Dense or Conv layer whose activation is ReLU."""

    def __init__(self, layer: Any) -> None:
        super().__init__(name=layer.name)
        self.layer, self._class_name = layer, layer._class_name

    def output_shape(self, input_shape: Shape) -> Shape:
        """The layer's."""
        return self.layer.output_shape(input_shape)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """The layer's, which needs of ReLU only its result."""
        return self.layer.gradient(dy, saved, need_dx)


class DenseReLU(_InOnePass):
    """y = relu(x W + b)."""

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y; keeps what ``Dense`` keeps."""
        layer = self.layer
        if layer.activation.activation != "relu":
            return layer.apply(x, training, keep)
        y = dense_relu(x, layer.W.value, layer.b.value if layer.b is not None else None)
        return y, ((x, y) if keep else None)


class ConvReLU(_InOnePass):
    """y = relu(x * W + b)."""

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y; keeps what ``Conv`` keeps."""
        layer = self.layer
        if layer.activation.activation != "relu":
            return layer.apply(x, training, keep)
        x = layer.to_last(x)
        y = convolve_relu(x, layer.W.value, layer.b.value if layer.b is not None else None, layer.window, layer.groups)
        return layer.from_last(y), ((x, y) if keep else None)


def in_one_pass(layer: Layer) -> Layer:
    """``layer``, or what computes it and its ReLU together."""
    activation = getattr(layer, "activation", None)
    if activation is None or type(layer).gradient not in (Dense.gradient, Conv.gradient):
        return layer
    if activation.activation != "relu":
        return layer
    if type(layer).apply is Dense.apply:
        return DenseReLU(layer)
    return ConvReLU(layer) if type(layer).apply is Conv.apply else layer
