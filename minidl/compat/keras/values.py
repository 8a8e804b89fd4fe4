"""Values that old scripts write otherwise: orders of image axes, names of initializers, functions as activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}


def data_format(value: Any) -> Any:
    """``"th"`` and ``"tf"`` as Keras 1 called them; anything else as it is.

    >>> data_format("th"), data_format(None)
    ('channels_first', None)
    """
    return _DATA_FORMATS.get(value, value) if isinstance(value, str) else value


def activation(value: Any) -> Any:
    """The name of an activation that a script gives as a function of ``keras.activations``."""
    return getattr(value, "activation_name", value)


def for_arguments(names: Any) -> dict[str, Callable[[Any], Any]]:
    """The functions for arguments of these names, by the kind that their names show."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        for ending, function in _BY_ENDING.items():
            if name.endswith(ending):
                found[name] = function
    return found


_BY_ENDING: dict[str, Callable[[Any], Any]] = {"data_format": data_format, "activation": activation}
