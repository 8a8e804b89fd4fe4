"""Packages that load a file when one of its names is asked for: a program waits for the layers that it has, and no others."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from minidl import declared
from minidl.errors import closest


def on_demand(
    package: str, files: Mapping[str, str], kind: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` for a package, at the end of its ``__init__``.

    Args:
        package: its ``__name__``.
        files: for each file of the package the names that it gives, with spaces between: ``{"dense": "Dense"}``.
        kind: what its classes are in the table of names: all of them are loaded before a name is said not to be there.

    >>> import minidl.layers
    >>> minidl.layers.Dense.__module__, "Dense" in dir(minidl.layers)
    ('minidl.layers.dense', True)
    """
    homes = {name: file for file, names in files.items() for name in names.split()}
    module = sys.modules[package]

    def load(name: str) -> Any:
        if name not in homes:
            meant = closest(name, homes) if not name.startswith("__") else ""
            advice = f". Did you mean {meant!r}?" if meant else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{advice}", name=name, obj=module)
        found = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(module, name, found)  # the next time it is there
        return found

    def load_all() -> None:
        for name in homes:
            load(name)

    if kind:
        declared.complete_by(kind, load_all)
    own = [
        name for name, thing in vars(module).items() if getattr(thing, "__module__", "").startswith(package) and name[0] != "_"
    ]
    return load, lambda: sorted({*vars(module), *homes}), sorted({*own, *homes})
