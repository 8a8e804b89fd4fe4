"""What dense and convolution layers share: y = f(z), where z is linear in x, with kernels such as W and a bias b."""

from __future__ import annotations

import copy
from typing import Any, Unpack

import numpy as np

from minidl import constraints, initializers, regularizers
from minidl.backend import array_namespace
from minidl.checks import check_flag
from minidl.layers import activation as activations
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.activity import Penalized
from minidl.layers.base import Layer, LayerOptions
from minidl.parameters import Parameter


class ActivatedOptions(LayerOptions, total=False):
    """The arguments by keyword of all these layers, for ``**options: Unpack[ActivatedOptions]``."""

    bias_initializer: Any
    bias_regularizer: Any
    activity_regularizer: Any
    bias_constraint: Any


class AffineOptions(ActivatedOptions, total=False):
    """The arguments by keyword of those with one kernel, for ``**options: Unpack[AffineOptions]``."""

    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any


class ActivatedLayer(Layer, abstract=True):
    """Base of layers that end in a bias and an activation, whatever their kernels are called.

    Args:
        activation: f, a name or an ``Activation``; None is the identity.
        use_bias: whether there is a b.
        bias_initializer: how b begins: a name or an object of ``minidl.initializers``.
        bias_regularizer, activity_regularizer: penalties on b and y that are added to the loss: names or objects of
            ``minidl.regularizers``, or None.
        bias_constraint: what holds for b after every step: a name or an object of ``minidl.constraints``, or None.
    """

    b: Parameter | None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        *,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        bias_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = type(self).__name__
        self.activation = activations.get(activation, where)
        self.use_bias = check_flag(where, "use_bias", use_bias)
        self.bias_initializer = initializers.get(bias_initializer, f"{where}: bias_initializer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{where}: bias_regularizer")
        self.activity_regularizer = regularizers.get(activity_regularizer, f"{where}: activity_regularizer")
        self.bias_constraint = constraints.get(bias_constraint, f"{where}: bias_constraint")

    def take_terms(self, of: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
        """Keep the three arguments ``<of>_initializer``, ``<of>_regularizer`` and ``<of>_constraint`` of a kernel."""
        where = f"{type(self).__name__}: {of}"
        setattr(self, f"{of}_initializer", initializers.get(initializer, f"{where}_initializer"))
        setattr(self, f"{of}_regularizer", regularizers.get(regularizer, f"{where}_regularizer"))
        setattr(self, f"{of}_constraint", constraints.get(constraint, f"{where}_constraint"))

    def make_bias(self, *shape: int) -> None:
        """Make b of this shape, with ``use_bias``."""
        self.b = self.new_parameter("b", shape, self.bias_initializer, **self.terms("bias")) if self.use_bias else None

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


class AffineLayer(ActivatedLayer, abstract=True):
    """Base of those with one kernel W.

    Args:
        kernel_initializer, kernel_regularizer, kernel_constraint: of W, as those of b.
        activation, use_bias and the others: as above.
    """

    W: Parameter
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any
    outputs_last = False  # True where each output has its own place on the last axis of W: a unit, a filter

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
        super().__init__(
            activation,
            use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **options,
        )
        self.take_terms("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def make_kernel(self, shape: tuple[int, ...], outputs: int) -> None:
        """Make W of ``shape`` and, with ``use_bias``, b (outputs,)."""
        self.W = self.new_parameter("W", shape, self.kernel_initializer, **self.terms("kernel"))
        self.make_bias(outputs)

    def scaled(self, scale: Any, shift: Any) -> Layer | None:
        """A layer with weights of its own whose result is scale y + shift, one number of each for an output.

        (x W + b) scale + shift = x (W scale) + (b scale + shift). None where f, or another class's ``apply``, is in between.
        """
        if not (self.outputs_last and self.activation.is_linear and is_unchanged(self)):
            return None
        xp, old = array_namespace(self.W.value), self.W.value
        with np.errstate(over="ignore"):
            W = (old * scale).astype(old.dtype)
            b = (shift if self.b is None else self.b.value * scale + shift).astype(old.dtype)
        if not (xp.isfinite(W).all() and xp.isfinite(b).all()):  # y itself may well be, beside such a scale
            return None
        other = copy.copy(self)
        other.W, other.b = Parameter(W, "W"), Parameter(b, "b")
        other.use_bias, other.activity_regularizer = True, None
        return other
