"""Layers with local connections and no shared weights; the mathematics stands in ``minidl/ops/locally_connected.py``."""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.errors import ShapeError
from minidl.geometry import Window, check_padding, positive_integers
from minidl.layers._affine import AffineLayer, AffineOptions
from minidl.layers._windows import WindowLayer
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.locally_connected import connect, connect_grad_b, connect_grad_W, connect_grad_x


class LocallyConnected(WindowLayer, AffineLayer, abstract=True):
    """Local connections over ``rank`` spatial axes; see ``LocallyConnected2D``."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
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
        self.window = Window(self.kernel_size, self.strides, self.padding)

    def build(self, input_shape: Shape) -> None:
        """Make W (positions, taps channels, filters) and b (*out, filters)."""
        out = self.spatial_output(input_shape, self.window)
        shape = (prod(out), self.window.taps * self.channels_of(input_shape), self.filters)
        self.W = self.new_parameter("W", shape, self.kernel_initializer, **self.terms("kernel"))
        self.make_bias(*out, self.filters)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Spatial shape by the window's arithmetic, ``filters`` channels; every position has weights of its own."""
        out = self.spatial_output(input_shape, self.window)
        if self.input_shape is not None and tuple(input_shape) != self.input_shape:
            received, expected = f"samples of shape {tuple(input_shape)}", f"{self.input_shape}, as it was built for"
            raise ShapeError(self.label, received, expected, f"Conv{self.rank}D, whose weights are shared, takes every size")
        return self.join_shape(out, self.filters)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(z), z linear in each window; keeps x and what f needs."""
        x = self.to_last(x)
        f = self.behind
        z = connect(x, self.W.value, self.bias, self.window, f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return self.from_last(y), ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, with dz = dy f'(z); see the op for dW, db and dx."""
        x, of_f = saved
        dz = self.behind.gradient(self.to_last(dy), of_f)
        self.W.accumulate(connect_grad_W, x, dz, self.window)
        if self.b is not None:
            self.b.accumulate(connect_grad_b, dz)
        return self.from_last(connect_grad_x(dz, self.W.value, x.shape[1:-1], self.window)) if need_dx else None


class LocallyConnected1D(LocallyConnected):
    """As ``LocallyConnected2D`` along a sequence: (batch, steps, channels) -> (batch, out steps, filters).

    W has the shape (out steps, kernel_size channels, filters), b (out steps, filters).

    >>> layer = LocallyConnected1D(8, kernel_size=3)
    >>> layer.build((10, 4)); layer.output_shape((10, 4)), layer.count_params()
    ((8, 8), 832)
    """

    rank = 1


class LocallyConnected2D(LocallyConnected):
    """y[n, i, j, f] = b[i, j, f] + sum_{k, l, c} x[n, i s + k - p, j s + l - p, c] W[(i, j), (k, l, c), f], and the activation.

    A convolution whose kernel is another one at every position, for images in which the same thing always stands at the same
    place, such as faces. (batch, height, width, channels) -> (batch, out height, out width, filters).

    Args:
        filters: number of feature maps f.
        kernel_size: window (k, l); one number means a square.
        strides: s, steps of the window.
        padding: ``"valid"`` or ``"same"``, as for ``Conv2D``.
        data_format, activation, use_bias and the initializers, regularizers and constraints: as for ``Conv2D``.

    W has the shape (out height out width, k l channels, filters) and b (out height, out width, filters), in either data
    format. As in Keras 2, which had this layer, an initializer counts the positions among the connections of an output, so that
    ``"glorot_uniform"`` draws small numbers; ``RandomNormal(stddev=(k * l * channels) ** -0.5)`` does not.

    Raises ArgumentError and ArgumentTypeError for arguments out of range, ShapeError at ``build`` and for images of another
    size than the first. Source: Lecture 2020; LeCun 1989.

    >>> layer = LocallyConnected2D(4, kernel_size=(3, 2), strides=2)
    >>> layer.build((7, 6, 3)); layer.output_shape((7, 6, 3)), layer.count_params()
    ((3, 3, 4), 684)
    """

    rank = 2
