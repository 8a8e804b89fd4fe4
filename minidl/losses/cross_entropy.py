"""Cross-entropy losses; the mathematics stands in ``minidl/ops/cross_entropy.py``."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl import config
from minidl.backend import Array
from minidl.checks import check_flag
from minidl.errors import DataError, ShapeError
from minidl.losses.base import Loss
from minidl.ops import cross_entropy as ops

_SUM_TOLERANCE = 0.1  # of the sum of a row of targets: float16 and probabilities written with two digits pass


class _CrossEntropy(Loss):
    """What the three share: probabilities or logits."""

    checks_finite = True

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = check_flag(type(self).__name__, "from_logits", from_logits)

    def with_logits(self) -> Loss:
        """The same loss of logits."""
        return type(self)(from_logits=True)

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """The probabilities, which the loss of logits computes on its way."""
        return saved[0] if self.from_logits else y_pred


class CategoricalCrossentropy(_CrossEntropy):
    """L_i = -sum_j t_j log p_j for one-hot (or soft) targets t, shape (n, ..., classes).

    Args:
        from_logits: False: p is the prediction, divided by its sum and cut to [1e-7, 1 - 1e-7].
            True: p = softmax(prediction). ``compile`` turns a softmax layer in front of the loss into this by itself.

    Source: decks 000 to 003.

    >>> import numpy as np
    >>> loss = CategoricalCrossentropy(from_logits=True)
    >>> value, saved = loss.apply(np.array([[10000.0, 0.0]]), np.array([[0.0, 1.0]]))
    >>> float(value), loss.gradient(saved).tolist()
    (10000.0, [[1.0, -1.0]])
    """

    merges = "softmax"
    default_accuracy = "categorical"

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """One-hot targets; integer labels are refused with the name of the loss that takes them."""
        if y_true.shape != output_shape:
            labels = y_true.shape in (output_shape[:-1], (*output_shape[:-1], 1))
            fix = "minidl.utils.to_categorical(y), or the loss 'sparse_categorical_crossentropy'" if labels else ""
            raise ShapeError(where, f"targets of shape {y_true.shape}", f"one-hot targets of shape {output_shape}", fix)

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``, and rows that are distributions: the formula holds for others, but what is learned is not what was meant.

        Raises DataError, naming value and index, for targets that are negative or not finite and for rows whose sum is not 1,
        unless they weigh 0.
        """
        self.check(y_true, output_shape, where)
        check_distributions(y_true, where, weight)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.softmax_cross_entropy(y_pred, targets)
        return ops.probability_cross_entropy(y_pred, targets, _epsilon(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.softmax_cross_entropy_grad(kept, targets, scale)
        return ops.probability_cross_entropy_grad(kept, targets, scale, _epsilon(kept))


class SparseCategoricalCrossentropy(_CrossEntropy):
    """L_i = -log p_label for integer labels (n, ...) or (n, ..., 1) in 0 .. classes - 1; else as ``CategoricalCrossentropy``.

    >>> import numpy as np
    >>> value, _ = SparseCategoricalCrossentropy().apply(np.array([[0.25, 0.75]]), [1])
    >>> round(float(value), 4)
    0.2877
    """

    merges = "softmax"
    default_accuracy = "sparse"

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Integer labels. Raises ShapeError for one-hot targets, DataError for fractions and labels out of range."""
        if y_true.shape not in (output_shape[:-1], (*output_shape[:-1], 1)):
            fix = "the loss 'categorical_crossentropy'" if y_true.shape == output_shape else ""
            raise ShapeError(where, f"labels of shape {y_true.shape}", f"integers of shape {output_shape[:-1]}", fix)
        check_labels(y_true, output_shape[-1], where)

    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Labels (n, ...) as 64-bit integers."""
        return y_true.reshape(y_pred.shape[:-1]).astype(np.int64, copy=False)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.sparse_softmax_cross_entropy(y_pred, targets)
        return ops.probability_cross_entropy(y_pred, ops.one_hot(targets, y_pred), _epsilon(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.sparse_softmax_cross_entropy_grad(kept, targets, scale)
        return ops.probability_cross_entropy_grad(kept, ops.one_hot(targets, kept), scale, _epsilon(kept))


class BinaryCrossentropy(_CrossEntropy):
    """L_i = mean over outputs of -t log p - (1 - t) log(1 - p), targets t in [0, 1] of the predictions' shape.

    Args:
        from_logits: False: p is the prediction, cut to [1e-7, 1 - 1e-7]. True: p = sigmoid(prediction).

    >>> import numpy as np
    >>> value, _ = BinaryCrossentropy().apply(np.array([[0.5]]), [1])
    >>> round(float(value), 4)
    0.6931
    """

    merges = "sigmoid"
    default_accuracy = "binary"

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises DataError, naming value and index, for targets outside [0, 1]."""
        super().check(y_true, output_shape, where)
        if y_true.size and not (y_true.min() >= 0 and y_true.max() <= 1):  # which NaN is not
            received, classes = first_of(~((y_true >= 0) & (y_true <= 1)), y_true, "target"), np.unique(y_true)
            fix = ""
            if classes.tolist() == [-1, 1]:
                fix = "(y + 1) / 2, which makes 0 and 1 of -1 and 1"
            elif classes.tolist() == [1, 2]:
                fix = "y - 1, which makes 0 and 1 of 1 and 2"
            elif len(classes) > 2 and (classes == np.floor(classes)).all():
                fix = f"Dense({len(classes)}, activation='softmax') and the loss 'sparse_categorical_crossentropy', for classes"
            raise DataError(where, received, "0 to 1", fix)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.sigmoid_cross_entropy(y_pred, targets)
        return ops.binary_cross_entropy(y_pred, targets, _epsilon(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.sigmoid_cross_entropy_grad(kept, targets, scale)
        return ops.binary_cross_entropy_grad(kept, targets, scale, _epsilon(kept))


def _epsilon(p: Array) -> float:
    """The project's epsilon, but never so small that 1 - epsilon is 1 in the dtype of p."""
    return max(config.epsilon(), float(np.finfo(p.dtype).eps))


def first_of(problem: np.ndarray, y: np.ndarray, what: str) -> str:
    """Value and index of the first target that is marked in ``problem``."""
    index = tuple(int(i) for i in np.argwhere(problem)[0])
    return f"{what} {y[index]} at index {index[0] if len(index) == 1 else index}"


def check_labels(labels: np.ndarray, classes: int, where: str) -> None:
    """Raise DataError, naming value and index, unless every label is an integer in 0 .. classes - 1."""
    if labels.dtype.kind == "f" and (wrong := labels != np.floor(labels)).any():
        raise DataError(where, first_of(wrong, labels, "label"), "whole numbers")
    outside = labels.size and (labels.min() < 0 or labels.max() >= classes)
    if not outside:
        return
    received = first_of((labels < 0) | (labels >= classes), labels, "label")
    low, high = labels.min(), labels.max()
    if low == -1 and high == 1 and (labels != 0).all():
        fix = "(y + 1) // 2, which makes 0 and 1 of -1 and 1"
    elif low == 1 and high == classes:
        fix = "y - 1, because labels begin with 0"
    elif low < 0 or not np.isfinite(high):
        fix = "labels that begin with 0: classes, y = np.unique(y, return_inverse=True)"
    else:
        fix = f"an output layer of more than {classes} units ({int(high) + 1} for these), or other labels"
    raise DataError(where, received, f"0 to {classes - 1}", fix)


def check_distributions(targets: np.ndarray, where: str, weight: np.ndarray | None = None) -> None:
    """Raise DataError unless every row of targets (..., classes) is a distribution: numbers >= 0 whose sum is 1.

    Rows of ``weight`` 0 may have any sum: rows of zeros are how sequences are filled up.
    """
    if not targets.size or _are_distributions(targets):
        return
    with np.errstate(all="ignore"):
        wrong = ~((targets >= 0) & (targets < np.inf))
        if wrong.any():
            pairs = not np.setdiff1d(targets, (-1, 1)).size
            fix = "(y + 1) / 2, which makes 0 and 1 of -1 and 1" if pairs else ""
            raise DataError(where, first_of(wrong, targets, "target"), "probabilities, 0 to 1", fix)
        sums = targets.sum(axis=-1, dtype="float64")
        far = ~(abs(sums - 1) <= _SUM_TOLERANCE)
        if weight is not None and weight.shape == far.shape[: weight.ndim]:
            far &= (weight != 0).reshape(weight.shape + (1,) * (far.ndim - weight.ndim))
    if far.any():
        received = first_of(far, sums, "a row of targets whose sum is")
        fix = "y / y.sum(axis=-1, keepdims=True); sigmoid and 'binary_crossentropy', where several classes may be true at once"
        if (sums[far] == 0).all():
            fix = "sample_weight=0 for samples that belong to no class"
        raise DataError(where, received, "one-hot rows or probabilities, whose sum is 1", fix)


@np.errstate(all="ignore")
def _are_distributions(targets: np.ndarray) -> bool:
    """Whether targets are surely distributions, found out quickly, as it is asked for every single batch; False: look again."""
    if targets.dtype.char not in "fd" or not np.minimum.reduce(targets, axis=None) >= 0:
        return False
    off = targets.dot(_ones(targets.shape[-1], targets.dtype)).reshape(-1) - 1
    return bool(off.dot(off) <= _SUM_TOLERANCE**2)  # then no row is off by more


@functools.lru_cache(maxsize=16)
def _ones(length: int, dtype: np.dtype) -> np.ndarray:
    return np.ones(length, dtype)
