"""Squared difference of logarithms, mean over the last axis: an error of ten percent costs the same for any size of target.

    L = (1/k) sum_j d_j^2        d = log(1 + max(p, epsilon)) - log(1 + max(t, epsilon))

    dp = 2 d / (k (1 + p)) where p > epsilon, else 0

Source: Keras 3 ("mean_squared_logarithmic_error").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def squared_logarithmic_error(p: Array, targets: Array, epsilon: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    difference = _difference(p, targets, epsilon)
    return (difference * difference).mean(axis=-1)


@op
def squared_logarithmic_error_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = 2 d scale / (k (1 + p)) where p > epsilon."""
    xp = array_namespace(p)
    cut = p <= epsilon  # False for NaN, which stays
    return xp.where(cut, 0, _difference(p, targets, epsilon) / (1 + xp.where(cut, 0, p)) * (2 * scale / p.shape[-1]))


def _difference(p: Array, targets: Array, epsilon: float) -> Array:
    xp = array_namespace(p)
    return xp.log1p(xp.maximum(p, epsilon)) - xp.log1p(xp.maximum(targets, epsilon))
