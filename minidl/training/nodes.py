"""A network as one flat list of uses of layers, whatever chains and graphs are nested in it: what the plan works on."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.geometry import is_several
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph, Place, Use


class Nodes:
    """The uses of all layers of a network in order, with the slots that they read and write.

    Attributes:
        uses: may be changed by the plan.
        outputs: the slots of the network's results.
        shapes: of each slot, for one sample of ``input_shape``: that of the network where it is None.

    >>> from minidl.models import Sequential
    >>> from minidl.layers import Activation, Dense
    >>> inner = Sequential([Dense(3), Activation("relu")])
    >>> nodes = Nodes(Sequential([Dense(4, input_shape=(2,)), inner]).network)
    >>> [(use.layer.name, use.inputs, use.outputs) for use in nodes.uses]
    [('dense_1', (0,), (1,)), ('dense_1', (1,), (2,)), ('activation_1', (2,), (3,))]
    """

    def __init__(self, network: Layer, input_shape: Any = None) -> None:
        self.network = network
        shape = network.input_shape if input_shape is None else input_shape
        self.uses: list[Use] = []
        self.shapes: list[Any] = list(shape) if is_several(shape) else [shape]
        self.inputs = len(self.shapes)
        self.outputs = self._expand(network, tuple(range(self.inputs)))

    def _expand(self, layer: Layer, slots: tuple[int, ...]) -> tuple[int, ...]:
        """The slots of what ``layer`` gives for what stands in ``slots``."""
        if type(layer) is Chain:
            for part in layer.layers:
                slots = self._expand(part, slots)
            return slots
        if type(layer) is Graph:
            at = dict(enumerate(slots))
            for use in layer.uses:
                at |= zip(use.outputs, self._expand(use.layer, tuple(at[slot] for slot in use.inputs)))
            return tuple(at[slot] for slot in layer.output_slots)
        given = tuple(self.shapes[slot] for slot in slots)
        shape = layer.output_shape(given if layer.takes_many or len(given) > 1 else given[0])
        several = is_several(shape)
        outputs = tuple(self.new_slot(each) for each in (shape if several else (shape,)))
        self.uses.append(Use(layer, slots, outputs, several))
        return outputs

    def new_slot(self, shape: Any) -> int:
        """A slot for a result of this shape."""
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def writer(self, slot: int) -> int | None:
        """Which use writes a slot; None for an input."""
        return next((index for index, use in enumerate(self.uses) if slot in use.outputs), None)

    def only_writer(self, slot: int, readers: int = 1) -> int | None:
        """The use whose only result stands in ``slot``, where it is read so many times, outputs included; else None."""
        read = sum(use.inputs.count(slot) for use in self.uses) + self.outputs.count(slot)
        index = self.writer(slot)
        return index if index is not None and read == readers and len(self.uses[index].outputs) == 1 else None

    def as_layer(self) -> Layer:
        """A network of these uses: the one it came from where nothing was changed, a chain where they stand in a row."""
        network, layers = self.network, [use.layer for use in self.uses]
        if isinstance(network, Chain) and layers == network.layers:
            return network
        if not isinstance(network, (Chain, Graph)):
            return layers[0] if len(layers) == 1 else Chain.of_layers(layers, network)
        if self._in_a_row():
            return Chain.of_layers(layers, network)
        dtypes = network.input_dtype if network.takes_many else (network.input_dtype,)
        places: list[Place] = [Place(shape, None, dtype) for shape, dtype in zip(self.shapes, dtypes)]
        slots = {slot: slot for slot in range(self.inputs)}  # a graph numbers its slots without gaps
        uses = []
        for use in self.uses:
            outputs = tuple(slots.setdefault(slot, len(slots)) for slot in use.outputs)
            uses.append(use._replace(inputs=tuple(slots[slot] for slot in use.inputs), outputs=outputs))
        outputs = tuple(slots[slot] for slot in self.outputs)
        many = (network.takes_many, getattr(network, "gives_many", len(outputs) > 1))
        if isinstance(network, Graph) and uses == network.uses:
            return network
        graph = Graph.of_uses(uses, outputs, places, many, network.given_name)
        graph.number = network.number
        return graph

    def _in_a_row(self) -> bool:
        """Whether each use reads just what the one before gave, and the results are those of the last."""
        slots = tuple(range(self.inputs))
        for use in self.uses:
            if use.inputs != slots or (len(slots) > 1) != use.layer.takes_many:
                return False
            slots = use.outputs
        if isinstance(self.network, Graph):  # without uses: an activation alone, which the loss computes
            takes_many, gives_many = (self.uses[0].layer.takes_many, self.uses[-1].several) if self.uses else (False, False)
            if (takes_many, gives_many) != (self.network.takes_many, self.network.gives_many):
                return False
        return slots == self.outputs


def leaves(network: Layer) -> list[Layer]:
    """The layers of a network that are no chains or graphs, in order, each time they are used."""
    found, stack = [], [network]
    while stack:
        layer = stack.pop()
        if type(layer) is Chain:
            stack.extend(reversed(layer.layers))
        elif type(layer) is Graph:
            stack.extend(use.layer for use in reversed(layer.uses))
        else:
            found.append(layer)
    return found


def largest_result(network: Layer, input_shape: Any = None) -> int:
    """Numbers in the largest input or result of any layer, for one sample."""
    return max(prod(shape) for shape in Nodes(network, input_shape).shapes)
