"""The Poisson loss; the mathematics stands in ``minidl/ops/poisson.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss, epsilon_of
from minidl.losses.targets import check_not_negative
from minidl.ops.poisson import poisson, poisson_grad


class Poisson(Loss):
    """L_i = (1 / k) sum_j p_j - t_j log(p_j + 1e-7) over the k outputs of a sample: p is the count expected, t that observed.

    Predictions have to be positive: let the last layer end in ``"softplus"`` or ``"exponential"``.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = Poisson().apply(np.array([[2.0]]), np.array([[4.0]]))
    >>> round(float(value), 4), Poisson().gradient(saved).round(4).tolist()
    (-0.7726, [[-1.0]])
    """

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises DataError for negative targets, which are no counts."""
        super().check(y_true, output_shape, where)
        check_not_negative(y_true, where, "as they are counts", "'mse', 'mae' or 'huber', for numbers of any sign")

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return poisson(y_pred, targets, epsilon_of(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return poisson_grad(kept, targets, scale, epsilon_of(kept))
