"""Gradient descent."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions


class SGD(Optimizer):
    """w -= lr g; with momentum m: v = m v - lr g, w += v; Nesterov: w += m v - lr g with the new v.

    Args:
        learning_rate: lr, or a schedule.
        momentum: m, 0 <= m < 1.
        nesterov: look ahead along v; needs a momentum.
        options: those of every optimizer, see ``Optimizer``.

    State: ``velocity`` v, with momentum.

    Source: all five lectures; Polyak 1964, Nesterov 1983, Sutskever et al. 2013.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([0.8])); w.grad[...] = 4.5 * 0.8 - 1.5
    >>> SGD(0.1).step([w]); round(float(w.value[0]), 4)
    0.59
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = check_number("SGD", "momentum", momentum, 0.0, 1.0)
        self.nesterov = check_flag("SGD", "nesterov", nesterov)
        if self.nesterov and not self.momentum:
            raise ArgumentError("SGD", "nesterov=True, momentum=0", "a momentum to look ahead along", "SGD(0.01, 0.9, True)")

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity, with momentum."""
        return ("velocity",) if self.momentum else ()

    @property
    def rests_at_zero(self) -> bool:
        """Without momentum: w - lr 0 is w."""
        return not self.momentum

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the op."""
        if self.momentum:
            update.momentum(rows, scalars, self.momentum, self.nesterov)
        else:
            update.sgd(rows, scalars)
