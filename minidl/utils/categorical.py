"""One-hot encoding of class labels."""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from minidl.errors import ArgumentError, ArgumentTypeError


def to_categorical(y: npt.ArrayLike, num_classes: int | None = None, dtype: npt.DTypeLike = "float32") -> np.ndarray:
    """One-hot vectors of integer class labels, as ``keras.utils.to_categorical``.

    Args:
        y: labels of any shape, integers or floats that are whole numbers, from 0 to ``num_classes - 1``. A last axis
            of length 1 is dropped first.
        num_classes: number of classes; the largest label plus one if None.
        dtype: element type of the result.

    Returns:
        An array ``(*y.shape, num_classes)``: 1 at the place of each label, 0 elsewhere. ``y`` is not changed.

    Raises:
        ArgumentError: a label is not whole or is out of range, or there are neither labels nor ``num_classes``.
        ArgumentTypeError: labels or ``num_classes`` are not numbers of the right kind.

    >>> to_categorical([2, 0], num_classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = np.asarray(y)
    if labels.size == 0 and labels.dtype.kind == "f":
        labels = labels.astype(np.intp)  # np.asarray([]) is of floats
    if labels.dtype.kind not in "biuf":
        raise ArgumentTypeError("to_categorical(y)", f"elements of type {labels.dtype}", "integers")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)  # what does not fit comes out different, and is refused below
    _refuse(labels, (whole != labels) | (whole < 0), "a whole number from 0 up")
    if num_classes is None:
        if labels.size == 0:
            raise ArgumentError("to_categorical(y)", "no labels", "num_classes", "to_categorical(y, num_classes=10)")
        num_classes = int(whole.max()) + 1
    try:
        classes = operator.index(num_classes)
    except TypeError:
        raise ArgumentTypeError("to_categorical(num_classes)", repr(num_classes), "an integer or None") from None
    if classes < 1:
        raise ArgumentError("to_categorical(num_classes)", repr(num_classes), "1 or more")
    _refuse(labels, whole >= classes, f"a label below num_classes={classes}")
    result = np.zeros((labels.size, classes), dtype)
    result[np.arange(labels.size), whole.ravel()] = 1
    return result.reshape(*labels.shape, classes)


def _refuse(labels: np.ndarray, wrong: np.ndarray, expected: str) -> None:
    """Raise ArgumentError naming the first label marked in ``wrong``, if any."""
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = "" if not index else f" at index {index[0] if len(index) == 1 else index}"
        raise ArgumentError("to_categorical(y)", f"label {labels[index]}{place}", expected)
