"""Squared error of predictions p and targets t over the last axis of length k.

    mean   L = (1/k) sum_j (p_j - t_j)^2      dp = 2 (p - t) / k
    sum    L = sum_j (p_j - t_j)^2            dp = 2 (p - t)

Source: Ghent 6, Lecture 2020.
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, op


@op
def squared_error(p: Array, targets: Array) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    difference = p - targets
    return (difference * difference).mean(axis=-1)


@op
def squared_error_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = 2 (p - t) scale / k."""
    return (p - targets) * (2 * scale / p.shape[-1])


@op
def sum_squared_error(p: Array, targets: Array) -> Array:
    """Loss (...) of predictions and targets (..., k): the sum where ``squared_error`` takes the mean."""
    difference = p - targets
    return (difference * difference).sum(axis=-1)


@op
def sum_squared_error_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = 2 (p - t) scale."""
    return (p - targets) * (2 * scale)
