"""Adamax."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions, epsilon_of


class Adamax(Optimizer):
    """a = beta_1 a + (1 - beta_1) g;  u = max(beta_2 u, |g|);  w -= lr / (1 - beta_1^t) a / (u + epsilon).

    Args:
        learning_rate: lr, or a schedule.
        beta_1, beta_2: how much of a and u is kept.
        epsilon: keeps the divisor from zero.
        options: those of every optimizer, see ``Optimizer``.

    State: ``mean`` a, ``largest`` u.

    Source: Kingma and Ba 2015, section 7.1; Keras's epsilon.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Adamax(0.25).step([w]); round(float(w.value[0]), 6)
    0.75
    """

    slots = ("mean", "largest")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = check_number("Adamax", "beta_1", beta_1, 0.0, 1.0)
        self.beta_2 = check_number("Adamax", "beta_2", beta_2, 0.0, 1.0)
        self.epsilon = epsilon_of("Adamax", epsilon)

    def scalars(self) -> list[float]:
        """The learning rate with the correction of a's start from zero."""
        return [self.learning_rate / (1 - self.beta_1 ** (self.iterations + 1))]

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.adamax(rows, scalars, self.beta_1, self.beta_2, self.epsilon)
