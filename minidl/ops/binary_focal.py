"""Focal loss of independent yes-or-no outputs: a binary cross-entropy in which what is predicted well counts little.

    b = -t log p - (1 - t) log(1 - p)         the cross-entropy, minidl/ops/cross_entropy.py
    r = t (1 - p) + (1 - t) p                 the probability that was given to the wrong answer
    w = alpha t + (1 - alpha) (1 - t)         the weight of the two answers; 1 where alpha is None

    L = (1/k) sum_j w_j r_j^gamma b_j

    dp = w (r^gamma b' + gamma r^(gamma - 1) (1 - 2 t) b) / k,       b' = (p - t) / (p (1 - p)) where p was not cut
    dz = w (r^gamma (p - t) + gamma r^(gamma - 1) (1 - 2 t) p (1 - p) b) / k       for p = sigmoid(z)

From logits z everything is exact up to rounding; from probabilities, the logarithms' p is cut to [epsilon, 1 - epsilon].
Where r = 0 there is nothing to correct and the second term is left out: for gamma < 1 its power would be infinite.
Source: Lin et al., Focal Loss for Dense Object Detection, 2017; Keras 3 ("binary_focal_crossentropy").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def binary_focal(p: Array, targets: Array, alpha: float | None, gamma: float, epsilon: float) -> Array:
    """Loss (...) of probabilities and targets (..., k)."""
    return (_weight(targets, alpha) * _wrong(p, 1 - p, targets) ** gamma * _of_cut(p, targets, epsilon)).mean(axis=-1)


@op
def binary_focal_grad(p: Array, targets: Array, scale: Any, alpha: float | None, gamma: float, epsilon: float) -> Array:
    """dp, as above."""
    cut = array_namespace(p).clip(p, epsilon, 1 - epsilon)
    inside = (p >= epsilon) & (p <= 1 - epsilon)
    r = _wrong(p, 1 - p, targets)
    through_b = r**gamma * (cut - targets) / (cut * (1 - cut)) * inside
    through_r = power_slope(r, gamma) * (1 - 2 * targets) * _of_cut(p, targets, epsilon)
    return _weight(targets, alpha) * (through_b + through_r) * (scale / p.shape[-1])


@op
def sigmoid_focal(logits: Array, targets: Array, alpha: float | None, gamma: float) -> tuple[Array, Array]:
    """Loss (...) of logits and targets (..., k), and the probabilities."""
    p, rest, b = _of_logits(logits, targets)
    return (_weight(targets, alpha) * _wrong(p, rest, targets) ** gamma * b).mean(axis=-1), p


@op
def sigmoid_focal_grad(logits: Array, targets: Array, scale: Any, alpha: float | None, gamma: float) -> Array:
    """dz, as above."""
    p, rest, b = _of_logits(logits, targets)
    r = _wrong(p, rest, targets)
    through_r = power_slope(r, gamma) * (1 - 2 * targets) * p * rest * b
    return _weight(targets, alpha) * (r**gamma * (p - targets) + through_r) * (scale / logits.shape[-1])


def power_slope(r: Array, gamma: float) -> Array:
    """The derivative of r^gamma, gamma r^(gamma - 1), at most the largest number; 0 where r = 0."""
    xp = array_namespace(r)
    zero = r == 0
    return gamma * xp.where(zero, 0, xp.minimum(xp.where(zero, 1, r) ** (gamma - 1), xp.finfo(r.dtype).max))


def _weight(targets: Array, alpha: float | None) -> Any:
    return 1 if alpha is None else alpha * targets + (1 - alpha) * (1 - targets)


def _wrong(p: Array, rest: Array, targets: Array) -> Array:
    return targets * rest + (1 - targets) * p


def _of_cut(p: Array, targets: Array, epsilon: float) -> Array:
    """The cross-entropy b of probabilities, cut."""
    xp = array_namespace(p)
    cut = xp.clip(p, epsilon, 1 - epsilon)
    return -(targets * xp.log(cut) + (1 - targets) * xp.log1p(-cut))


def _of_logits(z: Array, targets: Array) -> tuple[Array, Array, Array]:
    """p, 1 - p and the cross-entropy b, each without a difference that could lose digits."""
    xp = array_namespace(z)
    e = xp.exp(-xp.abs(z))
    large, small = 1 / (1 + e), e / (1 + e)
    b = xp.maximum(z, 0) - z * targets + xp.log1p(e)
    return xp.where(z >= 0, large, small), xp.where(z >= 0, small, large), b
