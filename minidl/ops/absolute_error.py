"""Absolute error, mean over the last axis: L = (1/k) sum_j |p_j - t_j|, dp = sign(p - t) / k.

At the corner p = t the gradient is 0, as in PyTorch: there is nothing to correct. Source: Keras 3 ("mean_absolute_error").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def absolute_error(p: Array, targets: Array) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    return array_namespace(p).abs(p - targets).mean(axis=-1)


@op
def absolute_error_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = sign(p - t) scale / k."""
    return array_namespace(p).sign(p - targets) * (scale / p.shape[-1])
