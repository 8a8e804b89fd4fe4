"""What dense and convolution layers share: y = f(z), where z is linear in x, with a kernel W and a bias b."""

from __future__ import annotations

import copy
from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.checks import check_flag
from minidl.layers import activation as activations
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.activity import Penalized
from minidl.layers.base import Layer, LayerOptions
from minidl.parameters import Parameter


class AffineOptions(LayerOptions, total=False):
    """The arguments that these layers take by keyword, for ``**options: Unpack[AffineOptions]``."""

    kernel_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    bias_regularizer: Any
    activity_regularizer: Any
    kernel_constraint: Any
    bias_constraint: Any


class AffineLayer(Layer, abstract=True):
    """Base of dense and convolution layers.

    Args:
        activation: f, a name or an ``Activation``; None is the identity.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: how W and b begin: names or objects of ``minidl.initializers``.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on W, b and y that are added to the loss: names
            or objects of ``minidl.regularizers``, or None.
        kernel_constraint, bias_constraint: what holds for W and b after every step: names or objects of
            ``minidl.constraints``, or None.
    """

    W: Parameter
    b: Parameter | None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        *,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = type(self).__name__
        self.activation = activations.get(activation, where)
        self.use_bias = check_flag(where, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, f"{where}: kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, f"{where}: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{where}: kernel_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{where}: bias_regularizer")
        self.activity_regularizer = regularizers.get(activity_regularizer, f"{where}: activity_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{where}: kernel_constraint")
        self.bias_constraint = constraints.get(bias_constraint, f"{where}: bias_constraint")

    def make_kernel(self, shape: tuple[int, ...], outputs: int) -> None:
        """Make W of ``shape`` and, with ``use_bias``, b (outputs,)."""
        of_W, of_b = self.terms("kernel"), self.terms("bias")
        self.W = self.new_parameter("W", shape, self.kernel_initializer, **of_W)
        self.b = self.new_parameter("b", (outputs,), self.bias_initializer, **of_b) if self.use_bias else None

    @property
    def bias(self) -> Any:
        """The array of b, or None."""
        return None if self.b is None else self.b.value

    @property
    def behind(self) -> Any:
        """What is computed behind z: the activation, and the penalty on its result where there is one."""
        return self.activation if self.activity_regularizer is None else Penalized(self)

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
