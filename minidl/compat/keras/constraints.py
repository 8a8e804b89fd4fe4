"""``keras.constraints`` of Keras 2.1, and of Keras 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import constraints as today
from minidl.compat.keras.traced import Constraint as Constraint
from minidl.compat.keras.traced import FunctionConstraint
from minidl.compat.translation import OldName
from minidl.declared import from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described

MaxNorm = OldName("MaxNorm", today.MaxNorm, "max_value=2, axis=0", keras_1={"m": "max_value"})
NonNeg = OldName("NonNeg", today.NonNeg, "")
UnitNorm = OldName("UnitNorm", today.UnitNorm, "axis=0")
MinMaxNorm = OldName(
    "MinMaxNorm",
    today.MinMaxNorm,
    "min_value=0.0, max_value=1.0, rate=1.0, axis=0",
    keras_1={"low": "min_value", "high": "max_value"},
)

max_norm, non_neg, unit_norm, min_max_norm = (
    OldName(name, old.make, str(old.signature)[1:-1], keras_1=old.keras_1, spelled=name)
    for name, old in {"max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm}.items()
)
maxnorm, nonneg, unitnorm = (
    OldName(name, old.make, str(old.signature)[1:-1], keras_1=old.keras_1, spelled=old.__name__)
    for name, old in {"maxnorm": MaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm}.items()
)

_NAMES: dict[str, Any] = {
    "maxnorm": MaxNorm, "max_norm": MaxNorm, "nonneg": NonNeg, "non_neg": NonNeg, "unitnorm": UnitNorm, "unit_norm": UnitNorm,
    "minmaxnorm": MinMaxNorm, "min_max_norm": MinMaxNorm,
}  # fmt: skip


def for_layer(value: Any) -> Any:
    """What ``kernel_constraint=`` or ``W_constraint=`` of a layer means, as minidl takes it.

    >>> for_layer("maxnorm"), for_layer(None)
    (MaxNorm(), None)
    """
    if value is None or isinstance(value, today.Constraint):
        return value
    if isinstance(value, OldName):
        return value()
    if isinstance(value, (str, Mapping)):
        return get(value)
    return FunctionConstraint(value) if callable(value) and not isinstance(value, type) else value


def serialize(constraint: Any) -> Any:
    """Class and arguments."""
    return {"class_name": type(constraint).__name__, "config": constraint.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint that ``serialize`` wrote. Raises ArgumentError for an unknown name."""
    if "kind" in config:
        return from_plain(config, custom_objects)
    name = str(config["class_name"])
    found = (custom_objects or {}).get(name) or _NAMES.get(name.lower())
    if found is None:
        raise ArgumentError("constraint", repr(name), f"one of {', '.join(_NAMES)}", meant=closest(name, _NAMES))
    return found(**config.get("config", {}))


def get(identifier: Any) -> Any:
    """The constraint that a name, a configuration or a function means; None for none.

    >>> get("nonneg"), get(None)
    (NonNeg(), None)
    """
    if identifier is None or callable(identifier):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    raise ArgumentTypeError("keras.constraints.get", described(identifier), "a name, a configuration or a function")
