"""``keras.losses`` of Keras 2.1: functions of (y_true, y_pred), which ``compile`` takes in place of their names.

A mean over weighted samples divides by how many weights are not 0, as Keras 2.1 does; today by the number of samples. Targets
that minidl refuses because a formula means nothing for them (rows that are no distribution, negative counts) are taken, and
hinge losses take 0 as 0. Where a softmax or sigmoid stands before its cross-entropy, the two are computed as one, which never
cuts a probability: for one below 1e-7, where Keras 2.1 had no gradient, there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import losses as today
from minidl.compat.keras import backend as K
from minidl.compat.keras.traced import FunctionLoss, OldMean
from minidl.declared import find, from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.losses.base import Loss

# -- functions ---------------------------------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of (p - t)^2 over the outputs.

    >>> import numpy as np
    >>> mean_squared_error(np.array([[1.0, 1.0]]), np.array([[1.0, 3.0]])).tolist()
    [2.0]
    """
    return K.mean(K.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of |p - t|."""
    return K.mean(K.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of 100 |p - t| / max(|t|, epsilon)."""
    parts = (y_true - y_pred) / K.clip(K.abs(y_true), K.epsilon(), None)
    return K.mean(K.abs(parts), axis=-1) * 100.0


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """The mean of (log(1 + p) - log(1 + t))^2; both are at least epsilon."""
    p, t = (K.log(1.0 + K.clip(y, K.epsilon(), None)) for y in (y_pred, y_true))
    return K.mean(K.square(p - t), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of max(0, 1 - t p)^2."""
    return K.mean(K.square(K.maximum(1.0 - y_true * y_pred, 0.0)), axis=-1)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """The mean of max(0, 1 - t p)."""
    return K.mean(K.maximum(1.0 - y_true * y_pred, 0.0), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(0, 1 + max_j (1 - t_j) p_j - sum_j t_j p_j)."""
    other = K.max((1.0 - y_true) * y_pred, axis=-1)
    return K.maximum(other - K.sum(y_true * y_pred, axis=-1) + 1.0, 0.0)


def logcosh(y_true: Any, y_pred: Any) -> Any:
    """The mean of log cosh(p - t), also where cosh would overflow."""
    d = K.abs(y_pred - y_true)
    return K.mean(d + K.log(0.5 + 0.5 * K.exp(-2.0 * d)), axis=-1)


def categorical_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """-sum_j t_j log p_j."""
    return K.categorical_crossentropy(y_true, y_pred)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """-log p_label."""
    return K.sparse_categorical_crossentropy(y_true, y_pred)


def binary_crossentropy(y_true: Any, y_pred: Any) -> Any:
    """The mean of -t log p - (1 - t) log(1 - p)."""
    return K.mean(K.binary_crossentropy(y_true, y_pred), axis=-1)


def kullback_leibler_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum_j t_j log(t_j / p_j); both are cut to epsilon and 1."""
    t, p = (K.clip(y, K.epsilon(), 1.0) for y in (y_true, y_pred))
    return K.sum(t * K.log(t / p), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """The mean of p - t log(p + epsilon)."""
    return K.mean(y_pred - y_true * K.log(y_pred + K.epsilon()), axis=-1)


def cosine_proximity(y_true: Any, y_pred: Any) -> Any:
    """-sum_j of t and p as unit vectors."""
    t, p = (K.l2_normalize(y, axis=-1) for y in (y_true, y_pred))
    return -K.sum(t * p, axis=-1)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_proximity

# -- as minidl trains with them ----------------------------------------------------------------------------------------


class _Old(OldMean, abstract=True):
    """Fewer checks of targets, and the mean of then."""

    checks_finite = False

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """Shapes only."""
        self.check(y_true, output_shape, where)


class _AnyTargets(_Old, abstract=True):
    """Targets of the predictions' shape, whatever their numbers."""

    check = Loss.check
    prepare = Loss.prepare


def _face(cls: Any, *bases: Any) -> Any:
    """minidl's class as Keras 2.1 has it; files hold minidl's."""
    return type(cls)(cls.__name__, (*(bases or (_Old,)), cls), {"written_as": cls, "__module__": __name__}, abstract=True)


_FACES: dict[Any, Any] = {
    mean_squared_error: _face(today.MeanSquaredError),
    mean_absolute_error: _face(today.MeanAbsoluteError),
    mean_absolute_percentage_error: _face(today.MeanAbsolutePercentageError),
    mean_squared_logarithmic_error: _face(today.MeanSquaredLogarithmicError, _AnyTargets),
    squared_hinge: _face(today.SquaredHinge, _AnyTargets),
    hinge: _face(today.Hinge, _AnyTargets),
    categorical_hinge: _face(today.CategoricalHinge, _AnyTargets),
    logcosh: _face(today.LogCosh),
    categorical_crossentropy: _face(today.CategoricalCrossentropy),
    sparse_categorical_crossentropy: _face(today.SparseCategoricalCrossentropy),
    binary_crossentropy: _face(today.BinaryCrossentropy, _AnyTargets),
    kullback_leibler_divergence: _face(today.KLDivergence),
    poisson: _face(today.Poisson, _AnyTargets),
    cosine_proximity: _face(today.CosineSimilarity),
}
_OF_TODAY = {face.written_as: face for face in _FACES.values()}
NAMES: dict[str, Any] = {
    **{function.__name__: function for function in _FACES},
    "mse": mse, "mae": mae, "mape": mape, "msle": msle, "kld": kld, "cosine": cosine,
}  # fmt: skip


def for_compile(value: Any) -> Any:
    """What ``compile(loss=...)`` means, as minidl takes it: a name, a function, or a list or dictionary of them.

    Raises ArgumentError for an unknown name.

    >>> for_compile("MSE"), for_compile(hinge)
    (MeanSquaredError(), Hinge())
    """
    if isinstance(value, (list, tuple)):
        return [for_compile(part) for part in value]
    if isinstance(value, Mapping):
        return for_compile(from_plain(value)) if "class_name" in value else {k: for_compile(v) for k, v in value.items()}
    if isinstance(value, Loss):
        face = _OF_TODAY.get(type(value))
        return face(**value._arguments()) if face else value
    if isinstance(value, str):
        if value.lower() not in NAMES and find("loss", value, "compile", "loss"):
            return for_compile(today.get(value))
        value = deserialize(value)
    if callable(value) and not isinstance(value, type):
        face = _FACES.get(value) if getattr(value, "__hash__", None) else None
        return face() if face else FunctionLoss(value)
    return value


def serialize(loss: Any) -> str:
    """The name of a function."""
    return str(loss.__name__)


def deserialize(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The function of this name, in any case of letters. Raises ArgumentError where there is none."""
    found = (custom_objects or {}).get(name) or NAMES.get(name.lower())
    if found is None:
        raise ArgumentError("keras.losses", repr(name), f"one of {', '.join(NAMES)}", meant=closest(name, NAMES))
    return found


def get(identifier: Any) -> Any:
    """The function that a name means.

    >>> get("mse") is mean_squared_error
    True
    """
    if identifier is None or callable(identifier):
        return identifier
    if isinstance(identifier, str):
        return deserialize(identifier)
    raise ArgumentTypeError("keras.losses.get", described(identifier), "a name or a function")
