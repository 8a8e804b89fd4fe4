"""Names of other libraries that are refused, each in one sentence with what to write in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl.errors import ArgumentTypeError

_KERAS = {"cond": "switch", "tensordot": "dot", "Variable": "variable", "gradients": "gradients", "reverse": "reverse"}


def instead(name: str) -> str:
    """What to write in place of a name of TensorFlow's.

    >>> instead("cond"), instead("placeholder")
    ('K.switch, of keras.backend', 'Input(shape), of keras.layers')
    """
    if name == "placeholder":
        return "Input(shape), of keras.layers"
    found = _KERAS.get(name)
    return f"K.{found}, of keras.backend" if found is not None else "layers, losses and optimizers of keras"


def refusing(library: str, instead: Callable[[str], str] | Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that refuses all names; those that Python itself looks for are just not there."""

    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        fix = instead(name) if callable(instead) else instead.get(name, "NumPy, or a layer of keras")
        raise Refused(f"{library}.{name}", f"{library}.{name} of a script", "what a training with Keras needs", fix)

    return missing


class Refused(ArgumentTypeError, AttributeError):
    """A name that the stand-in does not have."""
