"""``keras.regularizers`` of Keras 2.1, and of Keras 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import regularizers as today
from minidl.compat.keras.traced import FunctionRegularizer
from minidl.compat.keras.traced import Regularizer as Regularizer
from minidl.compat.translation import OldName
from minidl.declared import from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described

L1L2 = OldName("L1L2", today.L1L2, "l1=0.0, l2=0.0")
l1 = OldName("l1", today.L1, "l=0.01", today={"l": "l1"}, spelled="l1")
l2 = OldName("l2", today.L2, "l=0.01", today={"l": "l2"}, spelled="l2")
l1_l2 = OldName("l1_l2", today.L1L2, "l1=0.01, l2=0.01", spelled="l1_l2")

WeightRegularizer = OldName("WeightRegularizer", today.L1L2, "l1=0.0, l2=0.0")
ActivityRegularizer = OldName("ActivityRegularizer", today.L1L2, "l1=0.0, l2=0.0")
l1l2 = OldName("l1l2", today.L1L2, "l1=0.01, l2=0.01")
activity_l1 = OldName("activity_l1", today.L1, "l=0.01", today={"l": "l1"})
activity_l2 = OldName("activity_l2", today.L2, "l=0.01", today={"l": "l2"})
activity_l1l2 = OldName("activity_l1l2", today.L1L2, "l1=0.01, l2=0.01")


def EigenvalueRegularizer(k: float) -> Any:
    """Refused: its gradient needs the power method's."""
    fix = "l2(k)"
    raise ArgumentTypeError(
        "keras.regularizers.EigenvalueRegularizer", "a call", "a penalty that minidl has: l1, l2, l1_l2", fix
    )


_NAMES: dict[str, Any] = {
    "l1": l1, "l2": l2, "l1_l2": l1_l2, "l1l2": l1l2, "weightregularizer": WeightRegularizer,
    "activityregularizer": ActivityRegularizer, "activity_l1": activity_l1, "activity_l2": activity_l2,
    "activity_l1l2": activity_l1l2,
}  # fmt: skip


def for_layer(value: Any) -> Any:
    """What ``kernel_regularizer=`` or ``W_regularizer=`` of a layer means, as minidl takes it.

    >>> for_layer("l2"), for_layer(None)
    (L2(), None)
    """
    if value is None or (isinstance(value, today.Regularizer) and type(value).__module__.startswith("minidl")):
        return value
    if isinstance(value, (str, Mapping, OldName)):
        return get(value() if isinstance(value, OldName) else value)
    if isinstance(value, today.Regularizer):
        return value
    return FunctionRegularizer(value) if callable(value) and not isinstance(value, type) else value


def serialize(regularizer: Any) -> Any:
    """Class and arguments."""
    return {"class_name": type(regularizer).__name__, "config": regularizer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The penalty that ``serialize`` wrote. Raises ArgumentError for an unknown name."""
    if "kind" in config:
        return from_plain(config, custom_objects)
    name, given = str(config["class_name"]), config.get("config", {})
    found = (custom_objects or {}).get(name)
    if found is None and name in ("L1", "L2", "L1L2"):
        found = {"L1": today.L1, "L2": today.L2, "L1L2": today.L1L2}[name] if given else L1L2
    found = found or _NAMES.get(name.lower())
    if found is None:
        raise ArgumentError("regularizer", repr(name), f"one of {', '.join(_NAMES)}", meant=closest(name, _NAMES))
    return found(**given)


def get(identifier: Any) -> Any:
    """The penalty that a name, a configuration or a function means; None for none.

    >>> get("l1"), get(None)
    (L1(), None)
    """
    if identifier is None or callable(identifier):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    raise ArgumentTypeError("keras.regularizers.get", described(identifier), "a name, a configuration or a function")
