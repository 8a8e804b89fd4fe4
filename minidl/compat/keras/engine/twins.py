"""One optimizer object in several models, which Keras 2.1 allowed: moments for each, one learning rate, one count of steps."""

from __future__ import annotations

import copy
import types
from typing import Any


def twin_of(optimizer: Any) -> Any:
    """An optimizer for another model that shares the learning rate and the number of steps with ``optimizer``.

    In Keras 2.1 one object could train several models: each had moments of its own, and they counted their steps together.
    """
    first = vars(optimizer).get("_first", optimizer)
    other = copy.copy(first)
    base = type(first)
    members = {
        "written_as": vars(base).get("written_as") or base,
        "_plain": lambda self: self._first._plain(),
        "iterations": property(lambda self: self._first.iterations, _set_iterations),
        "_learning_rate": property(lambda self: self._first._learning_rate, _set_rate),
        "__module__": base.__module__,
    }
    shared = types.new_class(base.__name__, (base,), {"abstract": True}, lambda namespace: namespace.update(members))
    other._first = first
    other.__class__ = shared
    return other


def _set_iterations(optimizer: Any, value: int) -> None:
    optimizer._first.iterations = value


def _set_rate(optimizer: Any, value: Any) -> None:
    optimizer._first._learning_rate = value
