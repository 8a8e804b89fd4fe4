"""Layer normalisation; the mathematics stands in ``minidl/ops/layer_normalization.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend.tape import refuse
from minidl.errors import ShapeError
from minidl.layers._axes import AtTheEnd, check_axes, known_sizes, refuse_mask, sample_axes
from minidl.layers._scaled import ScaledLayer, ScaledOptions
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.layer_normalization import layer_normalize, layer_normalize_grad


class LayerNormalization(ScaledLayer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with mean and variance of each sample along ``axis``.

    It computes the same in training and in inference, and for a sample by itself the same as within a batch.

    Args:
        axis: one axis or several, counted with the batch axis. gamma and beta have the sizes along them.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer and their regularizers and constraints: as for ``BatchNormalization``.

    A mask is passed on, as time steps do not know of each other; along the time axis there may be none.
    Weights in Keras's order: gamma, beta. Source: Ba, Kiros and Hinton 2016.

    >>> import numpy as np
    >>> LayerNormalization(epsilon=1e-6)(np.array([[1.0, 2.0, 3.0]])).round(3)
    array([[-1.225,  0.   ,  1.225]], dtype=float32)
    """

    replays = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **options: Unpack[ScaledOptions],
    ) -> None:
        super().__init__(epsilon, center, scale, **options)
        self.axis = check_axes("LayerNormalization", axis)

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta."""
        self.make_scale(self._sizes(input_shape))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        sizes = self._sizes(input_shape)
        p = None if self.input_shape is None else self.gamma or self.beta
        if p is not None and sizes != p.shape:
            received, expected = f"samples of shape {tuple(input_shape)}", f"sizes {p.shape} along axis {self.axis}"
            raise ShapeError(self.label, received, f"{expected}, as it was built for")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x, with the axes at the end, and the statistics."""
        axes = sample_axes(self.label, self.axis, x.ndim - 1)
        refuse_mask(self.label, context.mask, x, axes)
        turn = AtTheEnd(x.shape, axes)
        if not turn.is_plain:
            refuse(f"{self.label} turns its input")
        x = turn.there(x)
        y, mean, r = layer_normalize(x, *self.flat_scale(), self.epsilon)
        return turn.back(y), ((turn, x, mean, r) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; see the op."""
        turn, x, mean, r = saved
        dx, dgamma, dbeta = layer_normalize_grad(turn.there(dy), x, mean, r, self.flat_scale()[0])
        self.add_grads(dgamma, dbeta)
        return turn.back(dx) if need_dx else None

    def _sizes(self, input_shape: Shape) -> tuple[int, ...]:
        """The sizes along the axes, which must be known where there are parameters."""
        axes = sample_axes(self.label, self.axis, len(input_shape))
        if self.scale or self.center:
            return known_sizes(self.label, input_shape, axes)
        return tuple(input_shape[axis] for axis in axes)
