"""Loss functions, by class or by name."""

from __future__ import annotations

from minidl.declared import find
from minidl.losses.base import Loss as Loss
from minidl.losses.cross_entropy import BinaryCrossentropy as BinaryCrossentropy
from minidl.losses.cross_entropy import CategoricalCrossentropy as CategoricalCrossentropy
from minidl.losses.cross_entropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from minidl.losses.squared_error import MeanSquaredError as MeanSquaredError

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
    return find("loss", identifier, "compile", "loss", elsewhere=_ELSEWHERE, example="'categorical_crossentropy'")
