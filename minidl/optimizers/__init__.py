"""Optimizers, by class or by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl import schedules as schedules
from minidl.declared import find
from minidl.errors import ArgumentTypeError
from minidl.on_demand import on_demand
from minidl.optimizers.base import Optimizer as Optimizer


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of this name (in any case, with its defaults), or the object itself.

    >>> type(get("SGD")).__name__
    'SGD'
    """
    found: Optimizer = find("optimizer", identifier, "compile", "optimizer", example="Adam()")
    if not hasattr(found, "iterations"):
        received, fix = "a constructor that does not call that of Optimizer", "super().__init__(learning_rate, **options) in it"
        raise ArgumentTypeError(type(found).__name__, received, "an optimizer with a learning rate", fix)
    return found


_FILES = {
    "adadelta": "Adadelta",
    "adagrad": "Adagrad",
    "adam": "Adam AdamW",
    "adamax": "Adamax",
    "nadam": "Nadam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.optimizers.adadelta import Adadelta as Adadelta
    from minidl.optimizers.adagrad import Adagrad as Adagrad
    from minidl.optimizers.adam import Adam as Adam
    from minidl.optimizers.adam import AdamW as AdamW
    from minidl.optimizers.adamax import Adamax as Adamax
    from minidl.optimizers.nadam import Nadam as Nadam
    from minidl.optimizers.rmsprop import RMSprop as RMSprop
    from minidl.optimizers.sgd import SGD as SGD
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES, "optimizer")
