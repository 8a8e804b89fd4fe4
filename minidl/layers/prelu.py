"""A rectifier with a learned slope; the mathematics stands in ``minidl/ops/prelu.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.errors import ShapeError
from minidl.layers._axes import check_axes, known_sizes, sample_axes
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.prelu import prelu, prelu_grad


class PReLU(Layer):
    """y = x where x > 0, else alpha x; the slope alpha is learned.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha, as those of ``Dense``.
        shared_axes: axes, counted with the batch axis, along which all numbers have one alpha; None: each number of a sample
            has its own. For images with a slope for each channel: ``shared_axes=(1, 2)``.

    alpha has the shape of a sample, with 1 along the shared axes. An axis of unknown length has to be shared.
    Source: He et al. 2015.

    >>> layer = PReLU(shared_axes=(1, 2))
    >>> layer.build((28, 28, 16)); layer.alpha.shape
    (1, 1, 16)
    """

    replays = True

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.alpha_initializer = initializers.get(alpha_initializer, "PReLU: alpha_initializer")
        self.alpha_regularizer = regularizers.get(alpha_regularizer, "PReLU: alpha_regularizer")
        self.alpha_constraint = constraints.get(alpha_constraint, "PReLU: alpha_constraint")
        none = shared_axes is None or (isinstance(shared_axes, (tuple, list)) and not shared_axes)
        self.shared_axes = None if none else check_axes("PReLU", shared_axes, "shared_axes")

    def build(self, input_shape: Shape) -> None:
        """Make alpha."""
        self.alpha = self.new_parameter("alpha", self._alpha_shape(input_shape), self.alpha_initializer, **self.terms("alpha"))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        shape = self._alpha_shape(input_shape)
        if self.input_shape is not None and shape != self.alpha.shape:
            received, expected = f"samples of shape {tuple(input_shape)}", f"those of slopes of shape {self.alpha.shape}"
            raise ShapeError(self.label, received, expected, "shared_axes for axes of other lengths")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x."""
        if x.shape[1:] != self.input_shape:
            self.output_shape(x.shape[1:])
        return prelu(x, self.alpha.value), (x if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; see the op."""
        dx, dalpha = prelu_grad(dy, saved, self.alpha.value)
        self.alpha.add_grad(dalpha)
        return dx if need_dx else None

    def _alpha_shape(self, input_shape: Shape) -> tuple[int, ...]:
        rank = len(input_shape)
        shared = () if self.shared_axes is None else sample_axes(self.label, self.shared_axes, rank, "shared_axes")
        known_sizes(self.label, input_shape, tuple(axis for axis in range(rank) if axis not in shared))
        return tuple(1 if axis in shared else input_shape[axis] for axis in range(rank))
