"""Sees when a setting was assigned anywhere in a network, its loss or its penalties: a recorded step has them built in."""

from __future__ import annotations

from dataclasses import is_dataclass
from itertools import chain
from operator import is_
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.initializers import Initializer
from minidl.layers.state import State
from minidl.layers.symbol import Node, Symbol
from minidl.noticed import Noticed, last_assignment
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, ParameterGroup

_NO_SETTINGS = (type, ModuleType, FunctionType, MethodType, Parameter, ParameterGroup, Symbol, Node, Initializer, Optimizer)


class Settings:
    """The attributes of objects and of all objects that they hold, in lists, tuples and dictionaries too.

    An attribute counts as changed where another object was assigned to it. What is written into an array or a list in place
    is not seen, as a recorded step reads arrays where they are; but for an array without an axis, which stands for a number.
    Where all these objects are minidl's own, whose assignments are noticed, a look costs nothing as long as there were none,
    and what is written into ``vars(object)`` is not seen; otherwise all attributes are compared.

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
        self._looked_after: object = None  # the last assignment anywhere of which it is known that it was none of these
        self.accept()

    def are_untouched(self) -> bool:
        """Whether ``look`` would surely find nothing new, at half of its price; False also where only it could tell."""
        return last_assignment() is self._looked_after and not self._numbers

    def look(self) -> int:
        """A number that is another one than at the last look where anything was assigned since. It is quick."""
        last = last_assignment()  # before the attributes are read: one that comes meanwhile is noticed by the next look
        if self._numbers and any(array.tobytes() != before for array, before in self._numbers):
            self._changes += 1
            self.accept()
            return self._changes
        if last is self._looked_after:
            return self._changes
        attributes, seen = self._known
        now = chain.from_iterable(map(dict.values, attributes))
        if sum(map(len, attributes)) != len(seen) or not all(map(is_, now, seen)):
            self._changes += 1
            self.accept()
        elif self._all_noticed:
            self._looked_after = last
        return self._changes

    def accept(self) -> None:
        """What is assigned now is what counts."""
        last, all_noticed = last_assignment(), True
        all_attributes: list[dict[str, Any]] = []
        seen: list[Any] = []
        numbers: list[tuple[np.ndarray, bytes]] = []  # settings that are arrays without an axis, which may be written to
        found = {id(root): root for root in self._roots}
        without = (*_NO_SETTINGS, np.ndarray, backends.current().array_type)
        left = list(self._roots)
        while left:
            holder = left.pop()
            attributes = getattr(holder, "__dict__", None)
            if not isinstance(attributes, dict):
                continue
            all_noticed = all_noticed and _is_noticed(type(holder))
            all_attributes.append(attributes)
            seen += attributes.values()
            if not isinstance(holder, State):
                public = [value for name, value in attributes.items() if isinstance(value, np.ndarray) and name[0] != "_"]
                numbers += [(array, array.tobytes()) for array in public if array.ndim == 0]
            for value in _parts(attributes.values()):
                if id(value) not in found and not isinstance(value, without):
                    found[id(value)] = value
                    left.append(value)
        self._known, self._numbers = (all_attributes, seen), numbers
        self._all_noticed, self._looked_after = all_noticed, last if all_noticed else None


def _is_noticed(cls: type) -> bool:
    """Whether assignments to its objects are noticed, or impossible. ``compat`` changes attributes in other ways, too."""
    name = cls.__module__
    own = name.startswith("minidl.") and not name.startswith("minidl.compat.")
    frozen = is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    return own and (issubclass(cls, Noticed) or frozen)


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
