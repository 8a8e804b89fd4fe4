"""The mean squared logarithmic error; the mathematics stands in ``minidl/ops/logarithmic_error.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss, epsilon_of
from minidl.losses.targets import check_not_negative
from minidl.ops.logarithmic_error import squared_logarithmic_error, squared_logarithmic_error_grad


class MeanSquaredLogarithmicError(Loss):
    """L_i = (1 / k) sum_j (log(1 + p_j) - log(1 + t_j))^2 over the k outputs of a sample, for prices, counts and sizes.

    p and t are cut to at least 1e-7 first; where a prediction was cut its gradient is 0.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = MeanSquaredLogarithmicError().apply(np.array([[19.0]]), np.array([[9.0]]))
    >>> round(float(value), 4)  # the square of log 2
    0.4805
    """

    aliases = ("msle",)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises DataError for negative targets, which the formula would take for 0."""
        super().check(y_true, output_shape, where)
        check_not_negative(
            y_true, where, "as smaller ones would count as 0", "'mse', 'mae' or 'huber', for numbers of any sign"
        )

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return squared_logarithmic_error(y_pred, targets, epsilon_of(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return squared_logarithmic_error_grad(kept, targets, scale, epsilon_of(kept))
