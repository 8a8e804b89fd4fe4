"""Models: networks with ``compile``, ``fit``, ``evaluate``, ``predict`` and ``summary``."""

from minidl.models.base import Model as Model
from minidl.models.sequential import Sequential as Sequential
