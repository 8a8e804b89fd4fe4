"""The modules of Keras 2.1 under their old names and the older ones of Keras 1; ``import minidl.compat.keras as keras``.

Modules load when they are first used, so that a script waits for no more than it needs.
"""

from typing import Any

from minidl.compat.keras import layers as layers
from minidl.compat.keras import models as models
from minidl.compat.keras.layers import Input as Input
from minidl.compat.keras.models import Model as Model
from minidl.compat.keras.models import Sequential as Sequential
from minidl.compat.modules import load
from minidl.errors import closest

__version__ = "2.1.1"

_MODULES = (  # those that ``import keras`` gave, in Keras 1 or 2
    *("activations", "applications", "backend", "callbacks", "constraints", "datasets", "engine", "initializations"),
    *("initializers", "layers", "legacy", "losses", "metrics", "models", "objectives", "optimizers", "preprocessing"),
    *("regularizers", "utils", "wrappers"),
)
__all__ = [*_MODULES, "Input", "Model", "Sequential"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return load(f"{__name__}.{name}")
    meant = closest(name, __all__) if not name.startswith("__") else ""
    advice = f". Did you mean {meant!r}?" if meant else ""
    raise AttributeError(f"module 'keras' of Keras 2.1 has no attribute {name!r}{advice}", name=name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
