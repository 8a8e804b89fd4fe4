"""Under which names old scripts find their modules: ``keras``, ``tensorflow.keras`` and others, made of ``minidl.compat``.

A finder at the head of ``sys.meta_path`` gives the very modules of ``minidl.compat``, so that ``keras.layers`` and
``minidl.compat.keras.layers`` are one object. It is there only while a script runs.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

KERAS = "minidl.compat.keras"
PLACES = {  # the longest that fits is taken
    "keras": KERAS,
    "tensorflow.contrib.keras.python.keras": KERAS,
    "tensorflow.contrib.keras.api.keras": KERAS,
    "tensorflow.contrib.keras": KERAS,
    "tensorflow.python.keras": KERAS,
    "tensorflow.keras": KERAS,
    "tensorflow": "minidl.compat.tensorflow",
    "theano": "minidl.compat.theano",
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds old names of modules among those of ``minidl.compat``; imports nothing else."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The place of a module, where it is one of ours."""
        found = place_of(fullname)
        if found is None or importlib.util.find_spec(found) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        """The module itself, whatever it is called here."""
        module = importlib.import_module(str(place_of(spec.name)))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It ran when it was imported; only its own name is put back."""
        module.__spec__ = self._own_spec


def place_of(name: str) -> str | None:
    """The module of ``minidl.compat`` for an old name; None where it is none of ours.

    >>> place_of("keras.layers.core"), place_of("tensorflow.keras"), place_of("numpy")
    ('minidl.compat.keras.layers.core', 'minidl.compat.keras', None)
    """
    for old in sorted(PLACES, key=len, reverse=True):
        if name == old or name.startswith(f"{old}."):
            return PLACES[old] + name[len(old) :]
    return None


@contextmanager
def installed() -> Iterator[None]:
    """Old names are found inside the block, before anything else of these names that may be installed."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if place_of(name)}
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if place_of(name)]:
            del sys.modules[name]
        sys.modules.update(hidden)
