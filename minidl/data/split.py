"""Cutting data into training and validation part, and weights by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend.base import host_array
from minidl.checks import check_number
from minidl.data.arrays import ArrayData
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError, warn


def split_last(data: ArrayData, fraction: float, of_classes: bool | Sequence[bool] = True) -> tuple[ArrayData, ArrayData]:
    """Training part and the last ``fraction`` of the samples as they stand, cut before any shuffling (Keras's rule).

    Warns where the classes of the validation part do not occur in training, as with sorted labels. ``of_classes`` says
    whether targets may be classes, with one truth value or one for each output.
    """
    fraction = check_number("fit", "validation_split", fraction, 0, 1)
    cut = int(len(data) * (1 - fraction))
    if not 0 < cut < len(data):
        raise DataError("fit", f"validation_split={fraction} of {len(data)} samples", "at least one sample in each part")
    training, validation = data.select(slice(None, cut)), data.select(slice(cut, None))
    if data.y is not None and cut > 1:
        several = isinstance(data.y, tuple)
        pairs = list(zip(training.y, validation.y)) if several else [(training.y, validation.y)]
        wanted = [of_classes] * len(pairs) if isinstance(of_classes, bool) else of_classes
        for (first, last), looked_at, name in zip(pairs, wanted, data.target_names):
            seen = set(_classes(first)) if looked_at else set()
            if seen and not (seen & set(_classes(last))):
                of = f" of {name}" if several else ""
                message = f"fit: no class{of} of the validation part (the last samples) occurs in training"
                warn(f"{message}; shuffle before splitting.", DataWarning)
    return training, validation


def class_weights(y: Any, weights: Mapping[int, float], sample_weight: Any = None, classes: int | None = None) -> np.ndarray:
    """Weight of each sample by its class (labels (n,), (n, 1) or one-hot rows), times ``sample_weight`` where given.

    ``classes`` is the number of classes, where y is a batch in which some may be missing; by default those of y.
    Raises ArgumentError for classes outside the range of the labels, which are usually a mistake, and for several outputs.

    >>> class_weights([0, 1, 1], {1: 3.0})
    array([1., 3., 3.])
    """
    if not isinstance(weights, Mapping):
        raise ArgumentTypeError(
            "fit: class_weight", f"a {type(weights).__name__}", "a dictionary {class: weight}", "{0: 1.0, 1: 5.0}"
        )
    if isinstance(y, tuple):
        received = f"class weights for a model with {len(y)} outputs"
        fix = "sample_weight, a list or dictionary with an array for each output"
        raise ArgumentError("fit: class_weight", received, "a model with one output", fix)
    array = host_array(y, None, "fit: y")
    one_hot = array.ndim > 1 and array.shape[-1] > 1
    labels = array.argmax(axis=-1) if one_hot else array.reshape(len(array))
    if (one_hot and not np.allclose(array.sum(axis=-1), 1)) or (labels < 0).any() or (labels != np.floor(labels)).any():
        raise DataError("fit: class_weight", "targets that are not classes", "labels 0, 1, ... or one-hot rows")
    classes = array.shape[-1] if one_hot else max(int(labels.max(initial=0)) + 1, classes or 0)
    table = np.ones(classes)
    for label, weight in weights.items():
        if isinstance(label, bool) or not hasattr(label, "__index__") or not 0 <= label < classes:
            raise ArgumentError("fit: class_weight", f"class {label!r}", f"classes 0 to {classes - 1}")
        table[label] = check_number("fit: class_weight", f"weight of class {label}", weight, 0)
    result = table[labels.astype(np.int64)]
    if sample_weight is None:
        return result
    given = host_array(sample_weight, None, "fit: sample_weight")
    if given.shape != result.shape:
        raise ShapeError("fit: sample_weight", f"shape {given.shape}", f"{result.shape}, beside class_weight")
    return result * given


def _classes(y: np.ndarray | None) -> np.ndarray:
    """The labels that occur, for integer labels and one-hot rows; nothing for other targets."""
    if y is None or not len(y):
        return np.empty(0)
    if y.ndim == 1 and y.dtype.kind in "iu":
        return np.unique(y)
    if y.ndim == 2 and y.shape[1] > 1 and (y.sum(axis=1) == 1).all() and (y.max(axis=1) == 1).all():
        return np.unique(y.argmax(axis=1))
    return np.empty(0)
