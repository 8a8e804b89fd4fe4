"""Penalties on what a layer gives, as part of the loss: L + (1 / n) sum_i R(y_i) for the n samples of a batch."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.regularizers import L1L2


class ActivityRegularization(Layer):
    """y = x, and (1 / n) sum (l1 abs(x) + l2 x^2) is added to the loss: dx = dy + (l1 sign(x) + 2 l2 x) / n.

    Args:
        l1, l2: the two coefficients.

    The mean over the batch is Keras 3's; Keras 2 took the sum (see ``minidl.profile``).

    >>> import numpy as np
    >>> layer, x = ActivityRegularization(l2=0.5), np.array([[1.0, 3.0]])
    >>> context = Context(training=True)
    >>> _, saved = layer.apply(x, context)
    >>> float(context.penalty), layer.gradient(np.zeros((1, 2)), saved).tolist()
    (5.0, [[1.0, 3.0]])
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.activity_regularizer = L1L2(l1, l2)
        self.l1, self.l2 = self.activity_regularizer.l1, self.activity_regularizer.l2

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = x; keeps x."""
        context.penalize(penalty(self, x))
        return x, (x if context.keep and context.penalties else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return dy if saved is None or not need_dx else dy + penalty_grad(self, saved)


class Penalized:
    """The activation of a layer whose result is penalised: the pair ``apply`` and ``gradient`` of both together."""

    in_sums = "linear"

    def __init__(self, layer: Any) -> None:
        self.activation, self.layer = layer.activation, layer

    def behind_sums(self, z: Any, context: Context) -> tuple[Any, Any]:
        """y = f(z); keeps what f needs, and y."""
        y, of_activation = self.activation.apply(z, context)
        context.penalize(penalty(self.layer, y))
        return y, ((of_activation, y if context.penalties else None) if context.keep else None)

    def gradient(self, dy: Any, saved: Any) -> Any:
        """dz."""
        of_activation, y = saved
        return self.activation.gradient(dy if y is None else dy + penalty_grad(self.layer, y), of_activation)


def penalty(layer: Layer, y: Any) -> Any:
    """The mean over the batch of R(y_i), R being the layer's activity regularizer; 0 for a batch without samples."""
    return layer.activity_regularizer.value(y) / _divisor(layer, y)


def penalty_grad(layer: Layer, y: Any) -> Any:
    """Its derivative by y."""
    return layer.activity_regularizer.gradient(y) / _divisor(layer, y)


def _divisor(layer: Layer, y: Any) -> int:
    """The number of samples, or 1 where a layer was made to take the sum over them."""
    return max(len(y), 1) if layer.activity_penalty == "mean" else 1
