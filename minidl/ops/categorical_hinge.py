"""Hinge loss of one class against the best of the others, for scores p (..., classes) and one-hot targets t.

    L = max(0, 1 + max_j (1 - t_j) p_j - sum_j t_j p_j)

    dp = (1 - t) e - t where L > 0, else 0        e: 1 at the first j where (1 - t_j) p_j is largest, 0 elsewhere

The largest of the others is at least 0, because the true class itself stands there as 0: so Keras has it. At the corner
L = 0 the gradient is 0. Source: Keras 3 ("categorical_hinge").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def categorical_hinge(p: Array, targets: Array) -> Array:
    """Loss (...) of scores and targets (..., classes)."""
    return array_namespace(p).maximum(_margin(p, targets), 0)


@op
def categorical_hinge_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = ((1 - t) e - t) scale where the margin is positive."""
    xp = array_namespace(p)
    rest = 1 - targets
    first = xp.arange(p.shape[-1]) == (rest * p).argmax(axis=-1)[..., None]
    return xp.where(_margin(p, targets)[..., None] > 0, xp.where(first, rest, 0) - targets, 0) * scale


def _margin(p: Array, targets: Array) -> Array:
    return 1 + ((1 - targets) * p).max(axis=-1) - (targets * p).sum(axis=-1)
