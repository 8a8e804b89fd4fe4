"""What a model is made of, as plain values for JSON, and the way back: layers by the table of names, weights made anew.

    {"kind": "model", "class_name": "Sequential", "config": {"name": ..., "input_shape": [784], "layers": [...]}}

A layer is written as for all objects that are ``Declared``. One that is used in two places is written where it comes first,
and in the other place as ``{"same_as": number}``, the number of objects written before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minidl.declared import Declared, from_plain
from minidl.errors import ArgumentError, ArgumentTypeError, described
from minidl.layers.base import Layer
from minidl.layers.graph import Graph
from minidl.layers.symbol import Input, Symbol

_written: ContextVar[dict[Any, int] | None] = ContextVar("written", default=None)
_made: ContextVar[list[Any] | None] = ContextVar("made", default=None)


@contextmanager
def _remembering(variable: ContextVar[Any], new: Any) -> Iterator[Any]:
    """The objects of the outermost model: those of models within it are remembered with them."""
    if variable.get() is not None:
        yield variable.get()
        return
    token = variable.set(new)
    try:
        yield new
    finally:
        variable.reset(token)


# -- to plain values ---------------------------------------------------------------------------------------------------


def describe_chain(network: Any) -> dict[str, Any]:
    """The configuration of a ``Sequential``."""
    with _remembering(_written, {}):
        return {
            "name": network.name,
            "input_shape": _plain_shape(network.input_shape or network.declared_input_shape),
            "input_dtype": network.declared_dtype,
            "layers": [_item(network.models.get(layer, layer)) for layer in network.layers],
        }


def describe_graph(network: Graph) -> dict[str, Any]:
    """The configuration of a ``Model``: its layers, and which of the values before it each use of a layer reads."""
    with _remembering(_written, {}):
        number = {layer: index for index, layer in enumerate(network.layers)}
        return {
            "name": network.name,
            "inputs": [{"shape": list(shape), "name": name, "dtype": dtype} for shape, name, dtype in network.places],
            "layers": [_item(network.models.get(layer, layer)) for layer in network.layers],
            "uses": [{"layer": number[use.layer], "reads": list(use.inputs)} for use in network.uses],
            "outputs": list(network.output_slots),
            "several_inputs": network.takes_many,
            "several_outputs": network.gives_many,
        }


def _item(item: Any) -> dict[str, Any]:
    written = _written.get()
    assert written is not None
    if item in written:
        return {"same_as": written[item]}
    written[item] = len(written)
    return Declared._plain(item)


def _plain_shape(shape: Any) -> Any:
    if shape is None:
        return None
    return [_plain_shape(part) if isinstance(part, tuple) else part for part in shape]


# -- and back ----------------------------------------------------------------------------------------------------------


def layers_of(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> list[Any]:
    """The layers and models that a configuration names, made anew."""
    items = _field(config, "layers", list)
    with _remembering(_made, []) as made:
        return [_make(item, custom_objects, made) for item in items]


@contextmanager
def making() -> Iterator[None]:
    """Around what is made of one configuration: objects that are used twice are made once."""
    with _remembering(_made, []):
        yield


def _make(item: Any, custom_objects: Mapping[str, Any] | None, made: list[Any]) -> Any:
    if isinstance(item, Mapping) and "same_as" in item:
        number = item["same_as"]
        if not isinstance(number, int) or not 0 <= number < len(made) or made[number] is None:
            raise ArgumentError("from_config", f"a layer that is the same as number {number!r}", "one that was made before")
        return made[number]
    index = len(made)
    made.append(None)
    thing = from_plain(item, custom_objects)
    if not (isinstance(thing, Layer) or isinstance(getattr(thing, "network", None), Layer)):
        raise ArgumentTypeError("from_config", f"{described(thing)} among the layers", "layers and models")
    made[index] = thing
    return thing


def symbols_of(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Inputs and outputs of a graph that a configuration describes."""
    layers = layers_of(config, custom_objects)
    values: list[Symbol] = []
    for place in _field(config, "inputs", list):
        if not isinstance(place, Mapping):
            raise ArgumentTypeError("from_config", f"the input {place!r}", "a dictionary with its shape")
        values.append(Input(_shape(place.get("shape")), name=place.get("name"), dtype=place.get("dtype")))
    inputs = list(values)
    for use in _field(config, "uses", list):
        number, reads = (use.get("layer"), use.get("reads")) if isinstance(use, Mapping) else (None, None)
        if not _is_index(number, len(layers)) or not isinstance(reads, list) or not reads:
            raise ArgumentError("from_config", f"the use {use!r}", f"a layer 0 to {len(layers) - 1} and what it reads")
        if not all(_is_index(slot, len(values)) for slot in reads):
            raise ArgumentError("from_config", f"a use that reads {reads}", f"values that were made before: {len(values)}")
        layer = layers[number]  # type: ignore[index]
        given = [values[slot] for slot in reads]
        result = layer(given if getattr(layer, "network", layer).takes_many else given[0])
        result = tuple(result.values()) if isinstance(result, dict) else result
        values += result if isinstance(result, tuple) else (result,)
    slots = _field(config, "outputs", list)
    if not slots or not all(_is_index(slot, len(values)) for slot in slots):
        raise ArgumentError("from_config", f"the outputs {slots}", f"values that were made: {len(values)}")
    outputs = [values[slot] for slot in slots]
    several = _field(config, "several_inputs", bool), _field(config, "several_outputs", bool)
    if (len(inputs) > 1 and not several[0]) or (len(outputs) > 1 and not several[1]):
        raise ArgumentError("from_config", f"{len(inputs)} inputs and {len(outputs)} outputs", "flags that say so")
    return (inputs if several[0] else inputs[0]), (outputs if several[1] else outputs[0])


def checked_names(names: Any) -> list[str] | None:
    """Names of inputs or outputs. Raises ArgumentTypeError for anything but different texts."""
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) and name for name in names)):
        raise ArgumentTypeError("Model", f"the names {names!r}", "non-empty texts")
    if names is not None and len(set(names)) < len(names):
        raise ArgumentError("Model", f"the names {names!r}", "different ones")
    return names


def shape_of(config: Mapping[str, Any]) -> Any:
    """The input shape that a chain's configuration holds, or None."""
    shape = config.get("input_shape")
    return None if shape is None else _shape(shape)


def _shape(shape: Any) -> Any:
    if not isinstance(shape, list):
        raise ArgumentTypeError("from_config", f"the shape {shape!r}", "a list of integers")
    return tuple(_shape(part) if isinstance(part, list) else part for part in shape)


def _field(config: Mapping[str, Any], name: str, kind: type) -> Any:
    value = config.get(name) if isinstance(config, Mapping) else None
    if not isinstance(value, kind):
        raise ArgumentTypeError("from_config", f"a configuration whose {name!r} is {described(value)}", f"a {kind.__name__}")
    return value


def _is_index(value: Any, length: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < length
