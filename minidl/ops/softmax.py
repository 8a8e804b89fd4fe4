"""Softmax over the last axis: positive numbers that sum to one.

    y_i = exp(x_i - max x) / sum_j exp(x_j - max x)
    dx  = y (dy - sum_j dy_j y_j)

and their logarithms, which stay exact where a probability is too small to be told from zero:

    y_i = x_i - max x - log(sum_j exp(x_j - max x))
    dx  = dy - exp(y) sum_j dy_j

Subtracting the maximum changes nothing in exact arithmetic and keeps every finite input finite; an infinity gives NaN.
Source: Lecture 2018, Practical 2020, Ghent 1; Bridle 1990.
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


@op
def log_softmax(x: Array) -> Array:
    """Logarithms of probabilities over the last axis: (..., classes) -> (..., classes)."""
    xp = array_namespace(x)
    below = x - x.max(axis=-1, keepdims=True)
    return below - xp.log(xp.exp(below).sum(axis=-1, keepdims=True))


@op
def log_softmax_grad(dy: Array, y: Array) -> Array:
    """dx = dy - exp(y) sum(dy) over the last axis."""
    return dy - array_namespace(y).exp(y) * dy.sum(axis=-1, keepdims=True)
