"""The forms in which targets and weights come, and how metrics read them.

Predictions have the shape (n, ..., outputs). Targets are labels, (n, ...) or (n, ..., 1), or have the predictions' shape:
one-hot rows, several labels that hold at once, or numbers. Weights are (n,), or one for each place: (n, ...).
"""

from __future__ import annotations

from typing import Any

from minidl import backend as backends
from minidl.backend import Array
from minidl.errors import ShapeError


def spread(sample_weight: Array, shape: tuple[int, ...], where: str) -> Array:
    """Weights (n, ...) as a view of ``shape``: all numbers of a sample or place weigh as much. Raises ShapeError."""
    missing = len(shape) - sample_weight.ndim
    if missing < 0 or sample_weight.shape != shape[: sample_weight.ndim]:
        raise ShapeError(
            where, f"sample_weight of shape {sample_weight.shape}", f"({shape[0]},), as for values of shape {shape}"
        )
    shaped = sample_weight.reshape(sample_weight.shape + (1,) * missing).astype("float64", copy=False)
    return backends.array_namespace(sample_weight).broadcast_to(shaped, shape)


def as_column(y_true: Array, y_pred: Array) -> Array:
    """Targets (n, ...) as (n, ..., 1) where predictions have one output: y_true - y_pred would be (n, n) otherwise."""
    return y_true[..., None] if y_pred.shape[-1] == 1 and y_true.shape == y_pred.shape[:-1] else y_true


def check_values(values: Any, y_pred: Array, where: str) -> None:
    """Raise ShapeError unless ``values`` have the shape of the predictions, with or without any axis behind the first."""
    shape = getattr(values, "shape", ())
    if shape == y_pred.shape[:-1]:
        return
    axes = iter(y_pred.shape[1:])
    if shape[:1] != y_pred.shape[:1] or not all(length in axes for length in shape[1:]):
        one_output = y_pred.shape[-1] == 1 and len(shape) > 1
        fix = "y_true and y_pred both with the axis of the one output, or both without" if one_output else ""
        expected = f"{y_pred.shape[:-1]}, a number per sample, not their mean"
        raise ShapeError(where, f"values of shape {shape} from per_sample", expected, fix)


def like_predictions(y_true: Array, y_pred: Array) -> Array:
    """Targets (n, ...) of one output as (n, ..., 1): against (n, 1) they would broadcast to (n, n)."""
    return y_true if y_true.ndim == y_pred.ndim else y_true[..., None]


def indicators(y_true: Array, y_pred: Array) -> Array:
    """Whether each output should be on, of the predictions' shape: targets above 1/2, or the one that a label names."""
    if y_true.shape == y_pred.shape or y_pred.shape[-1] == 1:
        return like_predictions(y_true, y_pred) > 0.5
    labels = like_predictions(y_true, y_pred)
    return labels == backends.array_namespace(y_pred).arange(y_pred.shape[-1])


def check_same(y_true: Any, output_shape: tuple[int, ...], where: str, fix: str = "") -> None:
    """Raise ShapeError unless targets have the predictions' shape; where there is one output, its axis may be missing."""
    if y_true.shape != output_shape and not (output_shape[-1] == 1 and y_true.shape == output_shape[:-1]):
        raise ShapeError(where, f"targets of shape {y_true.shape}", f"{output_shape}, that of the predictions", fix)


def check_labels_or_same(y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
    """Raise ShapeError unless targets are labels or have the predictions' shape."""
    labels = (output_shape[:-1], (*output_shape[:-1], 1))
    if y_true.shape != output_shape and y_true.shape not in labels:
        fits = dict.fromkeys((output_shape, *labels))
        raise ShapeError(where, f"targets of shape {y_true.shape}", " or ".join(map(str, fits)))
