"""Values that old scripts write otherwise, by the arguments that take them: orders of axes, names, functions, objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minidl.compat.keras import activations, constraints, initializers, regularizers

_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}


def data_format(value: Any) -> Any:
    """``"th"`` and ``"tf"`` as Keras 1 called them; anything else as it is.

    >>> data_format("th"), data_format(None)
    ('channels_first', None)
    """
    return _DATA_FORMATS.get(value, value) if isinstance(value, str) else value


activation = activations.for_layer
initializer = initializers.for_layer
regularizer = regularizers.for_layer
constraint = constraints.for_layer


def for_arguments(names: Iterable[str]) -> dict[str, Callable[[Any], Any]]:
    """The functions for arguments of these names, by the kind that their names show.

    >>> sorted(for_arguments(["units", "kernel_initializer", "recurrent_activation"]))
    ['kernel_initializer', 'recurrent_activation']
    """
    found: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        for ending, function in _BY_ENDING.items():
            if name.endswith(ending):
                found[name] = function
    return found


_BY_ENDING: dict[str, Callable[[Any], Any]] = {
    "data_format": data_format,
    "activation": activation,
    "initializer": initializer,
    "regularizer": regularizer,
    "constraint": constraint,
}
