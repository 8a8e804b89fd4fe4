"""The fraction of samples predicted right."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, DataError, DataWarning, ShapeError, closest, warn
from minidl.metrics.base import Deciding
from minidl.metrics.confusion import as_labels
from minidl.metrics.forms import like_predictions


class Accuracy(Deciding):
    """correct / total.

    Args:
        kind: ``"categorical"`` compares the largest prediction with the largest target, ``"sparse"`` with an integer
            label, ``"binary"`` compares prediction > 1/2 with target > 1/2, output by output; None decides by the
            shapes: one output is binary, targets of the predictions' shape categorical, anything else sparse, and
            predictions that are whole numbers by their dtype are labels, which are right where they equal the targets.
        name: the key in logs.

    Of equal predictions the first counts as the largest. Source: Lecture 2018, Practical 2020, Ghent 1, Ghent 6.

    >>> metric = Accuracy()
    >>> metric.update_state([[1], [2], [3], [4]], [[0], [2], [3], [4]])
    >>> metric.result()
    0.75
    """

    aliases = ("acc",)
    direction = "max"
    threshold = 0.5

    def __init__(self, kind: str | None = None, name: str | None = "accuracy") -> None:
        if kind not in (None, "categorical", "sparse", "binary"):
            meant = closest(kind, ("categorical", "sparse", "binary"))
            expected = "None, 'categorical', 'sparse' or 'binary'"
            raise ArgumentError(type(self).__name__, f"kind={kind!r}", expected, meant=meant)
        self.kind = kind
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Raise ShapeError where targets and predictions cannot be compared in this way."""
        labels = (output_shape[:-1], (*output_shape[:-1], 1))
        fits = {
            "categorical": (output_shape,),
            "sparse": labels,
            "binary": (output_shape, *labels[: output_shape[-1] == 1]),
            None: (output_shape, *labels),
        }[self.kind]
        if y_true.shape not in fits:
            raise ShapeError(where, f"targets of shape {y_true.shape}", " or ".join(map(str, fits)))

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """1 where right, 0 where wrong (binary: the mean over outputs)."""
        kind = self.kind
        if kind is None:
            kind = "binary" if y_pred.shape[-1] == 1 else "categorical" if y_true.shape == y_pred.shape else "sparse"
            if y_pred.dtype.kind in "iub" and (kind == "binary" or y_true.shape == y_pred.shape):
                return (y_pred == like_predictions(y_true, y_pred)).mean(axis=-1)
        if kind == "binary":
            right = (y_pred > self.threshold) == (like_predictions(y_true, y_pred) > 0.5)
            return right[..., 0] if right.shape[-1] == 1 else right.mean(axis=-1)
        if kind == "categorical":
            return y_pred.argmax(axis=-1) == y_true.argmax(axis=-1)
        return y_pred.argmax(axis=-1) == (y_true[..., 0] if y_true.ndim == y_pred.ndim else y_true)

    def update_batches(self, y_true: Array, y_pred: Array) -> None:
        """Whole numbers are counted, for all batches at once: no sum depends on the order."""
        if y_pred.dtype.kind == "f" and (self.kind != "binary" or y_pred.shape[-1] == 1):
            self.update(y_true.reshape(-1, *y_true.shape[2:]), y_pred.reshape(-1, *y_pred.shape[2:]))
        else:
            super().update_batches(y_true, y_pred)


class BinaryAccuracy(Accuracy):
    """The fraction of outputs on the right side of ``threshold``: prediction > threshold where target > 1/2.

    Args:
        name: the key in logs.
        threshold: predictions above it mean 1; 0 for a model that gives logits.

    >>> metric = BinaryAccuracy(threshold=0.3)
    >>> metric.update_state([1, 1, 0, 0], [0.98, 0.4, 0.1, 0.6])
    >>> metric.result()
    0.75
    """

    def __init__(self, name: str | None = "binary_accuracy", *, threshold: float = 0.5) -> None:
        self.threshold = check_number("BinaryAccuracy", "threshold", threshold)
        super().__init__("binary", name)


class CategoricalAccuracy(Accuracy):
    """The fraction of samples whose largest prediction stands where the largest target does; one-hot targets.

    >>> metric = CategoricalAccuracy()
    >>> metric.update_state([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    >>> metric.result()
    0.5
    """

    def __init__(self, name: str | None = "categorical_accuracy") -> None:
        super().__init__("categorical", name)


