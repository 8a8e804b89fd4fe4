"""Convolution layers; the mathematics stands in ``minidl/ops/convolution.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.errors import ArgumentError, ShapeError
from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._affine import AffineLayer, AffineOptions
from minidl.layers._windows import WindowLayer
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x
from minidl.ops.linear import bias_grad


class Conv(WindowLayer, AffineLayer, abstract=True):
    """Convolution over ``rank`` spatial axes; see ``Conv2D``."""

    paddings: tuple[str, ...] = ("valid", "same")
    replays = True
    outputs_last = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        **options: Unpack[AffineOptions],
    ) -> None:
        # The data format goes on to ImageLayer, a base of WindowLayer.
        super().__init__(activation, use_bias, data_format=data_format, **options)  # type: ignore[call-arg]
        where = type(self).__name__
        self.filters = check_integer(where, "filters", filters)
        self.groups = check_integer(where, "groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(where, f"filters={filters}, groups={groups}", "filters divisible by groups")
        check_padding(where, padding, self.paddings)
        self.kernel_size = positive_integers(where, "kernel_size", kernel_size, self.rank)
        self.strides = positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.dilation_rate = positive_integers(where, "dilation_rate", dilation_rate, self.rank)
        self.window = Window(self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def build(self, input_shape: Shape) -> None:
        """Make W (*kernel_size, channels / groups, filters) and b (filters,)."""
        channels = self.split_shape(input_shape)[1]
        self.make_kernel((*self.window.size, channels // self.groups, self.filters), self.filters)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Spatial shape by the window's arithmetic, ``filters`` channels."""
        channels = self.split_shape(input_shape)[1]
        if channels % self.groups:
            raise ShapeError(self.label, f"{channels} channels", f"a multiple of groups={self.groups}")
        self.channels_of(input_shape)
        return self.join_shape(self.spatial_output(input_shape, self.window), self.filters)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x * W + b); keeps x and what f needs."""
        x = self.to_last(x)
        f = self.behind
        z = convolve(x, self.W.value, self.bias, self.window, self.groups, f.in_sums)
        y, of_f = f.behind_sums(z, context)  # a softmax, too, runs over the channels
        return self.from_last(y), ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, with dz = dy f'(z); see the op for dW, db and dx."""
        x, of_f = saved
        dz = self.behind.gradient(self.to_last(dy), of_f)
        self.W.accumulate(convolve_grad_W, x, dz, self.window, self.groups)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        if not need_dx:
            return None
        return self.from_last(convolve_grad_x(dz, self.W.value, x.shape[1:-1], self.window, self.groups))


class Conv1D(Conv):
    """y[n, i, f] = b[f] + sum_{k, c} x[n, i s + k d - p, c] W[k, c, f], then the activation: along a sequence.

    (batch, steps, channels) -> (batch, out steps, filters). Before and behind the sequence x is zero.

    Args:
        padding: ``"valid"``, ``"same"``, or ``"causal"``: all zeros come in front, so that y[i] depends on no x behind x[i s].
        filters, kernel_size and all others: as for ``Conv2D``, with one axis.

    Masks end here, as a window looks at several steps together. Source: Waibel et al. 1989; van den Oord et al. 2016 (causal).

    >>> layer = Conv1D(8, kernel_size=3, padding="causal", dilation_rate=2)
    >>> layer.build((10, 4)); layer.output_shape((10, 4)), layer.count_params()
    ((10, 8), 104)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(Conv):
    """y[n, i, j, f] = b[f] + sum_{k, l, c} x[n, i s + k d - p, j s + l d - p, c] W[k, l, c, f], then the activation.

    (batch, height, width, channels) -> (batch, out height, out width, filters); with channels_first the channels stand
    before the height. Outside the image x is zero.

    Args:
        filters: number of feature maps f.
        kernel_size: window (k, l); one number means a square.
        strides: s, steps of the window.
        padding: ``"valid"`` (windows inside the image only) or ``"same"`` (output size = ceil(input size / s)).
        data_format: ``"channels_last"``, ``"channels_first"``, or None for the one in ``minidl.config``.
        dilation_rate: d, distance between the window's taps.
        groups: the channels and filters are cut into this many independent convolutions.
        activation, use_bias and the initializers, regularizers and constraints: as for ``Dense``.

    Raises ArgumentError and ArgumentTypeError for arguments out of range, ShapeError at ``build``.
    Source: Lecture 2018, Practical 2020, Lecture 2020; LeCun et al. 1989.

    >>> layer = Conv2D(20, kernel_size=5, padding="same")
    >>> layer.build((28, 28, 1)); layer.output_shape((28, 28, 1)), layer.count_params()
    ((28, 28, 20), 520)
    """

    rank = 2


class Conv3D(Conv):
    """As ``Conv2D`` with three spatial axes: (batch, height, width, depth, channels) -> (batch, *out, filters).

    The third axis is a spatial depth, the time of a film, or the spectrum of a pixel. Arguments: as for ``Conv2D``; one number
    means a cube. Source: Ghent 6; Ji et al. 2013.

    >>> layer = Conv3D(48, kernel_size=(3, 3, 5))
    >>> layer.build((9, 9, 220, 1)); layer.output_shape((9, 9, 220, 1)), layer.count_params()
    ((7, 7, 216, 48), 2208)
    """

    rank = 3
