"""Focal loss of classes: a categorical cross-entropy in which what is predicted well counts little.

    L = -sum_j alpha_j t_j (1 - p_j)^gamma log p_j        targets t (..., classes), one-hot or soft

    g_j = -alpha_j t_j ((1 - p_j)^gamma - gamma p_j (1 - p_j)^(gamma - 1) log p_j)      so that dL/dp_j = g_j / p_j

    dz = g - p sum_j g_j                        for p = softmax(z)
    dq = (g / p - sum_j g_j) / sum_j q_j        for p = q / sum_j q_j

alpha is a number, or one for each class. From logits z everything is exact up to rounding. From probabilities q, p is cut to
[epsilon, 1 - epsilon]; where it was cut, g is 0. Where p = 1 the second term of g is left out, as in ``binary_focal.py``.
Source: Lin et al., Focal Loss for Dense Object Detection, 2017; Keras 3 ("categorical_focal_crossentropy").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op
from minidl.ops.binary_focal import power_slope

Alpha = float | tuple[float, ...]


@op
def probability_focal(q: Array, targets: Array, alpha: Alpha, gamma: float, epsilon: float) -> Array:
    """Loss (...) of probabilities and targets (..., classes)."""
    xp = array_namespace(q)
    p = xp.clip(q / q.sum(axis=-1, keepdims=True), epsilon, 1 - epsilon)
    return -(_weighted(targets, alpha) * (1 - p) ** gamma * xp.log(p)).sum(axis=-1)


@op
def probability_focal_grad(q: Array, targets: Array, scale: Any, alpha: Alpha, gamma: float, epsilon: float) -> Array:
    """dq, as above; beyond the dtype's range, its largest number."""
    xp = array_namespace(q)
    total = q.sum(axis=-1, keepdims=True)
    p = q / total
    cut = (p < epsilon) | (p > 1 - epsilon)
    safe = xp.where(cut, 0.5, p)
    g = xp.where(cut, 0, _g(safe, 1 - safe, xp.log(safe), _weighted(targets, alpha), gamma) * scale)
    largest = xp.finfo(q.dtype).max
    return xp.clip((g / safe - g.sum(axis=-1, keepdims=True)) / total, -largest, largest)  # 1 / total, of a tiny total


@op
def softmax_focal(logits: Array, targets: Array, alpha: Alpha, gamma: float) -> tuple[Array, Array]:
    """Loss (...) of logits and targets (..., classes), and the probabilities."""
    p, rest, log_p = _of_logits(logits)
    return -(_weighted(targets, alpha) * rest**gamma * log_p).sum(axis=-1), p


@op
def softmax_focal_grad(logits: Array, targets: Array, scale: Any, alpha: Alpha, gamma: float) -> Array:
    """dz, as above."""
    p, rest, log_p = _of_logits(logits)
    g = _g(p, rest, log_p, _weighted(targets, alpha), gamma)
    return (g - p * g.sum(axis=-1, keepdims=True)) * scale


def _g(p: Array, rest: Array, log_p: Array, weighted: Array, gamma: float) -> Array:
    return -weighted * (rest**gamma - p * power_slope(rest, gamma) * log_p)


def _weighted(targets: Array, alpha: Alpha) -> Array:
    """alpha_j t_j."""
    return targets * (array_namespace(targets).asarray(alpha, targets.dtype) if isinstance(alpha, tuple) else alpha)


def _of_logits(logits: Array) -> tuple[Array, Array, Array]:
    """p, 1 - p and log p of logits (..., classes)."""
    xp = array_namespace(logits)
    z = logits - logits.max(axis=-1, keepdims=True)
    e = xp.exp(z)
    total = e.sum(axis=-1, keepdims=True)
    p = e / total
    return p, 1 - p, xp.maximum(z, xp.finfo(z.dtype).min) - xp.log(total)
