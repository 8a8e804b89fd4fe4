"""Adam."""

from __future__ import annotations

from math import sqrt

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer


class Adam(Optimizer):
    """a = beta_1 a + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;  w -= rate a / (sqrt(s) + epsilon).

    rate = lr sqrt(1 - beta_2^t) / (1 - beta_1^t) corrects the start from zero at step t = 1, 2, ...

    Source: Kingma and Ba 2015 (the form before section 2.1, as in Keras); decks 000, 001.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Adam(0.001).step([w]); round(float(w.value[0]), 6)
    0.999
    """

    slots = 2

    def __init__(self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> None:
        super().__init__(learning_rate)
        self.beta_1 = check_number("Adam", "beta_1", beta_1, 0.0, 1.0)
        self.beta_2 = check_number("Adam", "beta_2", beta_2, 0.0, 1.0)
        self.epsilon = check_number("Adam", "epsilon", epsilon, 0.0)

    def scalars(self) -> list[float]:
        """The learning rate with both bias corrections."""
        t = self.iterations + 1
        return [self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)]

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.adam(rows, scalars, self.beta_1, self.beta_2, self.epsilon)
