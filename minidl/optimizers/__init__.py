"""Optimizers, by class or by name."""

from __future__ import annotations

from minidl.declared import find
from minidl.optimizers.adam import Adam as Adam
from minidl.optimizers.base import Optimizer as Optimizer
from minidl.optimizers.rmsprop import RMSprop as RMSprop
from minidl.optimizers.sgd import SGD as SGD


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of this name (in any case, with its defaults), or the object itself.

    >>> type(get("SGD")).__name__
    'SGD'
    """
    return find("optimizer", identifier, "compile", "optimizer", example="Adam()")
