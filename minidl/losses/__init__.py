"""Loss functions, by class or by name."""

from __future__ import annotations

from minidl.errors import ArgumentError, ArgumentTypeError, closest, described, object_of
from minidl.losses.base import Loss as Loss
from minidl.losses.cross_entropy import BinaryCrossentropy as BinaryCrossentropy
from minidl.losses.cross_entropy import CategoricalCrossentropy as CategoricalCrossentropy
from minidl.losses.cross_entropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from minidl.losses.squared_error import MeanSquaredError as MeanSquaredError

_NAMES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}
_ELSEWHERE = {  # what other libraries and people call them
    "crossentropy": "categorical_crossentropy",
    "cross_entropy": "categorical_crossentropy",
    "categorical_cross_entropy": "categorical_crossentropy",
    "sparse_cross_entropy": "sparse_categorical_crossentropy",
    "sparse_crossentropy": "sparse_categorical_crossentropy",
    "bce": "binary_crossentropy",
    "binary_cross_entropy": "binary_crossentropy",
    "l2": "mse",
}


def get(identifier: str | Loss) -> Loss:
    """The loss of this name, or the object itself.

    >>> get("mse")
    MeanSquaredError()
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        return _NAMES[identifier.lower()]()
    if isinstance(identifier, str):
        meant = closest(identifier, _NAMES, _ELSEWHERE)
        raise ArgumentError("compile", f"loss={identifier!r}", f"a Loss, or one of {', '.join(_NAMES)}", meant=meant)
    fix = f"loss={object_of(identifier, Loss, repr('categorical_crossentropy'))}"
    raise ArgumentTypeError("compile", f"{described(identifier)} as loss", "a Loss object or a name", fix)
