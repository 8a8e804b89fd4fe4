"""Which classes are taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.checks import check_integer
from minidl.errors import DataError, ShapeError


def confusion_matrix(y_true: Any, y_pred: Any, num_classes: int | None = None) -> np.ndarray:
    """Counts (classes, classes): entry [i, j] is how many samples of class i were taken for class j.

    Args:
        y_true, y_pred: labels (n,), one-hot rows or probabilities (n, classes).
        num_classes: by default one more than the largest label, or the number of columns.

    Raises ShapeError for different lengths, DataError for labels out of range. Source: Lecture 2018 (f11 f10 f01 f00).

    >>> confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    if num_classes is not None:
        num_classes = check_integer("confusion_matrix", "num_classes", num_classes)
    columns = max((np.shape(y)[1] for y in (y_true, y_pred) if np.ndim(y) == 2 and np.shape(y)[1] > 1), default=0)
    true, predicted = as_labels(y_true, "y_true"), as_labels(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise ShapeError("confusion_matrix", f"{len(true)} true and {len(predicted)} predicted labels", "equal numbers")
    largest = int(max(true.max(initial=-1), predicted.max(initial=-1)))
    classes = max(columns, largest + 1) if num_classes is None else num_classes
    if largest >= classes or min(true.min(initial=0), predicted.min(initial=0)) < 0:
        raise DataError(
            "confusion_matrix", f"labels from {min(true.min(), predicted.min())} to {largest}", f"0 to {classes - 1}"
        )
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def as_labels(y: Any, where: str) -> np.ndarray:
    """Labels (n,) of labels, one-hot rows or probabilities."""
    backend = backends.current()
    array = backend.to_numpy(backend.asarray(y, None, where))
    if array.ndim == 2:
        array = array.argmax(axis=1) if array.shape[1] > 1 else array[:, 0]
    if array.ndim != 1:
        raise ShapeError(where, f"shape {array.shape}", "labels (n,) or rows (n, classes)")
    fraction = ~np.isfinite(array) | (array != np.floor(array))
    if fraction.any():
        raise DataError(where, f"label {array[fraction][0]}", "whole numbers")
    return array.astype(np.int64)
