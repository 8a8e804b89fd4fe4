"""Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions, epsilon_of


class Adadelta(Optimizer):
    """s = rho s + (1 - rho) g^2;  d = g sqrt(e + epsilon) / sqrt(s + epsilon);  e = rho e + (1 - rho) d^2;  w -= lr d.

    Args:
        learning_rate: lr, or a schedule. The paper has none, which is a rate of 1.
        rho: how much of the running means s and e is kept.
        epsilon: keeps the roots from zero; the size of the first steps.
        options: those of every optimizer, see ``Optimizer``.

    State: ``square`` s, ``step_square`` e.

    Source: Zeiler 2012.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Adadelta(1.0).step([w]); round(float(w.value[0]), 6)
    0.998586
    """

    slots = ("square", "step_square")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = check_number("Adadelta", "rho", rho, 0.0, 1.0)
        self.epsilon = epsilon_of("Adadelta", epsilon)

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        update.adadelta(rows, scalars, self.rho, self.epsilon)