class SparseCategoricalAccuracy(Accuracy):
    """The fraction of samples whose largest prediction is that of their label; targets are integers.

    >>> metric = SparseCategoricalAccuracy()
    >>> metric.update_state([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
    >>> metric.result()
    0.5
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy") -> None:
        super().__init__("sparse", name)


class ErrorRate(Accuracy):
    """wrong / total = 1 - accuracy; arguments as for ``Accuracy``.

    >>> metric = ErrorRate()
    >>> metric.update_state([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
    >>> metric.result()
    0.5
    """

    direction = "min"

    def __init__(self, kind: str | None = None, name: str | None = "error_rate") -> None:
        super().__init__(kind, name)

    def result(self) -> float:
        """The fraction so far; NaN before the first sample."""
        return 1.0 - super().result()


class SparseTopKCategoricalAccuracy(Deciding):
    """The fraction of samples whose label is among the k classes of the largest predictions.

    Of equal predictions the first counts as the larger, so that k = 1 is the accuracy, ties included.

    Args:
        k: how many classes count; from ``k`` classes in all on, everything is right, and a DataWarning says so.
        name: the key in logs.

    >>> metric = SparseTopKCategoricalAccuracy(k=2)
    >>> metric.update_state([2, 1], [[0.1, 0.6, 0.3], [0.5, 0.05, 0.45]])
    >>> metric.result()
    0.5
    """

    direction = "max"

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy") -> None:
        self.k = check_integer(type(self).__name__, "k", k)
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Integer labels. Raises ShapeError for others."""
        labels = (output_shape[:-1], (*output_shape[:-1], 1))
        if y_true.shape not in labels:
            fix = "TopKCategoricalAccuracy, which takes one-hot targets" if y_true.shape == output_shape else ""
            raise ShapeError(where, f"targets of shape {y_true.shape}", " or ".join(map(str, labels)), fix)
        self._warn_of_few_classes(output_shape, where)

    def _warn_of_few_classes(self, output_shape: tuple[int, ...], where: str) -> None:
        if output_shape[-1] <= self.k:
            warn(f"{where}: of {output_shape[-1]} classes every one is among the {self.k} largest: always 1.", DataWarning)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """Whether fewer than k classes stand before that of the label: greater ones, and equal ones to the left."""
        xp = backends.array_namespace(y_pred)
        labels = like_predictions(y_true, y_pred)
        classes = xp.arange(y_pred.shape[-1])
        own = classes == labels
        score = xp.where(own, y_pred, 0).sum(axis=-1, keepdims=True)
        before = (y_pred > score) | ((y_pred == score) & (classes < labels))
        return (xp.count_nonzero(before, axis=-1) < self.k) & own.any(axis=-1)  # a label that is no class is wrong


class TopKCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """``SparseTopKCategoricalAccuracy`` for one-hot targets.

    >>> metric = TopKCategoricalAccuracy(k=2)
    >>> metric.update_state([[0, 0, 1], [0, 1, 0]], [[0.1, 0.6, 0.3], [0.5, 0.05, 0.45]])
    >>> metric.result()
    0.5
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy") -> None:
        super().__init__(k, name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """One-hot targets. Raises ShapeError for others."""
        if y_true.shape != output_shape:
            labels = y_true.shape in (output_shape[:-1], (*output_shape[:-1], 1))
            fix = "SparseTopKCategoricalAccuracy, which takes labels" if labels else ""
            raise ShapeError(where, f"targets of shape {y_true.shape}", f"{output_shape}, one-hot", fix)
        self._warn_of_few_classes(output_shape, where)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """As for labels, which are where the largest targets stand."""
        return super().per_sample(y_true.argmax(axis=-1), y_pred)


def accuracy_score(y_true: object, y_pred: object) -> float:
    """The fraction of equal entries of two lists of labels, one-hot rows or probabilities (n, classes).

    >>> accuracy_score([1, 2, 3], [1, 2, 0])
    0.6666666666666666
    """
    true, predicted = as_labels(y_true, "y_true"), as_labels(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise ShapeError("accuracy_score", f"{len(true)} true and {len(predicted)} predicted labels", "equal numbers")
    if not len(true):
        raise DataError("accuracy_score", "no samples", "at least one")
    return float(np.mean(true == predicted))
