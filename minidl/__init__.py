"""minidl: a neural-network framework from scratch on NumPy, with a proven hand-written backward pass for every layer.

The names below load their modules on first use, so that ``import minidl`` stays as quick as ``import numpy``.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "backend",
    "callbacks",
    "config",
    "data",
    "datasets",
    "errors",
    "geometry",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "parameters",
    "testing",
    "utils",
)
_NAMES = {
    "set_backend": "backend",
    "use_backend": "backend",
    "set_threads": "backend",
    "get_threads": "backend",
    "use_threads": "backend",
    "set_seed": "backend.random",
    "get_seed": "backend.random",
    "Sequential": "models",
    "Model": "models",
    "warmup": "models.warmup",
}
__all__ = [*_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"minidl.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"minidl.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'minidl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
