"""What layers share whose result is y = f(z): the activation f, a penalty on y, and how the plan may take f off or add it."""

from __future__ import annotations

import copy
from typing import Any

from minidl import regularizers
from minidl.layers import activation as activations
from minidl.layers._protocol import is_unchanged as is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.activity import Penalized
from minidl.layers.base import Layer


class Activated(Layer, abstract=True):
    """Base of Dense and convolution layers.

    Attributes:
        activation: f, an ``Activation``; may be replaced.
        activity_regularizer: a penalty on y, or None.
    """

    activation: Activation
    activity_regularizer: Any = None

    def set_activation(self, activation: Any, activity_regularizer: Any) -> None:
        """Keep both arguments of the constructor."""
        where = type(self).__name__
        self.activation = activations.get(activation, where)
        self.activity_regularizer = regularizers.get(activity_regularizer, f"{where}: activity_regularizer")

    @property
    def behind(self) -> Any:
        """What is computed behind z: the activation, and the penalty on its result where there is one."""
        return self.activation if self.activity_regularizer is None else Penalized(self.activation, self.activity_regularizer)

    def _shown_arguments(self) -> dict[str, Any]:
        """The identity is what None means."""
        shown = super()._shown_arguments()
        return shown | ({"activation": None} if self.activation.is_linear else {})

    # -- for the plan --------------------------------------------------------------------------------------------------

    def absorb(self, follower: Layer) -> Layer | None:
        """The layer with the activation that stands behind it as its own, where it has none."""
        linear = self.activation.is_linear and self.activity_regularizer is None
        if not (linear and is_unchanged(self) and isinstance(follower, Activation) and is_unchanged(follower)):
            return None
        return self._with(follower) if follower.in_sums != "linear" else None

    @property
    def final_activation(self) -> Activation | None:
        """The activation."""
        return self.activation.final_activation if is_unchanged(self) and self.activity_regularizer is None else None

    def without_activation(self) -> Layer:
        """The same layer with the identity in place of f."""
        return self._with(Activation("linear"))

    def _with(self, activation: Activation) -> Layer:
        other = copy.copy(self)
        other.activation = activation
        return other
