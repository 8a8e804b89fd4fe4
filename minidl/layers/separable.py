"""Separable convolution layers: each channel by itself, then the channels among each other (``minidl/ops/convolution.py``)."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._affine import ActivatedOptions
from minidl.layers._windows import WindowLayer
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.layers.depthwise import grad_in_groups, in_groups
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x
from minidl.ops.linear import bias_grad
from minidl.parameters import Parameter


class SeparableConv(WindowLayer, abstract=True):
    """Separable convolution over ``rank`` spatial axes; see ``SeparableConv2D``."""

    D: Parameter
    P: Parameter
    depthwise_initializer: Any
    depthwise_regularizer: Any
    depthwise_constraint: Any
    pointwise_initializer: Any
    pointwise_regularizer: Any
    pointwise_constraint: Any

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        *,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        **options: Unpack[ActivatedOptions],
    ) -> None:
        # The data format goes on to ImageLayer, a base of WindowLayer.
        super().__init__(activation, use_bias, data_format=data_format, **options)  # type: ignore[call-arg]
        where = type(self).__name__
        self.filters = check_integer(where, "filters", filters)
        check_padding(where, padding)
        self.kernel_size = positive_integers(where, "kernel_size", kernel_size, self.rank)
        self.strides = positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.dilation_rate = positive_integers(where, "dilation_rate", dilation_rate, self.rank)
        self.depth_multiplier = check_integer(where, "depth_multiplier", depth_multiplier)
        self.take_terms("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.take_terms("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self.window = Window(self.kernel_size, self.strides, self.padding, self.dilation_rate)
        self.point = Window((1,) * self.rank)

    def build(self, input_shape: Shape) -> None:
        """Make D (*kernel_size, channels, m), P (1, ..., channels m, filters) and b (filters,)."""
        channels = self.channels_of(input_shape)
        of_channels = (*self.kernel_size, channels, self.depth_multiplier)
        of_points = (*self.point.size, channels * self.depth_multiplier, self.filters)
        self.D = self.new_parameter("D", of_channels, self.depthwise_initializer, **self.terms("depthwise"))
        self.P = self.new_parameter("P", of_points, self.pointwise_initializer, **self.terms("pointwise"))
        self.make_bias(self.filters)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Spatial shape by the window's arithmetic, ``filters`` channels."""
        self.channels_of(input_shape)
        return self.join_shape(self.spatial_output(input_shape, self.window), self.filters)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(h * P + b), h = x * D; keeps x, h and what f needs."""
        x = self.to_last(x)
        f = self.behind
        h = convolve(x, in_groups(self.D.value), None, self.window, x.shape[-1])
        z = convolve(h, self.P.value, self.bias, self.point, 1, f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return self.from_last(y), ((x, h, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, with dz = dy f'(z) and dh from it."""
        x, h, of_f = saved
        dz = self.behind.gradient(self.to_last(dy), of_f)
        self.P.accumulate(convolve_grad_W, h, dz, self.point)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        if not (need_dx or self.D.trainable):
            return None
        dh = convolve_grad_x(dz, self.P.value, h.shape[1:-1], self.point)
        self.D.accumulate(grad_in_groups, x, dh, self.window)
        if not need_dx:
            return None
        return self.from_last(convolve_grad_x(dh, in_groups(self.D.value), x.shape[1:-1], self.window, x.shape[-1]))


class SeparableConv1D(SeparableConv):
    """As ``SeparableConv2D`` along a sequence: (batch, steps, channels) -> (batch, out steps, filters).

    >>> layer = SeparableConv1D(8, kernel_size=3)
    >>> layer.build((10, 4)); layer.output_shape((10, 4)), layer.count_params()
    ((8, 8), 52)
    """

    rank = 1


class SeparableConv2D(SeparableConv):
    """h = x * D, each channel by itself; y = f(h * P + b), P of 1 x 1 pixels among the channels of h.

    (batch, height, width, channels) -> (batch, out height, out width, filters), with m (k l + filters) channels weights where
    ``Conv2D`` has k l filters channels.

    Args:
        filters: number of channels of y.
        kernel_size, strides, padding, data_format, dilation_rate: of the first step, as for ``Conv2D``.
        depth_multiplier: m, kernels for each channel in the first step.
        activation, use_bias: behind the second step.
        depthwise_initializer, pointwise_initializer and their regularizers and constraints: of D and P, as the kernel's of
            ``Conv2D``; those of the bias and the activity as there.

    D has the shape (*kernel_size, channels, m), P (1, 1, channels m, filters). Raises ArgumentError and ArgumentTypeError for
    arguments out of range, ShapeError at ``build``. Source: Chollet 2017.

    >>> layer = SeparableConv2D(64, kernel_size=3, padding="same")
    >>> layer.build((14, 14, 32)); layer.output_shape((14, 14, 32)), layer.count_params()
    ((14, 14, 64), 2400)
    """

    rank = 2
