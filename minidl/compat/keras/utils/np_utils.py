"""``keras.utils.np_utils`` of Keras 2.1, and what it had in Keras 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.compat.keras.utils.conv_utils import conv_input_length as conv_input_length
from minidl.compat.keras.utils.conv_utils import conv_output_length as conv_output_length
from minidl.compat.keras.utils.conv_utils import convert_kernel as convert_kernel
from minidl.compat.keywords import keywords_of_keras_1
from minidl.compat.spelling import told
from minidl.errors import ArgumentError

__all__ = [
    "accuracy", "binary_logloss", "categorical_probas_to_classes", "conv_input_length", "conv_output_length",
    "convert_kernel", "multiclass_logloss", "normalize", "np", "probas_to_classes", "to_categorical",
]  # fmt: skip


@keywords_of_keras_1(nb_classes="num_classes")
def to_categorical(y: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows of class numbers, as ``minidl.utils.to_categorical`` makes them, in float64.

    Numbers may be texts, are cut to whole ones, and count from the end where they are negative, as they did.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    labels = np.array(y, dtype="int64")
    shape = labels.shape[:-1] if labels.ndim and labels.shape[-1] == 1 else labels.shape
    labels = labels.ravel()
    if not num_classes and not labels.size:
        raise ArgumentError("to_categorical", "no labels", "num_classes", "to_categorical(y, num_classes=10)")
    count = int(num_classes or labels.max() + 1)
    wrong = np.flatnonzero((labels >= count) | (labels < -count))
    if wrong.size:
        received, expected = f"label {labels[wrong[0]]} at index {wrong[0]}", f"labels from 0 to {count - 1}"
        raise ArgumentError("to_categorical", received, expected, f"num_classes={int(labels.max()) + 1}")
    rows = np.zeros((labels.size, count))
    rows[np.arange(labels.size), labels] = 1
    return rows.reshape(*shape, count)


@keywords_of_keras_1(a="x")
def normalize(x: Any, axis: int = -1, order: Any = 2) -> np.ndarray:
    """The array divided by its norm along an axis; what is 0 stays 0.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return np.asarray(x) / np.expand_dims(norms, axis)


def binary_logloss(p: Any, y: Any) -> Any:
    """The mean of -y log p - (1 - y) log(1 - p), with p kept 1e-15 away from 0 and 1. Of Keras 1."""
    p, y = np.clip(p, 1e-15, 1 - 1e-15), np.asarray(y)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=0) / len(y)


def multiclass_logloss(p: Any, y: Any) -> Any:
    """The mean of -log of the probability p (n, classes) of the true classes y, which count from 1. Of Keras 1."""
    return -np.mean([np.log(row[label - 1]) for row, label in zip(p, y)])


def accuracy(p: Any, y: Any) -> Any:
    """The part of equal ones among pairs. Of Keras 1."""
    return np.mean([a == b for a, b in zip(p, y)])


def probas_to_classes(y_pred: Any) -> np.ndarray:
    """The class of each row of probabilities; of one column or none, whether it is above 1/2. Of Keras 1."""
    y_pred = np.asarray(y_pred)
    if y_pred.ndim > 1 and y_pred.shape[1] > 1:
        return categorical_probas_to_classes(y_pred)
    told("probas_to_classes(y)", "(y > 0.5).astype(int)")
    return np.array([1 if p > 0.5 else 0 for p in y_pred])


def categorical_probas_to_classes(p: Any) -> np.ndarray:
    """The class of each row of probabilities. Of Keras 1."""
    told("categorical_probas_to_classes(y)", "y.argmax(axis=1)")
    return np.argmax(p, axis=1)
