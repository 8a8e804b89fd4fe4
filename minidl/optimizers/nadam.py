"""Nadam."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions, epsilon_of


class Nadam(Optimizer):
    """Adam that looks ahead as Nesterov's momentum does: the mean of the next step in place of this one's.

    a = beta_1 a + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;  with u_t = beta_1 (1 - 0.96^t / 2) at step t = 1, 2, ...

    w -= lr (u_{t+1} a / (1 - u_1 ... u_{t+1}) + (1 - u_t) g / (1 - u_1 ... u_t)) / (sqrt(s / (1 - beta_2^t)) + epsilon)

    Args:
        learning_rate: lr, or a schedule.
        beta_1, beta_2: how much of the running means a and s is kept.
        epsilon: keeps the divisor from zero.
        options: those of every optimizer, see ``Optimizer``.

    State: ``mean`` a, ``square`` s.

    Source: Dozat 2016, as in Keras.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Nadam(0.001).step([w]); round(float(w.value[0]), 6)
    0.998937
    """

    slots = ("mean", "square")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = check_number("Nadam", "beta_1", beta_1, 0.0, 1.0)
        self.beta_2 = check_number("Nadam", "beta_2", beta_2, 0.0, 1.0)
        self.epsilon = epsilon_of("Nadam", epsilon)
        self._product = (0.0, 0, 1.0)  # beta_1, t, and u_1 ... u_t for them

    def scalars(self) -> list[float]:
        """The learning rate, the weights of a and of g in the numerator, the factor of s in the divisor."""
        t = self.iterations + 1
        product, now, ahead = self._product_of(t), self._decay(t), self._decay(t + 1)
        return [
            self.learning_rate,
            ahead / (1 - product * ahead),
            (1 - now) / (1 - product),
            1 / (1 - self.beta_2**t),
        ]

    def _decay(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def _product_of(self, t: int) -> float:
        """u_1 ... u_t, from the last one asked for where that was one step before."""
        beta_1, done, product = self._product
        if beta_1 != self.beta_1 or done > t:
            done, product = 0, 1.0
        while done < t:
            done += 1
            product *= self._decay(done)
        self._product = (self.beta_1, t, product)
        return product

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.nadam(rows, scalars, self.beta_1, self.beta_2, self.epsilon)
