"""RMSprop."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_flag, check_number
from minidl.ops import update
from minidl.optimizers.base import Optimizer, OptimizerOptions, epsilon_of


class RMSprop(Optimizer):
    """s = rho s + (1 - rho) g^2;  w -= lr g / sqrt(s + epsilon).

    Args:
        learning_rate: lr, or a schedule.
        rho: how much of the running means is kept.
        momentum: m, 0 <= m < 1: v = m v + lr g / sqrt(s + epsilon), w -= v.
        epsilon: keeps the root from zero.
        centered: divide by the standard deviation: a = rho a + (1 - rho) g, and s - a^2 in place of s under the root,
            0 where rounding makes it negative.
        options: those of every optimizer, see ``Optimizer``.

    State: ``square`` s; ``mean`` a, when centered; ``velocity`` v, with momentum.

    Source: Tieleman and Hinton 2012; Lecture 2018, Practical 2020, Ghent 6; Keras 3's epsilon, inside the root;
    centered: Graves 2013.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> RMSprop(0.001).step([w]); round(float(w.value[0]), 6)
    0.996838
    """

    usual_name = "rmsprop"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float | None = None,
        centered: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = check_number("RMSprop", "rho", rho, 0.0, 1.0)
        self.momentum = check_number("RMSprop", "momentum", momentum, 0.0, 1.0)
        self.epsilon = epsilon_of("RMSprop", epsilon)
        self.centered = check_flag("RMSprop", "centered", centered)

    @property
    def slots(self) -> tuple[str, ...]:
        """The running mean square, and what the options add."""
        return ("square", *["mean"] * self.centered, *["velocity"] * bool(self.momentum))

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the ops."""
        if self.momentum:
            rule = update.rmsprop_centered_momentum if self.centered else update.rmsprop_momentum
            rule(rows, scalars, self.rho, self.epsilon, self.momentum)
        else:
            rule = update.rmsprop_centered if self.centered else update.rmsprop
            rule(rows, scalars, self.rho, self.epsilon)
