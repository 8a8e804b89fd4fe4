"""Layer normalisation: each row to mean 0 and variance 1. A row are the c numbers of the last axis; no row knows of another.

    h = (x - mean) r        r = 1 / sqrt(variance + epsilon)        y = gamma h + beta

Mean and variance (the biased one) are of the row and depend on its x. Backwards, with g = gamma dy,

    dx = r (g - mean of g - h times the mean of g h)        dgamma = sum dy h        dbeta = sum dy

where the means are over the row and the sums over all rows. The gradient loses the two directions in which x may move
without moving h. ``standardize`` is the same without gamma and beta, which group normalisation does by itself.

Shapes: x, y, h, dx (..., c), mean and r (..., 1), gamma and beta (c,). Derived in docs/derivations/layer_normalization.md.
Source: Ba, Kiros and Hinton 2016.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op


@op
def standardize(x: Array, epsilon: float) -> tuple[Array, Array]:
    """h and r."""
    h, _, r = _centred(x, epsilon)
    return h * r, r


@op
def standardize_grad(dh: Array, h: Array, r: Array) -> Array:
    """dx = r (dh - mean of dh - h times the mean of dh h)."""
    return r * (dh - _mean(dh) - h * _mean(dh * h))


@op
def layer_normalize(x: Array, gamma: Array | None, beta: Array | None, epsilon: float) -> tuple[Array, Array, Array]:
    """y, mean and r; gamma None is 1, beta None is 0."""
    centred, mean, r = _centred(x, epsilon)
    y = centred * r
    if gamma is not None:
        y = y * gamma
    return (y if beta is None else y + beta), mean, r


@op
def layer_normalize_grad(dy: Array, x: Array, mean: Array, r: Array, gamma: Array | None) -> tuple[Array, Array, Array]:
    """dx, dgamma (c,) and dbeta (c,)."""
    axes = tuple(range(x.ndim - 1))
    h = (x - mean) * r
    g = dy if gamma is None else dy * gamma
    dgamma, dbeta = (a.sum(axis=axes, dtype="float64").astype(x.dtype) for a in (dy * h, dy))
    return standardize_grad.reference(g, h, r), dgamma, dbeta  # type: ignore[attr-defined]


def _mean(x: Array) -> Array:
    """The mean of each row, (..., 1)."""
    return x.mean(axis=-1, keepdims=True, dtype="float64").astype(x.dtype)  # many numbers are added: not in single precision


def _centred(x: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """x - mean, mean, and r; first the mean and then the variance, so that no digits are lost far from zero."""
    mean = _mean(x)
    centred = x - mean
    return centred, mean, 1 / array_namespace(x).sqrt(_mean(centred * centred) + epsilon)
