"""``keras.metrics`` of Keras 2.1: functions of (y_true, y_pred), called in histories as the functions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl import metrics as today
from minidl.backend import Array, array_namespace
from minidl.compat.keras import backend as K
from minidl.compat.keras import losses
from minidl.compat.keras.losses import MAE as MAE
from minidl.compat.keras.losses import MAPE as MAPE
from minidl.compat.keras.losses import MSE as MSE
from minidl.compat.keras.losses import MSLE as MSLE
from minidl.compat.keras.losses import binary_crossentropy as binary_crossentropy
from minidl.compat.keras.losses import categorical_crossentropy as categorical_crossentropy
from minidl.compat.keras.losses import categorical_hinge as categorical_hinge
from minidl.compat.keras.losses import cosine as cosine
from minidl.compat.keras.losses import cosine_proximity as cosine_proximity
from minidl.compat.keras.losses import hinge as hinge
from minidl.compat.keras.losses import kullback_leibler_divergence as kullback_leibler_divergence
from minidl.compat.keras.losses import logcosh as logcosh
from minidl.compat.keras.losses import mae as mae
from minidl.compat.keras.losses import mape as mape
from minidl.compat.keras.losses import mean_absolute_error as mean_absolute_error
from minidl.compat.keras.losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from minidl.compat.keras.losses import mean_squared_error as mean_squared_error
from minidl.compat.keras.losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from minidl.compat.keras.losses import mse as mse
from minidl.compat.keras.losses import msle as msle
from minidl.compat.keras.losses import poisson as poisson
from minidl.compat.keras.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from minidl.compat.keras.losses import squared_hinge as squared_hinge
from minidl.compat.keras.traced import FunctionMetric
from minidl.declared import find_class, from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.losses import Loss


def binary_accuracy(y_true: Any, y_pred: Any) -> Any:
    """The fraction of outputs that equal the target when they are rounded."""
    return K.mean(K.cast(K.equal(y_true, K.round(y_pred)), "float32"), axis=-1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction stands where the largest target does."""
    return K.cast(K.equal(K.argmax(y_true), K.argmax(y_pred)), "float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is that of the label."""
    return K.cast(K.equal(K.max(y_true, axis=-1), K.argmax(y_pred)), "float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """The fraction of samples whose class is among the k largest predictions."""
    return K.mean(K.cast(K.in_top_k(y_pred, K.argmax(y_true), k), "float32"), axis=-1)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """The fraction of samples whose label is among the k largest predictions."""
    return K.mean(K.cast(K.in_top_k(y_pred, K.max(y_true, axis=-1), k), "float32"), axis=-1)


class Accuracy(today.Accuracy, abstract=True):
    """minidl's accuracy; one output, or several of a binary cross-entropy, are right where they equal the target when rounded.

    >>> import numpy as np
    >>> Accuracy().per_sample(np.array([[2.0], [0.0]]), np.array([[1.9], [0.6]])).tolist()
    [True, False]
    """

    written_as = today.Accuracy

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """1 where right, 0 where wrong (rounded, several outputs: the mean over them)."""
        if self.kind != "binary" and not (self.kind is None and y_pred.shape[-1] == 1):
            return super().per_sample(y_true, y_pred)
        targets = y_true.reshape(y_pred.shape) if y_true.size == y_pred.size else y_true
        right = targets == array_namespace(y_pred).rint(y_pred)
        return right[..., 0] if right.shape[-1] == 1 else right.mean(axis=-1)


_TODAY: dict[Any, Any] = {
    binary_accuracy: lambda name: Accuracy("binary", name),
    categorical_accuracy: today.CategoricalAccuracy,
    sparse_categorical_accuracy: today.SparseCategoricalAccuracy,
}
_FUNCTIONS = (*_TODAY, top_k_categorical_accuracy, sparse_top_k_categorical_accuracy)
NAMES: dict[str, Any] = {**losses.NAMES, **{function.__name__: function for function in _FUNCTIONS}}


def as_metric(identifier: Any, loss: Any) -> Any:
    """What an entry of ``compile(metrics=[...])`` means, as minidl takes it; ``loss`` is that of its output.

    >>> as_metric("mae", None).name, as_metric("accuracy", None).name, as_metric(top_k_categorical_accuracy, None).name
    ('mean_absolute_error', 'acc', 'top_k_categorical_accuracy')
    """
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        identifier = from_plain(identifier)
    if isinstance(identifier, today.Metric):
        if type(identifier) is today.Accuracy:
            return Accuracy(identifier.kind, identifier.name)
        return identifier
    if isinstance(identifier, Loss):
        return today.OfLoss(losses.for_compile(identifier))
    if isinstance(identifier, str):
        if identifier in ("accuracy", "acc", "ACC", "Accuracy"):
            kind = getattr(loss, "default_accuracy", None)
            return Accuracy(kind if kind in ("binary", "sparse") else None, "acc")
        if identifier.lower() not in NAMES and find_class("metric", identifier):
            return today.get(identifier, loss)
        identifier = deserialize(identifier)
    if not callable(identifier) or isinstance(identifier, type):
        raise ArgumentTypeError("compile", f"{described(identifier)} as metric", "a name or a function", "metrics=['accuracy']")
    if identifier in _TODAY:
        return _TODAY[identifier](name=identifier.__name__)
    if identifier in losses.NAMES.values():
        return today.OfLoss(losses.for_compile(identifier), identifier.__name__)
    return FunctionMetric(identifier)


def for_compile(metrics: Any, loss: Any, outputs: Sequence[str]) -> Any:
    """``compile(metrics=...)`` as minidl takes it: a list; for several outputs a dictionary of lists by their names.

    A list of entries means all of them for each output. ``loss`` is what ``losses.for_compile`` gave.
    """
    if metrics is None:
        return None
    if not isinstance(metrics, (list, tuple, Mapping)):
        raise ArgumentTypeError("compile", f"metrics={metrics!r}", "a list", "metrics=['accuracy']")
    by_output = {}
    for index, name in enumerate(outputs):
        of_output = metrics.get(name, []) if isinstance(metrics, Mapping) else _of_output(metrics, index, len(outputs))
        part = loss.get(name) if isinstance(loss, Mapping) else loss[index] if isinstance(loss, list) else loss
        listed = of_output if isinstance(of_output, (list, tuple)) else [of_output]
        by_output[name] = [as_metric(entry, part) for entry in listed]
    if isinstance(metrics, Mapping):
        for name in metrics:
            if name not in by_output:
                expected, meant = f"the outputs {', '.join(outputs)}", closest(name, outputs)
                raise ArgumentError("compile", f"metrics of {name!r}", expected, meant=meant)
    return by_output if len(outputs) > 1 else by_output[outputs[0]]


def _of_output(metrics: Any, index: int, count: int) -> Any:
    """The entries for one output: of a list of lists its own, of others all."""
    if metrics and all(isinstance(part, (list, tuple)) for part in metrics):
        if len(metrics) != count:
            raise ArgumentError("compile", f"{len(metrics)} lists of metrics for {count} outputs", "one for each")
        return metrics[index]
    return metrics


def serialize(metric: Any) -> str:
    """The name of a function."""
    return str(metric.__name__)


def deserialize(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The function of this name. Raises ArgumentError where there is none."""
    found = (custom_objects or {}).get(name) or NAMES.get(name.lower())
    if found is None:
        expected = f"'accuracy', or one of {', '.join(NAMES)}"
        raise ArgumentError("keras.metrics", repr(name), expected, meant=closest(name, ["accuracy", *NAMES]))
    return found


def get(identifier: Any) -> Any:
    """The function that a name means.

    >>> get("mse") is mean_squared_error
    True
    """
    if isinstance(identifier, str):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ArgumentTypeError("keras.metrics.get", described(identifier), "a name or a function")
