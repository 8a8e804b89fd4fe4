"""Classes and functions of a script by their names, for files: ``keras.utils.get_custom_objects()``."""

from typing import Any

CUSTOM_OBJECTS: dict[str, Any] = {}
