"""Hinge losses of scores p and targets t, each -1 or 1, mean over the last axis; the margin is m = 1 - t p.

    hinge            L = (1/k) sum_j max(m_j, 0)          dp = -t / k where m > 0, else 0
    squared hinge    L = (1/k) sum_j max(m_j, 0)^2        dp = -2 t max(m, 0) / k

At the corner m = 0 the gradient of the hinge is 0, as that of ReLU. Source: Keras 3 ("hinge", "squared_hinge").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def hinge(p: Array, targets: Array) -> Array:
    """Loss (...) of scores and targets (..., k)."""
    return array_namespace(p).maximum(1 - targets * p, 0).mean(axis=-1)


@op
def hinge_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = -t scale / k where 1 - t p > 0."""
    return array_namespace(p).where(1 - targets * p > 0, -targets, 0) * (scale / p.shape[-1])


@op
def squared_hinge(p: Array, targets: Array) -> Array:
    """Loss (...) of scores and targets (..., k)."""
    m = array_namespace(p).maximum(1 - targets * p, 0)
    return (m * m).mean(axis=-1)


@op
def squared_hinge_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = -2 t max(1 - t p, 0) scale / k."""
    return -targets * array_namespace(p).maximum(1 - targets * p, 0) * (2 * scale / p.shape[-1])
