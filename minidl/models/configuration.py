"""What a model is made of, as plain values for JSON, and the way back: layers by the table of names, weights made anew.

    {"kind": "model", "class_name": "Sequential", "config": {"name": ..., "input_shape": [784], "layers": [...]}}

A layer is written as for all objects that are ``Declared``. One that is used in two places, be it in the argument of another
layer, is written where it comes first, and in the other place as ``{"same_as": number}``, the number of layers and models
written before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.checks import check_integer
from minidl.declared import Declared, from_plain, making_a_model, writing_a_model
from minidl.errors import ArgumentError, ArgumentTypeError, described
from minidl.layers.base import Layer
from minidl.layers.graph import Graph
from minidl.layers.symbol import Input, Symbol, checked_dtype

# -- to plain values ---------------------------------------------------------------------------------------------------


def describe_chain(network: Any) -> dict[str, Any]:
    """The configuration of a ``Sequential``."""
    with writing_a_model():
        return {
            "name": network.name,
            "input_shape": _plain_shape(network.input_shape or network.declared_input_shape),
            "input_dtype": network.declared_dtype,
            "batch_size": network.declared_batch_size,
            "layers": [Declared._plain(network.models.get(layer, layer)) for layer in network.layers],
        }


def describe_graph(network: Graph) -> dict[str, Any]:
    """The configuration of a ``Model``: its layers, and which of the values before it each use of a layer reads."""
    with writing_a_model():
        number = {layer: index for index, layer in enumerate(network.layers)}
        return {
            "name": network.name,
            "inputs": [{**place._asdict(), "shape": list(place.shape)} for place in network.places],
            "layers": [Declared._plain(network.models.get(layer, layer)) for layer in network.layers],
            "uses": [{"layer": number[use.layer], "reads": list(use.inputs)} for use in network.uses],
            "outputs": list(network.output_slots),
            "several_inputs": network.takes_many,
            "several_outputs": network.gives_many,
        }


def _plain_shape(shape: Any) -> Any:
    if shape is None:
        return None
    return [_plain_shape(part) if isinstance(part, tuple) else part for part in shape]


# -- and back ----------------------------------------------------------------------------------------------------------


def layers_of(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> list[Any]:
    """The layers and models that a configuration names, made anew."""
    layers = []
    with making_a_model():
        for item in _field(config, "layers", list):
            thing = from_plain(item, custom_objects)
            if not (isinstance(thing, Layer) or isinstance(getattr(thing, "network", None), Layer)):
                raise ArgumentTypeError("from_config", f"{described(thing)} among the layers", "layers and models")
            layers.append(thing)
    return layers


def symbols_of(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Inputs and outputs of a graph that a configuration describes."""
    layers = layers_of(config, custom_objects)
    values: list[Symbol] = []
    for place in _field(config, "inputs", list):
        if not isinstance(place, Mapping):
            raise ArgumentTypeError("from_config", f"the input {place!r}", "a dictionary with its shape")
        given = place.get("batch_size")  # no file of the time before has it
        values.append(Input(_shape(place.get("shape")), given, name=place.get("name"), dtype=place.get("dtype")))
    inputs = list(values)
    for use in _field(config, "uses", list):
        number, reads = (use.get("layer"), use.get("reads")) if isinstance(use, Mapping) else (None, None)
        if not _is_index(number, len(layers)) or not isinstance(reads, list) or not reads:
            raise ArgumentError("from_config", f"the use {use!r}", f"a layer 0 to {len(layers) - 1} and what it reads")
        if not all(_is_index(slot, len(values)) for slot in reads):
            raise ArgumentError("from_config", f"a use that reads {reads}", f"values that were made before: {len(values)}")
        layer = layers[number]  # type: ignore[index]
        given = [values[slot] for slot in reads]
        result = layer(given if getattr(layer, "network", layer).takes_many or len(given) > 1 else given[0])
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


def dtype_of(config: Mapping[str, Any]) -> str | None:
    """The type of a chain's input, or None. Raises ArgumentError for what is no type of an ``Input``."""
    return checked_dtype(config.get("input_dtype"))


def batch_size_of(config: Mapping[str, Any]) -> int | None:
    """The number of samples in every batch, where an ``Input`` said it; older configurations do not have it."""
    size = config.get("batch_size")
    return None if size is None else check_integer("from_config", "batch_size", size)


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
