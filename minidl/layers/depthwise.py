"""Depthwise convolution layers: a convolution in groups of one channel (``minidl/ops/convolution.py``)."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._affine import ActivatedOptions
from minidl.layers._windows import WindowLayer
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x
from minidl.ops.linear import bias_grad
from minidl.parameters import Parameter


def in_groups(W: Any) -> Any:
    """W (*size, c, m) as the kernel (*size, 1, c m) of a convolution in c groups: filter c m + k is number k of channel c."""
    return W.reshape(*W.shape[:-2], 1, W.shape[-2] * W.shape[-1])


def grad_in_groups(x: Any, dy: Any, window: Window, out: Any = None) -> Any:
    """dW (*size, c, m): the gradient of that kernel, in the shape of W; it is small, and never written to ``out``."""
    return convolve_grad_W(x, dy, window, x.shape[-1]).reshape(*window.size, x.shape[-1], -1)


class DepthwiseConv(WindowLayer, abstract=True):
    """Depthwise convolution over ``rank`` spatial axes; see ``DepthwiseConv2D``."""

    W: Parameter
    depthwise_initializer: Any
    depthwise_regularizer: Any
    depthwise_constraint: Any

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        *,
        depthwise_initializer: Any = "glorot_uniform",
        depthwise_regularizer: Any = None,
        depthwise_constraint: Any = None,
        **options: Unpack[ActivatedOptions],
    ) -> None:
        # The data format goes on to ImageLayer, a base of WindowLayer.
        super().__init__(activation, use_bias, data_format=data_format, **options)  # type: ignore[call-arg]
        where = type(self).__name__
        check_padding(where, padding)
        self.kernel_size = positive_integers(where, "kernel_size", kernel_size, self.rank)
        self.strides = positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.depth_multiplier = check_integer(where, "depth_multiplier", depth_multiplier)
        self.dilation_rate = positive_integers(where, "dilation_rate", dilation_rate, self.rank)
        self.take_terms("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self.window = Window(self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def build(self, input_shape: Shape) -> None:
        """Make W (*kernel_size, channels, depth_multiplier) and b (channels depth_multiplier,)."""
        channels = self.channels_of(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.W = self.new_parameter("W", shape, self.depthwise_initializer, **self.terms("depthwise"))
        self.make_bias(channels * self.depth_multiplier)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Spatial shape by the window's arithmetic, ``depth_multiplier`` channels for each of the input."""
        channels = self.channels_of(input_shape) * self.depth_multiplier
        return self.join_shape(self.spatial_output(input_shape, self.window), channels)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(z), z the convolution in groups; keeps x and what f needs."""
        x = self.to_last(x)
        f = self.behind
        z = convolve(x, in_groups(self.W.value), self.bias, self.window, x.shape[-1], f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return self.from_last(y), ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, with dz = dy f'(z)."""
        x, of_f = saved
        dz = self.behind.gradient(self.to_last(dy), of_f)
        self.W.accumulate(grad_in_groups, x, dz, self.window)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        if not need_dx:
            return None
        return self.from_last(convolve_grad_x(dz, in_groups(self.W.value), x.shape[1:-1], self.window, x.shape[-1]))


class DepthwiseConv1D(DepthwiseConv):
    """As ``DepthwiseConv2D`` along a sequence: (batch, steps, channels) -> (batch, out steps, channels m).

    >>> layer = DepthwiseConv1D(kernel_size=3, depth_multiplier=2)
    >>> layer.build((10, 4)); layer.output_shape((10, 4)), layer.count_params()
    ((8, 8), 32)
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """y[n, i, j, c m + q] = b[c m + q] + sum_{k, l} x[n, i s + k d - p, j s + l d - p, c] W[k, l, c, q], then the activation.

    Each channel is convolved by itself, with m kernels of its own: (batch, height, width, channels) -> (batch, out height,
    out width, channels m). What belongs to one channel stands together in y.

    Args:
        kernel_size: window (k, l); one number means a square.
        strides, padding, data_format, dilation_rate, activation, use_bias: as for ``Conv2D``.
        depth_multiplier: m, kernels for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of W, as the kernel's of ``Conv2D``; those of the
            bias and the activity as there.

    W has the shape (*kernel_size, channels, m). Raises ArgumentError and ArgumentTypeError for arguments out of range,
    ShapeError at ``build``. Source: Sifre 2014; Howard et al. 2017.

    >>> layer = DepthwiseConv2D(kernel_size=3, padding="same")
    >>> layer.build((14, 14, 32)); layer.output_shape((14, 14, 32)), layer.count_params()
    ((14, 14, 32), 320)
    """

    rank = 2
