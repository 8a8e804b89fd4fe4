"""Kullback-Leibler divergence of the predicted distribution p from the true one t, both over the last axis.

    L = sum_j t_j log(t_j / p_j)        dp = -t / p where epsilon <= p <= 1, else 0

p and t are cut to [epsilon, 1] first, so that logarithms stay finite. Beside the cross-entropy of the same two it lacks the
entropy of t, which no prediction can change: the gradients are the same, and the loss of a perfect prediction is 0.
Source: Keras 3 ("kl_divergence").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def kl_divergence(p: Array, targets: Array, epsilon: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    xp = array_namespace(p)
    t = xp.clip(targets, epsilon, 1)
    return (t * xp.log(t / xp.clip(p, epsilon, 1))).sum(axis=-1)


@op
def kl_divergence_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = -t / p scale where p was not cut; NaN stays."""
    xp = array_namespace(p)
    cut = (p < epsilon) | (p > 1)
    return xp.where(cut, 0, -xp.clip(targets, epsilon, 1) / xp.where(cut, 1, p) * scale)
