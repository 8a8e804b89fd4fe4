"""The fraction of samples predicted right."""

from __future__ import annotations

from typing import Any

from minidl import backend as backends
from minidl.backend import Array
from minidl.errors import ArgumentError, DataError, ShapeError, closest
from minidl.metrics.base import Metric
from minidl.metrics.confusion import as_labels


class Accuracy(Metric):
    """correct / total.

    Args:
        kind: ``"categorical"`` compares the largest prediction with the largest target, ``"sparse"`` with an integer
            label, ``"binary"`` compares prediction > 1/2 with target > 1/2, output by output; None decides by the
            shapes: one output is binary, targets of the predictions' shape categorical, anything else sparse.

    Source: decks 000 to 003.
    """

    name = "accuracy"
    aliases = ("acc",)

    def __init__(self, kind: str | None = None) -> None:
        super().__init__()
        if kind not in (None, "categorical", "sparse", "binary"):
            meant = closest(kind, ("categorical", "sparse", "binary"))
            raise ArgumentError("Accuracy", f"kind={kind!r}", "None, 'categorical', 'sparse' or 'binary'", meant=meant)
        self.kind = kind

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
        kind = self.kind or ("binary" if y_pred.shape[-1] == 1 else "categorical" if y_true.shape == y_pred.shape else "sparse")
        if kind == "binary":
            if y_true.ndim < y_pred.ndim:
                y_true = y_true[..., None]
            return ((y_pred > 0.5) == (y_true > 0.5)).mean(axis=-1)
        if kind == "categorical":
            return y_pred.argmax(axis=-1) == y_true.argmax(axis=-1)
        if y_true.ndim == y_pred.ndim:
            y_true = y_true[..., 0]
        return y_pred.argmax(axis=-1) == y_true


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
    return float(backends.array_namespace(true).mean(true == predicted))
