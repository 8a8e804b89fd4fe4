"""Cross-entropy between targets t and predicted probabilities, per sample; the mean over the batch is the loss's business.

    categorical   L = -sum_j t_j log p_j                      p = softmax(z):   dz = p sum(t) - t
    binary        L = -t log p - (1 - t) log(1 - p)           p = sigmoid(z):   dz = p - t

From logits z, softmax or sigmoid and logarithm are taken together: exact for |z| = 10^4, where a probability would have
underflowed. From probabilities, p is divided by its sum (categorical) and cut to [epsilon, 1 - epsilon] as Keras does;
where it was cut the gradient is zero.

``scale`` in the gradients is dL/d(per-sample loss), shape (..., 1) or a number: sample weight / batch size.
Source: Lecture 2018, Practical 2020, Ghent 1, Ghent 6 ("categorical_crossentropy"); Keras 2.1 and 3 (the cut).
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Loss (...) and probabilities (..., classes) of logits and targets (..., classes)."""
    xp = array_namespace(logits)
    z = logits - logits.max(axis=-1, keepdims=True)
    e = xp.exp(z)
    total = e.sum(axis=-1, keepdims=True)
    log_p = xp.maximum(z, xp.finfo(z.dtype).min) - xp.log(total)  # a difference of two large logits may overflow
    return -(targets * log_p).sum(axis=-1), e / total


@op
def softmax_cross_entropy_grad(probabilities: Array, targets: Array, scale: Any) -> Array:
    """dz = (p sum(t) - t) scale."""
    return (probabilities * targets.sum(axis=-1, keepdims=True) - targets) * scale


@op
def sparse_softmax_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """The same with integer labels (...) in 0 .. classes - 1 in place of one-hot targets."""
    return softmax_cross_entropy(logits, one_hot(labels, logits))


@op
def sparse_softmax_cross_entropy_grad(probabilities: Array, labels: Array, scale: Any) -> Array:
    """dz = (p - one_hot(label)) scale."""
    return (probabilities - one_hot(labels, probabilities)) * scale


@op
def sigmoid_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Mean over the last axis of the binary cross-entropy (...), and the probabilities; log(1 + exp z) without overflow."""
    xp = array_namespace(logits)
    e = xp.exp(-xp.abs(logits))
    loss = xp.maximum(logits, 0) - logits * targets + xp.log1p(e)
    return loss.mean(axis=-1), xp.where(logits >= 0, 1 / (1 + e), e / (1 + e))


@op
def sigmoid_cross_entropy_grad(probabilities: Array, targets: Array, scale: Any) -> Array:
    """dz = (p - t) scale / outputs."""
    return (probabilities - targets) * (scale / targets.shape[-1])


@op
def probability_cross_entropy(p: Array, targets: Array, epsilon: float) -> Array:
    """Categorical cross-entropy (...) of probabilities (..., classes), divided by their sum and cut."""
    cut = array_namespace(p).clip(p / p.sum(axis=-1, keepdims=True), epsilon, 1 - epsilon)
    return -(targets * array_namespace(p).log(cut)).sum(axis=-1)


@op
def probability_cross_entropy_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp through the logarithm, the cut and the division by the sum; beyond the dtype's range, its largest number."""
    xp = array_namespace(p)
    total = p.sum(axis=-1, keepdims=True)
    q = p / total
    inside = (q >= epsilon) & (q <= 1 - epsilon)
    dq = xp.where(inside, -targets / xp.where(inside, q, 1) * scale, 0)  # only by q >= epsilon: t / q of a tiny q overflows
    largest = xp.finfo(p.dtype).max
    return xp.clip((dq - (dq * q).sum(axis=-1, keepdims=True)) / total, -largest, largest)  # 1 / total, of a tiny total


@op
def binary_cross_entropy(p: Array, targets: Array, epsilon: float) -> Array:
    """Mean over the last axis of the binary cross-entropy (...) of probabilities, cut."""
    xp = array_namespace(p)
    cut = xp.clip(p, epsilon, 1 - epsilon)
    return -(targets * xp.log(cut) + (1 - targets) * xp.log1p(-cut)).mean(axis=-1)


@op
def binary_cross_entropy_grad(p: Array, targets: Array, scale: Any, epsilon: float) -> Array:
    """dp = (p - t) / (p (1 - p)) where p was not cut."""
    inside = (p >= epsilon) & (p <= 1 - epsilon)
    cut = array_namespace(p).clip(p, epsilon, 1 - epsilon)
    return (cut - targets) / (cut * (1 - cut)) * inside * (scale / targets.shape[-1])


def one_hot(labels: Array, like: Array) -> Array:
    """Labels (...) as rows of zeros and a one, shape and dtype of ``like`` (..., classes)."""
    classes = array_namespace(like).arange(like.shape[-1])
    return (labels[..., None] == classes).astype(like.dtype)
