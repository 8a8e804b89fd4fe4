"""Absolute error in percent of the target, mean over the last axis.

    L = (100/k) sum_j |p_j - t_j| / m_j        m = max(|t|, epsilon)        dp = 100 sign(p - t) / (k m)

``epsilon`` keeps targets of 0 from dividing by 0; they still count enormously. At the corner p = t the gradient is 0.
Source: Keras 3 ("mean_absolute_percentage_error").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def percentage_error(p: Array, targets: Array, epsilon: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    xp = array_namespace(p)
    return 100 * (xp.abs(p - targets) / xp.maximum(xp.abs(targets), epsilon)).mean(axis=-1)


@op
def percentage_error_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = 100 sign(p - t) scale / (k m)."""
    xp = array_namespace(p)
    return xp.sign(p - targets) / xp.maximum(xp.abs(targets), epsilon) * (100 * scale / p.shape[-1])
