"""Sees when a setting was assigned anywhere in a network, its loss or its penalties: a recorded step has them built in."""

from __future__ import annotations

from itertools import chain
from operator import is_
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.initializers import Initializer
from minidl.layers.symbol import Node, Symbol
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, ParameterGroup

_NO_SETTINGS = (type, ModuleType, FunctionType, MethodType, Parameter, ParameterGroup, Symbol, Node, Initializer, Optimizer)


class Settings:
    """The attributes of objects and of all objects that they hold, in lists, tuples and dictionaries too.

    An attribute counts as changed where another object was assigned to it. What is written into an array or a list in place
    is not seen: a recorded step reads arrays where they are.

    >>> from minidl.layers import Dropout
    >>> layer = Dropout(0.5)
    >>> settings = Settings(layer)
    >>> before = settings.look()
    >>> settings.look() == before
    True
    >>> layer.rate = 0.25
    >>> settings.look() == before
    False
    """

    def __init__(self, *roots: Any) -> None:
        self._roots = roots
        self._changes = 0
        # The attributes of each object, and what all of them were, one after the other: together, as other threads may look.
        self._known: tuple[list[dict[str, Any]], list[Any]]
        self.accept()

    def look(self) -> int:
        """A number that is another one than at the last look where anything was assigned since. It is quick."""
        attributes, seen = self._known
        now = chain.from_iterable(map(dict.values, attributes))
        if sum(map(len, attributes)) != len(seen) or not all(map(is_, now, seen)):
            self._changes += 1
            self.accept()
        return self._changes

    def accept(self) -> None:
        """What is assigned now is what counts."""
        all_attributes: list[dict[str, Any]] = []
        seen: list[Any] = []
        found = {id(root): root for root in self._roots}
        without = (*_NO_SETTINGS, np.ndarray, backends.current().array_type)
        left = list(self._roots)
        while left:
            attributes = getattr(left.pop(), "__dict__", None)
            if not isinstance(attributes, dict):
                continue
            all_attributes.append(attributes)
            seen += attributes.values()
            for value in _parts(attributes.values()):
                if id(value) not in found and not isinstance(value, without):
                    found[id(value)] = value
                    left.append(value)
        self._known = all_attributes, seen


def _parts(values: Any) -> list[Any]:
    """The values with what collections among them hold; a model counts as its network."""
    found, collections, left = [], set(), list(values)
    while left:
        value = left.pop()
        if isinstance(value, (list, tuple, dict)):
            if id(value) not in collections:
                collections.add(id(value))  # a list may hold itself
                left.extend(value.values() if isinstance(value, dict) else value)
        elif hasattr(value, "__dict__"):
            found.append(getattr(value, "network", value))
    return found
