"""Batch normalisation over every axis but the last: each channel to mean 0 and variance 1, then scaled and shifted.

    h = (x - mean) / sqrt(variance + epsilon)        y = gamma h + beta

In training, mean and variance are those of the batch and depend on x; with m numbers per channel

    dbeta = sum dy      dgamma = sum dy h      dx = gamma / sqrt(variance + epsilon) (dy - dbeta / m - h dgamma / m)

With fixed statistics (inference, frozen layers) the last two terms vanish. A ReLU behind y can be taken in the same pass,
y = max(gamma h + beta, 0): then only the dy where y > 0 count, which is worked out again from x. Where a mask leaves time steps
out, statistics are those of the m numbers that count, every dy is in the two sums, and the last two terms are those of numbers
that count.
Source: Ioffe and Szegedy 2015; Lecture 2020. The variance is the biased one, as in Keras.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op
from minidl.ops.activation import relu, relu_grad


@op
def moments(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel, (c,) and (c,)."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axis=axes, dtype="float64").astype(x.dtype)  # many numbers are added: not in single precision
    centred = x - mean
    return mean, (centred * centred).mean(axis=axes, dtype="float64").astype(x.dtype)


@op
def moved(running: Array, new: Array, momentum: float) -> Array:
    """A running mean or variance (c,), moved towards that of a batch: momentum running + (1 - momentum) new."""
    return momentum * running + (1 - momentum) * new


@op
def normalize(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    beta: Array | None,
    epsilon: float,
    activation: str = "linear",
) -> Array:
    """y = f(gamma (x - mean) / sqrt(variance + epsilon) + beta); gamma None is 1, beta None is 0, f is linear or relu."""
    y = (x - mean) / array_namespace(x).sqrt(variance + epsilon)
    if gamma is not None:
        y = y * gamma
    if beta is not None:
        y = y + beta
    return relu(y) if activation == "relu" else y


@op
def normalize_grad(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    epsilon: float,
    of_batch: bool,
    beta: Array | None = None,
    activation: str = "linear",
) -> tuple[Array, Array, Array]:
    """dx (of the shape of x), dgamma (c,), dbeta (c,); ``of_batch``: mean and variance were computed from x.

    ``beta`` matters only with the activation relu.
    """
    axes = tuple(range(x.ndim - 1))
    if activation == "relu":
        dy = relu_grad(dy, normalize(x, mean, variance, gamma, beta, epsilon))
    inverse = 1 / array_namespace(x).sqrt(variance + epsilon)
    h = (x - mean) * inverse
    dbeta, dgamma = (a.sum(axis=axes, dtype="float64").astype(x.dtype) for a in (dy, dy * h))
    dx = dy
    if of_batch:
        m = max(x.size // max(x.shape[-1], 1), 1)
        dx = dy - dbeta / m - h * (dgamma / m)
    return dx * (inverse if gamma is None else gamma * inverse), dgamma, dbeta


def masked_moments(x: Array, counts: Array) -> tuple[Array, Array]:
    """``moments`` of the numbers where ``counts``, of the shape of x, is True; 0 and 0 where there are none."""
    xp, axes = array_namespace(x), tuple(range(x.ndim - 1))
    m = xp.maximum(counts.sum(axis=axes), 1)
    mean = (xp.where(counts, x, 0).sum(axis=axes, dtype="float64") / m).astype(x.dtype)
    centred = xp.where(counts, x - mean, 0)
    return mean, ((centred * centred).sum(axis=axes, dtype="float64") / m).astype(x.dtype)


def masked_normalize_grad(
    dy: Array, x: Array, mean: Array, variance: Array, gamma: Array | None, epsilon: float, counts: Array
) -> tuple[Array, Array, Array]:
    """``normalize_grad`` where mean and variance are ``masked_moments`` of x."""
    xp = array_namespace(x)
    dx, dgamma, dbeta = normalize_grad(dy, x, mean, variance, gamma, epsilon, False)
    m = xp.maximum(counts.sum(axis=tuple(range(x.ndim - 1))), 1).astype(x.dtype)
    inverse = 1 / xp.sqrt(variance + epsilon)
    h = (x - mean) * inverse
    scale = inverse if gamma is None else gamma * inverse
    return dx - xp.where(counts, scale * (dbeta / m + h * (dgamma / m)), 0), dgamma, dbeta
