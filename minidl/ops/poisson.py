"""Negative logarithm of a Poisson distribution's probability of the count t, where p is the expected count.

    L = (1/k) sum_j p_j - t_j log(p_j + epsilon)        dp = (1 - t / (p + epsilon)) / k

without log t!, which no prediction can change. A negative prediction is no expected count: its logarithm is NaN.
Source: Keras 3 ("poisson").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def poisson(p: Array, targets: Array, epsilon: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    return (p - targets * array_namespace(p).log(p + epsilon)).mean(axis=-1)


@op
def poisson_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = (1 - t / (p + epsilon)) scale / k."""
    return (1 - targets / (p + epsilon)) * (scale / p.shape[-1])
