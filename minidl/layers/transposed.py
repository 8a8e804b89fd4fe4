"""Transposed convolution layers; the mathematics stands in ``minidl/ops/transposed_convolution.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.geometry import check_padding, positive_integers, transposed_window
from minidl.layers._affine import AffineLayer, AffineOptions
from minidl.layers._windows import WindowLayer
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.convolution import convolve, convolve_grad_W
from minidl.ops.linear import bias_grad
from minidl.ops.transposed_convolution import convolve_transposed


class ConvTranspose(WindowLayer, AffineLayer, abstract=True):
    """Transposed convolution over ``rank`` spatial axes; see ``Conv2DTranspose``."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        **options: Unpack[AffineOptions],
    ) -> None:
        # The data format goes on to ImageLayer, a base of WindowLayer.
        super().__init__(activation, use_bias, data_format=data_format, **options)  # type: ignore[call-arg]
        where = type(self).__name__
        self.filters = check_integer(where, "filters", filters)
        check_padding(where, padding)
        self.kernel_size = positive_integers(where, "kernel_size", kernel_size, self.rank)
        self.strides = positive_integers(where, "strides", strides, self.rank)
        self.padding = padding
        self.output_padding = None if output_padding is None else self._below_strides(output_padding)
        self.dilation_rate = positive_integers(where, "dilation_rate", dilation_rate, self.rank)
        self.window, self.rest = transposed_window(
            self.kernel_size, self.strides, self.padding, self.dilation_rate, self.output_padding
        )

    def _below_strides(self, value: Any) -> tuple[int, ...]:
        """``output_padding`` as one number for each axis, which must be at least 0 and below the stride."""
        where, received = type(self).__name__, f"output_padding={value!r}"
        items = tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.rank
        expected = f"an integer or {self.rank} of them, 0 to the stride - 1, for strides={self.strides}"
        if any(isinstance(item, bool) or not hasattr(item, "__index__") for item in items):
            raise ArgumentTypeError(where, f"{received} of type {type(value).__name__}", expected)
        if len(items) != self.rank or any(not 0 <= int(o) < s for o, s in zip(items, self.strides)):
            raise ArgumentError(where, received, expected)
        return tuple(int(item) for item in items)

    def build(self, input_shape: Shape) -> None:
        """Make W (*kernel_size, filters, channels) and b (filters,)."""
        self.make_kernel((*self.kernel_size, self.filters, self.channels_of(input_shape)), self.filters)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(n - 1) s + r along each axis of length n, ``filters`` channels."""
        self.channels_of(input_shape)
        out = self._larger(self.split_shape(input_shape)[0])
        if min(out) < 1:
            received = f"samples of shape {tuple(input_shape)}, which give an output of spatial shape {out}"
            raise ShapeError(self.label, received, "at least 1 along every axis", "a larger output_padding, or None")
        return self.join_shape(out, self.filters)

    def _larger(self, spatial: Shape) -> Shape:
        return tuple((n - 1) * s + r for n, s, r in zip(spatial, self.strides, self.rest))

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(z), z = the transposed convolution of x; keeps x and what f needs."""
        x = self.to_last(x)
        f = self.behind
        z = convolve_transposed(x, self.W.value, self.bias, self._larger(x.shape[1:-1]), self.window, f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return self.from_last(y), ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, with dz = dy f'(z): x and dz have changed places in the convolution's own formulas."""
        x, of_f = saved
        dz = self.behind.gradient(self.to_last(dy), of_f)
        self.W.accumulate(convolve_grad_W, dz, x, self.window)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return self.from_last(convolve(dz, self.W.value, None, self.window)) if need_dx else None


class Conv1DTranspose(ConvTranspose):
    """As ``Conv2DTranspose`` along a sequence: (batch, steps, channels) -> (batch, (steps - 1) s + r, filters).

    >>> layer = Conv1DTranspose(4, kernel_size=3, strides=2, padding="same")
    >>> layer.build((5, 2)); layer.output_shape((5, 2)), layer.count_params()
    ((10, 4), 28)
    """

    rank = 1


class Conv2DTranspose(ConvTranspose):
    """y = f(b + the transpose of a convolution): every x puts x W down where the window stands, and what overlaps adds up.

    y[n, i s + k d - p, j s + l d - p, f] is the sum of x[n, i, j, c] W[k, l, f, c] over all that lands there.
    (batch, height, width, channels) -> (batch, (height - 1) s + r, (width - 1) s + r, filters), where r depends on the
    window's span e = (kernel_size - 1) d + 1: by default max(e, s), and s with ``"same"``.

    Args:
        filters: number of channels of y.
        kernel_size: window (k, l); one number means a square.
        strides: s, by how much the image grows.
        padding: ``"valid"`` (nothing is cut off) or ``"same"`` (s times the size).
        output_padding: None, or what is added behind: then r = e + ``output_padding``, and with ``"same"``
            r = ``output_padding`` + (1 where e is odd). Below s.
        data_format, dilation_rate, activation, use_bias and the initializers, regularizers and constraints: as for ``Conv2D``.

    W has the shape (*kernel_size, filters, channels). Raises ArgumentError and ArgumentTypeError for arguments out of range,
    ShapeError for images of which nothing would be left.
    Source: Zeiler et al. 2010; docs/derivations/transposed_convolution.md.

    >>> layer = Conv2DTranspose(8, kernel_size=3, strides=2, padding="same")
    >>> layer.build((7, 7, 16)); layer.output_shape((7, 7, 16)), layer.count_params()
    ((14, 14, 8), 1160)
    """

    rank = 2


class Conv3DTranspose(ConvTranspose):
    """As ``Conv2DTranspose`` with three spatial axes; in Keras's order, ``data_format`` stands before ``output_padding`` here.

    >>> Conv3DTranspose(2, kernel_size=2, strides=(1, 2, 2)).output_shape((3, 4, 5, 1))
    (4, 8, 10, 2)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        **options: Unpack[AffineOptions],
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias, **options
        )
