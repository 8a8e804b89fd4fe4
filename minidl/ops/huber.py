"""Huber's loss, mean over the last axis: squared for small errors e = p - t, absolute for those larger than delta.

    L = (1/k) sum_j  e^2 / 2                       where |e| <= delta
                     delta |e| - delta^2 / 2       elsewhere

    with q = min(|e|, delta) both are q (|e| - q / 2)        dp = clip(e, -delta, delta) / k

The two pieces meet with one slope, so there is no corner. Source: P. Huber, Robust Estimation of a Location Parameter, 1964;
Keras 3 ("huber").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def huber(p: Array, targets: Array, delta: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    xp = array_namespace(p)
    size = xp.abs(p - targets)
    q = xp.minimum(size, delta)
    return (q * (size - 0.5 * q)).mean(axis=-1)


@op
def huber_grad(p: Array, targets: Array, scale: Any, delta: float) -> Array:
    """dp = clip(p - t, -delta, delta) scale / k."""
    return array_namespace(p).clip(p - targets, -delta, delta) * (scale / p.shape[-1])
