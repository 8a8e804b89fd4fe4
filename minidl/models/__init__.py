"""Models: networks with ``compile``, ``fit``, ``evaluate``, ``predict`` and ``summary``."""

from minidl.models.base import Model as Model
from minidl.models.loading import clone_model as clone_model
from minidl.models.loading import load_model as load_model
from minidl.models.loading import model_from_json as model_from_json
from minidl.models.sequential import Sequential as Sequential
