"""Where layers stand in a model as Keras 2.1 counted them: inputs are layers too, and shapes begin with the batch axis."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.compat.keras.layers.faces import old_symbols
from minidl.compat.keras.layers.topology import batch_size_of as batch_size_of_input
from minidl.geometry import is_several
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph


class Place:
    """A place where data enters a graph, which was a layer without weights in Keras 2.1: ``input_1 (InputLayer)``."""

    trainable = True
    weights: tuple[Any, ...] = ()
    trainable_weights: tuple[Any, ...] = ()
    non_trainable_weights: tuple[Any, ...] = ()

    def __init__(self, symbol: Any, name: str, batch_size: int | None = None) -> None:
        self.symbol, self.name = old_symbols(symbol), name
        self.input = self.output = symbol
        self.batch_input_shape = self.input_shape = self.output_shape = batched(symbol.shape, batch_size)
        self.dtype = symbol.dtype or "float32"

    def get_weights(self) -> list[np.ndarray]:
        """None."""
        return []

    def set_weights(self, weights: Any) -> None:
        """There are none to be set."""

    def count_params(self) -> int:
        """0."""
        return 0

    def get_config(self) -> dict[str, Any]:
        """Shape, type and name."""
        return {"batch_input_shape": self.batch_input_shape, "dtype": self.dtype, "name": self.name}

    def __repr__(self) -> str:
        return f"<InputLayer {self.name} {self.batch_input_shape}>"


class Row(NamedTuple):
    """What the summary says of one layer.

    Attributes:
        thing: the layer, model or place.
        shape: of its result with the batch axis, a list of shapes for several results, or "multiple".
        params: how many weights it has.
        connections: ``dense_1[0][0]``: layer, its use, and which of that use's results it is applied to.
    """

    thing: Any
    shape: Any
    params: int
    connections: list[str]


def batched(shape: Any, batch_size: int | None = None) -> Any:
    """A shape with the batch axis in front; a list for several.

    >>> batched((28, 28)), batched(((2,), (3,))), batched((), 4)
    ((None, 28, 28), [(None, 2), (None, 3)], (4,))
    """
    if is_several(shape):
        return [batched(part, batch_size) for part in shape]
    return (batch_size, *shape)


def asked_by_minidl() -> bool:
    """Whether the code that reads a property is minidl's own."""
    asking = str(sys._getframe(2).f_globals.get("__name__", ""))
    return asking == "minidl" or asking.startswith("minidl.")


def batch_size_of(network: Any) -> int | None:
    """The batch size that a script gave the first layer, or an input."""
    if isinstance(network, Chain):
        return batch_size_of(network.layers[0]) if network.layers else None
    if isinstance(network, Graph):
        sizes = [batch_size_of_input(symbol) for symbol in network.inputs]
        sizes += [getattr(layer, "batch_size_2_1", None) for layer in network.layers]
        return next((size for size in sizes if size is not None), None)
    return getattr(network, "batch_size_2_1", None)


def things_of(model: Any) -> list[Any]:
    """The layers and models within a model, in the order of Keras 2.1; in a graph also the places where data enters."""
    network = model.network
    if isinstance(network, Chain):
        return list(dict.fromkeys(network.models.get(layer, layer) for layer in network.layers))
    return [_thing(model, item) for item in _in_order(network)]


def rows_of(model: Any) -> tuple[list[Row], bool]:
    """The rows of the summary, and whether the layers stand in a row."""
    network, size = model.network, batch_size_of(model.network)
    if isinstance(network, Chain):
        first = vars(model).get("_first")
        rows = [Row(first, first.output_shape, 0, [])] if first is not None else []
        return [*rows, *_rows_of_chain(network, size)], True
    shapes = network.slot_shapes(network.input_shape)
    places = places_of(model)
    writer: dict[int, tuple[Any, int, int]] = {slot: (place, 0, 0) for slot, place in enumerate(places)}
    uses: dict[Any, int] = {}
    for use in network.uses:
        thing = network.models.get(use.layer, use.layer)
        number = uses.get(thing, 1 if thing is not use.layer else 0)  # the first use of a model is its own
        uses[thing] = number + 1
        writer |= {slot: (thing, number, index) for index, slot in enumerate(use.outputs)}
    rows = []
    for item in _in_order(network):
        if isinstance(item, int):
            rows.append(Row(places[item], batched(shapes[item], size), 0, []))
            continue
        own = [use for use in network.uses if use.layer is item]
        found = [tuple(shapes[slot] for slot in use.outputs) for use in own]
        shape: Any = "multiple" if len(set(found)) > 1 else batched(found[0] if own[0].several else found[0][0], size)
        reads = [writer[slot] for use in own for slot in use.inputs]
        connections = [f"{thing.name}[{number}][{index}]" for thing, number, index in reads]
        rows.append(Row(network.models.get(item, item), shape, item.count_params(), connections))
    return rows, _stand_in_a_row(network)


def places_of(model: Any) -> list[Place]:
    """The places where data enters a graph, always the same objects."""
    found = vars(model).get("_places_2_1")
    symbols = model.network.inputs
    if found is None or [place.symbol for place in found] != list(symbols):
        names = model.input_names
        found = [Place(symbol, name, batch_size_of(model.network)) for symbol, name in zip(symbols, names)]
        model._places_2_1 = found
    return found


def _rows_of_chain(network: Chain, size: int | None) -> Iterator[Row]:
    shape = network.input_shape
    for layer in network.layers:
        shape = layer.output_shape(shape)
        yield Row(network.models.get(layer, layer), batched(shape, size), layer.count_params(), [])


def _thing(model: Any, item: Any) -> Any:
    return places_of(model)[item] if isinstance(item, int) else model.network.models.get(item, item)


def _in_order(network: Graph) -> list[Any]:
    """Layers, and numbers of inputs: the farther from the outputs, the earlier; of equally far ones, the first to be met."""
    writer = {slot: index for index, use in enumerate(network.uses) for slot in use.outputs}
    distances, far = [0] * len(network.uses), dict[Any, int]()
    for index in reversed(range(len(network.uses))):
        use = network.uses[index]
        far[use.layer] = distance = max(distances[index], far.get(use.layer, 0))
        for slot in use.inputs:
            if slot in writer:
                distances[writer[slot]] = max(distances[writer[slot]], distance + 1)
            else:
                far[slot] = max(far.get(slot, 0), distance + 1)
    met, stack = dict[Any, int](), list(reversed(network.output_slots))
    while stack:
        slot = stack.pop()
        item = network.uses[writer[slot]].layer if slot in writer else slot
        if slot not in writer:
            met.setdefault(item, len(met))
        elif ("use", writer[slot]) not in met:
            met["use", writer[slot]] = -1
            met.setdefault(item, len(met))
            stack += reversed(network.uses[writer[slot]].inputs)
    found = [item for item in met if not isinstance(item, tuple)]
    return sorted(found, key=lambda item: (-far.get(item, 0), met[item]))


def _stand_in_a_row(network: Graph) -> bool:
    """Whether every layer is used once, reads one result, and no two are equally far from the outputs."""
    if len(network.places) > 1 or len(network.output_slots) > 1:
        return False
    layers = [use.layer for use in network.uses]
    before = 0
    for use in network.uses:
        if use.inputs != (before,):
            return False
        before = use.outputs[0]
    return len(set(layers)) == len(layers)
