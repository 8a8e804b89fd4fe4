"""Cosine of the angle between prediction p and target t over the last axis, with a minus so that it is to be minimised.

    L = -sum_j v_j w_j        v = p / max(|p|, epsilon)        w = t / max(|t|, epsilon)

    dp = -(w - v sum_j v_j w_j) / |p|        where |p| > epsilon
         -w / epsilon                        elsewhere

-1: the same direction, 0: at right angles, 1: opposite. A vector of zeros has no direction; its similarity to any is 0.
Vectors are divided by their largest number before they are squared, so that none overflows.
Source: Keras 3 ("cosine_similarity").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def cosine_similarity(p: Array, targets: Array, epsilon: float) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    return -(_unit(p, epsilon)[0] * _unit(targets, epsilon)[0]).sum(axis=-1)


@op
def cosine_similarity_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = (v sum(v w) - w) scale / max(|p|, epsilon), without the first term for the shortest p."""
    xp = array_namespace(p)
    v, length = _unit(p, epsilon)
    w, _ = _unit(targets, epsilon)
    along = xp.where(length > epsilon, (v * w).sum(axis=-1, keepdims=True), 0)
    return (along * v - w) * scale / xp.maximum(length, epsilon)


def _unit(x: Array, epsilon: float) -> tuple[Array, Array]:
    """x / max(|x|, epsilon), shape (..., k), and |x|, shape (..., 1)."""
    xp = array_namespace(x)
    size = xp.abs(x).max(axis=-1, keepdims=True)
    size = xp.where(size == 0, 1, size)
    x = x / size
    length = xp.sqrt((x * x).sum(axis=-1, keepdims=True))
    return x / xp.maximum(length, epsilon / size), length * size
