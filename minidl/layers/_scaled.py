"""What layers share that normalize numbers and then scale and shift them: y = gamma h + beta."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError
from minidl.layers.base import Layer, LayerOptions
from minidl.parameters import Parameter


class ScaledOptions(LayerOptions, total=False):
    """The arguments that these layers take by keyword, for ``**options: Unpack[ScaledOptions]``."""

    beta_initializer: Any
    gamma_initializer: Any
    beta_regularizer: Any
    gamma_regularizer: Any
    beta_constraint: Any
    gamma_constraint: Any


class ScaledLayer(Layer, abstract=True):
    """Base of layer and group normalisation.

    Args:
        epsilon: added to the variance, above 0.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: how they begin: names or objects of ``minidl.initializers``.
        beta_regularizer, gamma_regularizer: penalties that are added to the loss, of ``minidl.regularizers``, or None.
        beta_constraint, gamma_constraint: what holds after every step, of ``minidl.constraints``, or None.
    """

    gamma: Parameter | None
    beta: Parameter | None

    def __init__(
        self,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        *,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = type(self).__name__
        self.epsilon = check_number(where, "epsilon", epsilon, 0)
        if not self.epsilon:
            raise ArgumentError(where, "epsilon=0", "a positive number, so that constant numbers can be divided by it")
        self.center, self.scale = check_flag(where, "center", center), check_flag(where, "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, f"{where}: beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, f"{where}: gamma_initializer")
        self.beta_regularizer = regularizers.get(beta_regularizer, f"{where}: beta_regularizer")
        self.gamma_regularizer = regularizers.get(gamma_regularizer, f"{where}: gamma_regularizer")
        self.beta_constraint = constraints.get(beta_constraint, f"{where}: beta_constraint")
        self.gamma_constraint = constraints.get(gamma_constraint, f"{where}: gamma_constraint")

    def make_scale(self, shape: tuple[int, ...]) -> None:
        """Make gamma and beta of ``shape``, where there are any."""
        of_gamma, of_beta = self.terms("gamma"), self.terms("beta")
        self.gamma = self.new_parameter("gamma", shape, self.gamma_initializer, **of_gamma) if self.scale else None
        self.beta = self.new_parameter("beta", shape, self.beta_initializer, **of_beta) if self.center else None

    def flat_scale(self) -> tuple[Any, Any]:
        """The arrays of gamma and beta with one axis, or None."""
        gamma, beta = (None if p is None else p.value.reshape(-1) for p in (self.gamma, self.beta))
        return gamma, beta

    def add_grads(self, dgamma: Any, dbeta: Any) -> None:
        """Add to the gradients of gamma and beta, where there are any."""
        for p, gradient in ((self.gamma, dgamma), (self.beta, dbeta)):
            if p is not None:
                p.add_grad(gradient.reshape(p.shape))
