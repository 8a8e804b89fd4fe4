"""Adam, and AdamW, which is Adam with weight decay."""

from __future__ import annotations

from math import sqrt
from typing import Any, Unpack

from minidl.backend import Array, ArrayTable
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError
from minidl.ops import update
from minidl.optimizers.base import ClippingOptions, Optimizer, OptimizerOptions, epsilon_of


class Adam(Optimizer):
    """a = beta_1 a + (1 - beta_1) g;  s = beta_2 s + (1 - beta_2) g^2;  w -= rate a / (sqrt(s) + epsilon).

    rate = lr sqrt(1 - beta_2^t) / (1 - beta_1^t) corrects the start from zero at step t = 1, 2, ...

    Args:
        learning_rate: lr, or a schedule.
        beta_1, beta_2: how much of the running means a and s is kept.
        epsilon: keeps the divisor from zero.
        amsgrad: divide by the largest s so far: h = max(h, s) in place of s under the root.
        options: those of every optimizer, see ``Optimizer``.

    State: ``mean`` a, ``square`` s; ``largest`` h, with amsgrad.

    Source: Kingma and Ba 2015 (the form before section 2.1, as in Keras); Lecture 2018, Practical 2020;
    AMSGrad: Reddi et al. 2018.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 2.0
    >>> Adam(0.001).step([w]); round(float(w.value[0]), 6)
    0.999
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **options)
        where = type(self).__name__
        self.beta_1 = check_number(where, "beta_1", beta_1, 0.0, 1.0)
        self.beta_2 = check_number(where, "beta_2", beta_2, 0.0, 1.0)
        self.epsilon = epsilon_of(where, epsilon)
        self.amsgrad = check_flag(where, "amsgrad", amsgrad)

    @property
    def slots(self) -> tuple[str, ...]:
        """Both moments, and with amsgrad the largest second one."""
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    def scalars(self) -> list[float]:
        """The learning rate with both bias corrections."""
        t = self.iterations + 1
        return [self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)]

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """See the ops."""
        if self.amsgrad:
            update.amsgrad(rows, scalars, self.beta_1, self.beta_2, self.epsilon)
        else:
            update.adam(rows, scalars, self.beta_1, self.beta_2, self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay: w -= lr weight_decay w, and then Adam's step.

    Args:
        learning_rate: lr, or a schedule.
        weight_decay: how fast weights shrink by themselves.
        beta_1, beta_2, epsilon, amsgrad: as in ``Adam``.
        options: the others of every optimizer, see ``Optimizer``.

    Biases are better left out: ``optimizer.exclude_from_weight_decay(var_names=["b"])``.

    Source: Loshchilov and Hutter 2019.

    >>> import numpy as np
    >>> from minidl.parameters import Parameter
    >>> w = Parameter(np.array([1.0])); w.grad[...] = 0.0
    >>> AdamW(0.5, weight_decay=0.25).step([w]); w.value
    array([0.875])
    """

    usual_name = "adamw"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = None,
        amsgrad: bool = False,
        **options: Unpack[ClippingOptions],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)
        if self.weight_decay is None:
            raise ArgumentError("AdamW", "weight_decay=None", "a number", "Adam, which decays no weights")
