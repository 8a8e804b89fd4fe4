"""Models: networks with ``compile``, ``fit``, ``evaluate``, ``predict`` and ``summary``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.models.base import Model as Model
from minidl.models.sequential import Sequential as Sequential
from minidl.on_demand import on_demand

_FILES = {"loading": "clone_model load_model model_from_json"}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.models.loading import clone_model as clone_model
    from minidl.models.loading import load_model as load_model
    from minidl.models.loading import model_from_json as model_from_json
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES)
