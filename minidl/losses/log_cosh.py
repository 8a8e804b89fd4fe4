"""The logarithm of the hyperbolic cosine of the error; the mathematics stands in ``minidl/ops/log_cosh.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss
from minidl.ops.log_cosh import log_cosh, log_cosh_grad


class LogCosh(Loss):
    """L_i = (1 / k) sum_j log cosh(p_j - t_j) over the k outputs of a sample: like Huber's loss, with all derivatives.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = LogCosh().apply(np.array([[10000.0]]), np.array([[0.0]]))
    >>> round(float(value), 4), LogCosh().gradient(saved).tolist()  # |p - t| - log 2
    (9999.3069, [[1.0]])
    """

    aliases = ("logcosh",)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return log_cosh(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return log_cosh_grad(kept, targets, scale)
