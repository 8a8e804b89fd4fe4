"""``keras.engine.topology`` of Keras 2.1."""

from __future__ import annotations

from minidl.compat.keras.engine.places import Place as InputLayer
from minidl.compat.keras.engine.training import Model as Container
from minidl.compat.keras.engine.training import Model as Model

__all__ = ["Container", "InputLayer", "Model"]
