"""``keras.utils.generic_utils`` of Keras 2.1: classes of a script by their names, and the progress bar."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from minidl.compat.keras.custom import CUSTOM_OBJECTS
from minidl.compat.keras.progress import Progbar as Progbar
from minidl.compat.keywords import Refused
from minidl.declared import to_plain
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described


class CustomObjectScope:
    """Within ``with``, files and ``deserialize_keras_object`` know these classes and functions by their names.

    >>> with CustomObjectScope({"Mine": int}):
    ...     get_custom_objects()
    {'Mine': <class 'int'>}
    >>> get_custom_objects()
    {}
    """

    def __init__(self, *args: Mapping[str, Any]) -> None:
        self.custom_objects, self.backup = args, dict[str, Any]()

    def __enter__(self) -> CustomObjectScope:
        self.backup = dict(CUSTOM_OBJECTS)
        for objects in self.custom_objects:
            CUSTOM_OBJECTS.update(objects)
        return self

    def __exit__(self, *error: Any) -> None:
        CUSTOM_OBJECTS.clear()
        CUSTOM_OBJECTS.update(self.backup)


def custom_object_scope(*args: Mapping[str, Any]) -> CustomObjectScope:
    """The same."""
    return CustomObjectScope(*args)


def get_custom_objects() -> dict[str, Any]:
    """The classes and functions of the script by their names, to read and to change."""
    return CUSTOM_OBJECTS


def serialize_keras_object(instance: Any) -> Any:
    """``{"class_name": ..., "config": ...}`` of an object, the name of a function or class, None for None."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": to_plain(instance.get_config())}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise ArgumentTypeError("serialize_keras_object", described(instance), "an object with get_config, or a function")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object that a dictionary of ``serialize_keras_object`` describes, or the function of this name.

    Only what ``custom_objects``, ``get_custom_objects()`` and ``module_objects`` hold is made.
    """
    where = "deserialize_keras_object"
    known = {**(module_objects or {}), **CUSTOM_OBJECTS, **(custom_objects or {})}
    is_config = isinstance(identifier, Mapping)
    if is_config and not {"class_name", "config"} <= identifier.keys():
        raise ArgumentError(where, f"the keys {', '.join(map(str, identifier))}", "class_name and config")
    name = identifier["class_name"] if is_config else identifier
    if not isinstance(name, str):
        raise ArgumentTypeError(where, described(identifier), "a dictionary or a name")
    if name not in known:
        raise ArgumentError(where, f"the {printable_module_name} {name!r}", "a known one", meant=closest(name, known))
    found = known[name]
    if not is_config:
        return found
    with CustomObjectScope(custom_objects or {}):
        make = getattr(found, "from_config", None)
        if make is None:
            return found(**identifier["config"])
        if has_arg(make, "custom_objects"):
            return make(identifier["config"], custom_objects=dict(CUSTOM_OBJECTS))
        return make(identifier["config"])


def has_arg(fn: Any, name: str, accept_all: bool = False) -> bool:
    """Whether a function takes a keyword; ``accept_all`` counts ``**kwargs`` too.

    >>> has_arg(print, "sep"), has_arg(dict, "a", accept_all=True)
    (True, True)
    """
    try:
        parameters = inspect.signature(fn).parameters
    except ValueError:  # of some classes and functions written in C nobody knows
        return accept_all
    found = parameters.get(name)
    if found is None:
        return accept_all and any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)


def make_tuple(*args: Any) -> tuple[Any, ...]:
    """Its arguments. Of Keras 1."""
    return args


get_from_module = Refused("keras.utils.generic_utils.get_from_module", "a module of symbols", "the object itself")
_CODE = "running code out of a file"
func_dump = Refused("keras.utils.generic_utils.func_dump", _CODE, "a function of a module, found by its name")
func_load = Refused("keras.utils.generic_utils.func_load", _CODE, "a function of a module, found by its name")
