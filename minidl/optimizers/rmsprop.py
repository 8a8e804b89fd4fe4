"""RMSprop."""

from __future__ import annotations

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """s = rho s + (1 - rho) g^2;  w -= lr g / sqrt(s + epsilon).

    Source: Tieleman and Hinton 2012; decks 000, 001, 003; Keras 3's epsilon, inside the root.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> RMSprop(0.001).step([w]); round(float(w.value[0]), 6)
    0.996838
    """

    usual_name = "rmsprop"
    slots = 1

    def __init__(self, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7) -> None:
        super().__init__(learning_rate)
        self.rho = check_number("RMSprop", "rho", rho, 0.0, 1.0)
        self.epsilon = check_number("RMSprop", "epsilon", epsilon, 0.0)

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.rmsprop(rows, scalars, self.rho, self.epsilon)
