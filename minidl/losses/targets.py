"""What targets of classes must be: checks that name value and index of the first one that is not, and say what to write."""

from __future__ import annotations

import functools

import numpy as np

from minidl.errors import DataError, ShapeError

_SUM_TOLERANCE = 0.1  # of the sum of a row of targets: float16 and probabilities written with two digits pass


def first_of(problem: np.ndarray, y: np.ndarray, what: str) -> str:
    """Value and index of the first target that is marked in ``problem``."""
    index = tuple(int(i) for i in np.argwhere(problem)[0])
    return f"{what} {y[index]} at index {index[0] if len(index) == 1 else index}"


def check_bits(targets: np.ndarray, where: str) -> None:
    """Raise DataError, naming value and index, unless every target is in [0, 1]."""
    if not targets.size or (targets.min() >= 0 and targets.max() <= 1):  # which NaN is not
        return
    received, classes = first_of(~((targets >= 0) & (targets <= 1)), targets, "target"), np.unique(targets)
    fix = ""
    if classes.tolist() == [-1, 1]:
        fix = "(y + 1) / 2, which makes 0 and 1 of -1 and 1"
    elif classes.tolist() == [1, 2]:
        fix = "y - 1, which makes 0 and 1 of 1 and 2"
    elif len(classes) > 2 and (classes == np.floor(classes)).all():
        fix = f"Dense({len(classes)}, activation='softmax') and the loss 'sparse_categorical_crossentropy', for classes"
    raise DataError(where, received, "0 to 1", fix)


def check_signs(targets: np.ndarray, where: str) -> None:
    """Raise DataError, naming value and index, unless the targets are -1 and 1, or 0 and 1."""
    wrong = (targets != -1) & (targets != 0) & (targets != 1)
    if wrong.any():
        fix = "'binary_crossentropy' with activation='sigmoid', for probabilities; 'mse' or 'huber', for numbers"
        raise DataError(where, first_of(wrong, targets, "target"), "-1 and 1, or 0 and 1", fix)
    if (targets == -1).any() and (targets == 0).any():
        fix = "sample_weight=0 for samples that belong to neither"
        raise DataError(where, "targets -1, 0 and 1" if (targets == 1).any() else "targets -1 and 0", "two classes", fix)


def check_not_negative(targets: np.ndarray, where: str, why: str, fix: str) -> None:
    """Raise DataError, naming value and index, unless every target is >= 0; NaN and infinity are for others to find."""
    negative = targets < 0
    if negative.any():
        raise DataError(where, first_of(negative, targets, "target"), f"numbers >= 0, {why}", fix)


def check_one_hot_shape(y_true: np.ndarray, output_shape: tuple[int, ...], where: str, sparse: str) -> None:
    """Raise ShapeError unless targets have the predictions' shape; ``sparse`` is the loss to take for integer labels, or ""."""
    if y_true.shape != output_shape:
        labels = y_true.shape in (output_shape[:-1], (*output_shape[:-1], 1))
        fix = "minidl.utils.to_categorical(y)" + (f", or the loss {sparse!r}" if sparse else "") if labels else ""
        raise ShapeError(where, f"targets of shape {y_true.shape}", f"one-hot targets of shape {output_shape}", fix)


def check_labels(labels: np.ndarray, classes: int, where: str, ignored: int | None = None) -> None:
    """Raise DataError, naming value and index, unless every label is an integer in 0 .. classes - 1, or ``ignored``."""
    if ignored is not None:
        labels = np.where(labels == ignored, 0, labels)
    if labels.dtype.kind == "f" and (wrong := labels != np.floor(labels)).any():
        raise DataError(where, first_of(wrong, labels, "label"), "whole numbers")
    if labels.dtype.kind == "i" and labels.dtype.isnative:  # without a sign negative ones are the largest: one pass
        outside = labels.size and labels.view(f"u{labels.itemsize}").max() >= classes
    else:
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
