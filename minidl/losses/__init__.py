"""Loss functions, by class or by name."""

from __future__ import annotations

from minidl.errors import ArgumentError, ArgumentTypeError
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
        raise ArgumentError("compile", f"loss={identifier!r}", f"a Loss, or one of {', '.join(_NAMES)}")
    raise ArgumentTypeError("compile", f"loss={identifier!r}", "a Loss object or a name", "'categorical_crossentropy'")
