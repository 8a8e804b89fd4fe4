"""Softmax over the last axis: positive numbers that sum to one.

    y_i = exp(x_i - max x) / sum_j exp(x_j - max x)
    dx  = y (dy - sum_j dy_j y_j)

Subtracting the maximum changes nothing in exact arithmetic and keeps every finite input finite; an infinity gives NaN.
Source: decks 000 to 002; Bridle 1990.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op


@op
def softmax(x: Array) -> Array:
    """Probabilities over the last axis: (..., classes) -> (..., classes)."""
    e = array_namespace(x).exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@op
def softmax_grad(dy: Array, y: Array) -> Array:
    """dx = y (dy - sum(dy y)) over the last axis."""
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))
