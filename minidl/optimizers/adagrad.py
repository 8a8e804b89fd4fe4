"""Adagrad."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions, epsilon_of


class Adagrad(Optimizer):
    """s = s + g^2;  w -= lr g / sqrt(s + epsilon): steps get shorter where gradients were large.

    Args:
        learning_rate: lr, or a schedule. The paper's rate is 1.
        initial_accumulator_value: what s starts from.
        epsilon: keeps the root from zero.
        options: those of every optimizer, see ``Optimizer``.

    State: ``square_sum`` s.

    Source: Duchi, Hazan and Singer 2011; Keras's epsilon, inside the root.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Adagrad(0.5, initial_accumulator_value=0.0).step([w]); round(float(w.value[0]), 6)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        where, start = "Adagrad", initial_accumulator_value
        self.initial_accumulator_value = check_number(where, "initial_accumulator_value", start, 0.0)
        self.epsilon = epsilon_of(where, epsilon)

    @property
    def slots(self) -> dict[str, float]:
        """The sum of squares, and what it starts from."""
        return {"square_sum": self.initial_accumulator_value}

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.adagrad(rows, scalars, self.epsilon)
