"""The mean absolute percentage error; the mathematics stands in ``minidl/ops/percentage_error.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.errors import DataWarning, warn
from minidl.losses.base import Loss, epsilon_of
from minidl.ops.percentage_error import percentage_error, percentage_error_grad


class MeanAbsolutePercentageError(Loss):
    """L_i = (100 / k) sum_j |p_j - t_j| / max(|t_j|, 1e-7) over the k outputs of a sample.

    Of a target of 0 there is no percentage: ``fit`` warns of it.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = MeanAbsolutePercentageError().apply(np.array([[90.0], [60.0]]), np.array([[100.0], [50.0]]))
    >>> float(value)
    15.0
    """

    aliases = ("mape",)

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``; warns of targets that are 0, unless they weigh 0."""
        self.check(y_true, output_shape, where)
        zero = y_true.reshape(output_shape) == 0
        if weight is not None and zero.any():
            zero = zero & (weight != 0).reshape(weight.shape + (1,) * (zero.ndim - weight.ndim))
        if zero.any():
            message = f"{where}: {int(zero.sum())} of the targets are 0, of which there is no percentage, and will outweigh"
            warn(f"{message} all others; use 'mae' or 'msle', or leave them out by sample_weight=0.", DataWarning)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return percentage_error(y_pred, targets, epsilon_of(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; 0 where p = t."""
        return percentage_error_grad(kept, targets, scale, epsilon_of(kept))
