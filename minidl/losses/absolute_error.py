"""The mean absolute error; the mathematics stands in ``minidl/ops/absolute_error.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss
from minidl.ops.absolute_error import absolute_error, absolute_error_grad


class MeanAbsoluteError(Loss):
    """L_i = (1 / k) sum_j |p_j - t_j| over the k outputs of a sample: a few wild targets count less than in the squared error.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = MeanAbsoluteError().apply(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    >>> float(value), MeanAbsoluteError().gradient(saved).tolist()
    (1.0, [[0.0, 0.5]])
    """

    aliases = ("mae",)
    replays = True

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return absolute_error(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; 0 where p = t."""
        return absolute_error_grad(kept, targets, scale)
