"""minidl: a neural-network framework from scratch on NumPy, with a proven hand-written backward pass for every layer.

The names below load their modules on first use, so that ``import minidl`` stays as quick as ``import numpy``.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from minidl.errors import closest

__version__ = "0.1.0"

_MODULES = (
    "applications",
    "backend",
    "boltzmann",
    "callbacks",
    "config",
    "constraints",
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
    "regularizers",
    "schedules",
    "testing",
    "utils",
    "visual",
)
_NAMES = {
    "set_backend": "backend",
    "use_backend": "backend",
    "set_threads": "backend",
    "get_threads": "backend",
    "use_threads": "backend",
    "set_seed": "backend.random",
    "get_seed": "backend.random",
    "Input": "layers",
    "Sequential": "models",
    "Model": "models",
    "load_model": "models",
    "predictor": "models.predictor",
    "warmup": "models.warmup",
}
__all__ = [*_MODULES, *_NAMES]


if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl import applications as applications
    from minidl import backend as backend
    from minidl import boltzmann as boltzmann
    from minidl import callbacks as callbacks
    from minidl import config as config
    from minidl import constraints as constraints
    from minidl import data as data
    from minidl import datasets as datasets
    from minidl import errors as errors
    from minidl import geometry as geometry
    from minidl import initializers as initializers
    from minidl import layers as layers
    from minidl import losses as losses
    from minidl import metrics as metrics
    from minidl import models as models
    from minidl import ops as ops
    from minidl import optimizers as optimizers
    from minidl import parameters as parameters
    from minidl import regularizers as regularizers
    from minidl import schedules as schedules
    from minidl import testing as testing
    from minidl import utils as utils
    from minidl import visual as visual
    from minidl.backend import get_threads as get_threads
    from minidl.backend import set_backend as set_backend
    from minidl.backend import set_threads as set_threads
    from minidl.backend import use_backend as use_backend
    from minidl.backend import use_threads as use_threads
    from minidl.backend.random import get_seed as get_seed
    from minidl.backend.random import set_seed as set_seed
    from minidl.layers import Input as Input
    from minidl.models import Model as Model
    from minidl.models import Sequential as Sequential
    from minidl.models import load_model as load_model
    from minidl.models.predictor import predictor as predictor
    from minidl.models.warmup import warmup as warmup
else:  # hidden from them, so that they notice a misspelt name

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"minidl.{name}")
        if name in _NAMES:
            return getattr(importlib.import_module(f"minidl.{_NAMES[name]}"), name)
        if importlib.util.find_spec(f"minidl.{name}") is not None:  # a file of minidl, which is imported next
            raise AttributeError(f"module 'minidl' has no attribute {name!r}", name=name)
        meant = closest(name, __all__)
        advice = f". Did you mean {meant!r}?" if meant else ""
        raise AttributeError(f"module 'minidl' has no attribute {name!r}{advice}", name=name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
