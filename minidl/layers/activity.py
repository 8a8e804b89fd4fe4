"""Penalties on what a layer gives, as part of the loss: L + (1 / n) sum_i R(y_i) for the n samples of a batch."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import regularizers
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.regularizers import L1L2


class ActivityRegularization(Layer):
    """y = x, and (1 / n) sum (l1 abs(x) + l2 x^2) is added to the loss: dx = dy + (l1 sign(x) + 2 l2 x) / n.

    Args:
        l1, l2: the two coefficients.

    The mean over the batch is Keras 3's; Keras 2 took the sum.

    >>> import numpy as np
    >>> layer, x = ActivityRegularization(l2=0.5), np.array([[1.0, 3.0]])
    >>> context = Context(training=True)
    >>> _, saved = layer.apply(x, context)
    >>> float(context.penalty), layer.gradient(np.zeros((1, 2)), saved).tolist()
    (5.0, [[1.0, 3.0]])
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.regularizer = L1L2(l1, l2)
        self.l1, self.l2 = self.regularizer.l1, self.regularizer.l2

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = x; keeps x."""
        context.penalize(penalty(self.regularizer, x))
        return x, (x if context.keep and context.penalties else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return dy if saved is None or not need_dx else dy + penalty_grad(self.regularizer, saved)


class Penalized:
    """An activation whose result is penalised: the pair ``apply`` and ``gradient`` of both together."""

    in_sums = "linear"

    def __init__(self, activation: Any, regularizer: regularizers.Regularizer) -> None:
        self.activation, self.regularizer = activation, regularizer

    def behind_sums(self, z: Any, context: Context) -> tuple[Any, Any]:
        """y = f(z); keeps what f needs, and y."""
        y, of_activation = self.activation.apply(z, context)
        context.penalize(penalty(self.regularizer, y))
        return y, ((of_activation, y if context.penalties else None) if context.keep else None)

    def gradient(self, dy: Any, saved: Any) -> Any:
        """dz."""
        of_activation, y = saved
        return self.activation.gradient(dy if y is None else dy + penalty_grad(self.regularizer, y), of_activation)


def penalty(regularizer: regularizers.Regularizer, y: Any) -> Any:
    """The mean over the batch of R(y_i); 0 for a batch without samples."""
    return regularizer.value(y) / max(len(y), 1)


def penalty_grad(regularizer: regularizers.Regularizer, y: Any) -> Any:
    """Its derivative by y."""
    return regularizer.gradient(y) / max(len(y), 1)
