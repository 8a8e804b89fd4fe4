"""Under which names old scripts find their modules: ``keras``, ``tensorflow.keras`` and others, made of ``minidl.compat``.

A finder at the head of ``sys.meta_path`` gives the very modules of ``minidl.compat``, so that ``keras.layers`` and
``minidl.compat.keras.layers`` are one object. It is there only while a script runs. Processes that the script starts with
``multiprocessing`` or joblib get its ``sys.path`` but no finder: for them ``FOR_CHILDREN`` holds files of the same names.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl.compat import names_of_then

KERAS = "minidl.compat.keras"
PLACES = {
    "keras": KERAS,
    **{f"tensorflow.contrib.keras{inner}": KERAS for inner in ("", ".api", ".api.keras", ".python", ".python.keras")},
    **{f"tensorflow.python.keras{inner}": KERAS for inner in ("", "._impl", "._impl.keras")},
    "tensorflow.keras": KERAS,
    "tensorflow": "minidl.compat.tensorflow",
    "theano": "minidl.compat.theano",
}
DROPPED = {  # modules that their library had then
    "sklearn.cross_validation": "minidl.compat.sklearn.cross_validation",
    "sklearn.grid_search": "minidl.compat.sklearn.grid_search",
}
WHERE_MISSING = {  # these stand in only where the real ones are not installed
    "IPython": "minidl.compat.ipython",
    "six": "minidl.compat.six",
}
FOR_CHILDREN = str(Path(__file__).parent / "for_children")

_LONGEST_FIRST = sorted(PLACES, key=len, reverse=True)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds old names of modules among those of ``minidl.compat``; imports nothing else.

    Args:
        greeting: a line for stderr when Keras is imported; "": none.
    """

    def __init__(self, greeting: str = "") -> None:
        self.greeting = greeting

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The place of a module, where it is one of ours."""
        place = place_of(fullname)
        if place is None:
            return None
        try:
            found = importlib.util.find_spec(place)
        except ModuleNotFoundError as error:  # what is around it is not there, or is no package
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise
            return None
        if found is None:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=found.submodule_search_locations is not None)
        spec.loader_state = place
        return spec

    def create_module(self, spec: Any) -> ModuleType:
        """The module itself, whatever it is called here."""
        if self.greeting and spec.loader_state == KERAS:
            text, self.greeting = self.greeting, ""
            sys.stderr.write(f"{text}\n")
        place = spec.loader_state
        module = importlib.import_module(place)
        # What it has loaded has its old name too: imported by that name it would be set in its package once more, where by
        # now something else may have the name, as the function ``keras.layers.merge`` has that of a module.
        for name, loaded in list(sys.modules.items()):
            if name.startswith(f"{place}."):
                sys.modules.setdefault(spec.name + name[len(place) :], loaded)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It ran when it was imported; only its own specification, which the import has replaced, is put back."""
        if module.__spec__ is not None and module.__spec__.loader is self:
            module.__spec__ = module.__spec__.loader_state


def place_of(name: str) -> str | None:
    """The module of ``minidl.compat`` for an old name; None where it is none of ours. Of two names the longer one counts.

    >>> place_of("keras.layers.core"), place_of("tensorflow.keras"), place_of("numpy")
    ('minidl.compat.keras.layers.core', 'minidl.compat.keras', None)
    """
    for old in _LONGEST_FIRST:
        if name == old or name.startswith(f"{old}."):
            return PLACES[old] + name[len(old) :]
    if name in DROPPED:
        return DROPPED[name]
    root = name.partition(".")[0]
    if root in WHERE_MISSING and importlib.machinery.PathFinder.find_spec(root) is None:
        return WHERE_MISSING[root] + name[len(root) :]
    return None


def install(greeting: str = "") -> Finder:
    """From here on old names are found, before anything else of these names that may be installed."""
    finder = Finder(greeting)
    sys.meta_path.insert(0, finder)
    names_of_then.offer()
    return finder


@contextmanager
def installed(greeting: str = "") -> Iterator[None]:
    """Old names are found inside the block; behind it everything is as it was. Blocks may stand within each other."""
    hidden = {name: sys.modules.pop(name) for name in _old_names()}
    finder = install(greeting)
    try:
        yield
    finally:
        sys.meta_path[:] = [other for other in sys.meta_path if other is not finder]
        names_of_then.withdraw()
        for name in _old_names():
            del sys.modules[name]
        sys.modules.update(hidden)


def load(name: str) -> ModuleType:
    """The module of this name."""
    return importlib.import_module(name)


def stand_in(name: str) -> None:
    """Make the module that is being imported as ``name``, in a process without a finder, the one of ``minidl.compat``."""
    module = importlib.import_module(str(place_of(name)))
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        install()
    sys.modules[name] = module


def _old_names() -> list[str]:
    return [name for name in list(sys.modules) if place_of(name)]
