"""Optimizers, by class or by name."""

from __future__ import annotations

from minidl.errors import ArgumentError, ArgumentTypeError, closest, described, object_of
from minidl.optimizers.adam import Adam as Adam
from minidl.optimizers.base import Optimizer as Optimizer
from minidl.optimizers.rmsprop import RMSprop as RMSprop
from minidl.optimizers.sgd import SGD as SGD

_NAMES: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of this name (in any case, with its defaults), or the object itself.

    >>> type(get("SGD")).__name__
    'SGD'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        return _NAMES[identifier.lower()]()  # type: ignore[call-arg]
    if isinstance(identifier, str):
        meant = closest(identifier, _NAMES)
        raise ArgumentError("compile", f"optimizer={identifier!r}", f"an Optimizer, or one of {', '.join(_NAMES)}", meant=meant)
    fix = f"optimizer={object_of(identifier, Optimizer, 'Adam()')}"
    raise ArgumentTypeError("compile", f"{described(identifier)} as optimizer", "an Optimizer object or a name", fix)
