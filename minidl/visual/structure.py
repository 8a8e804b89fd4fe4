"""The model as a graph: what its nodes are and which of them feed which. The only place that reads a model's insides for it."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from minidl.errors import ArgumentTypeError, NotBuiltError, described
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.models import Model


class Node(NamedTuple):
    """An input, or one use of a layer.

    Attributes:
        name: of the layer or the input.
        kind: the layer's class, or ``"Input"``.
        shape: of one output sample.
        parameters: numbers in the layer's weights.
        inputs: indices of the nodes that it takes, in order; all of them come before it.
        use, uses: which use of the layer it is, of how many.
        output: whether its result is an output of the model.
        inside: the nodes of a model used as a layer; empty for other layers.
    """

    name: str
    kind: str
    shape: Any
    parameters: int
    inputs: tuple[int, ...]
    use: int = 1
    uses: int = 1
    output: bool = False
    inside: tuple[Node, ...] = ()


def structure(model: Any) -> list[Node]:
    """The nodes of a built model, each after those it takes: inputs, then layers in the order in which they are used.

    Raises ArgumentTypeError for anything but a model or layer, NotBuiltError where shapes are not known.

    >>> from minidl.layers import Dense, Input
    >>> from minidl.models import Sequential
    >>> for node in structure(Sequential([Input((4,)), Dense(3, name="hidden"), Dense(1, name="last")])):
    ...     print(node.name, node.kind, node.shape, node.parameters, node.inputs)
    input Input (4,) 0 ()
    hidden Dense (3,) 15 (0,)
    last Dense (1,) 4 (1,)
    """
    if not isinstance(model, (Model, Layer)):
        raise ArgumentTypeError("visual.graph", described(model), "a Model or Sequential")
    network = model.network if isinstance(model, Model) else model
    if network.input_shape is None:
        fix = "input_shape in the first layer, model.build(input_shape), or fit first"
        raise NotBuiltError("visual.graph", "a model without an input shape", "a built model", fix)
    return _nodes(network, network.input_shape)


def _nodes(network: Layer, input_shape: Any) -> list[Node]:
    """The nodes of a chain or graph for samples of ``input_shape``; any other layer is a chain of itself."""
    if isinstance(network, Graph):
        return _of_graph(network, input_shape)
    layers = list(network.layers) if isinstance(network, Chain) else [network]
    nodes = [Node("input", "Input", input_shape, 0, (), output=not layers)]
    seen, uses = Counter[Layer](), Counter(layers)
    for layer in layers:
        seen[layer] += 1
        last = len(nodes) == len(layers)
        nodes.append(_node(layer, nodes[-1].shape, (len(nodes) - 1,), seen[layer], uses[layer], last))
    return nodes


def _of_graph(network: Graph, input_shape: Any) -> list[Node]:
    shapes = input_shape if network.takes_many else (input_shape,)
    place: dict[int, int] = {}  # slot: node
    of_slot: dict[int, Any] = dict(enumerate(shapes))
    nodes: list[Node] = []
    for slot, (declared, shape) in enumerate(zip(network.places, shapes)):
        name = declared.name or ("input" if len(shapes) == 1 else f"input_{slot + 1}")
        place[slot] = len(nodes)
        nodes.append(Node(name, "Input", shape, 0, (), output=slot in network.output_slots))
    seen, uses = Counter[Any](), Counter(use.layer for use in network.uses)
    for use in network.uses:
        layer = use.layer
        seen[layer] += 1
        taken = tuple(of_slot[slot] for slot in use.inputs)
        shape = taken if use.many else taken[0]
        given = layer.output_shape(shape)
        of_slot |= dict(zip(use.outputs, given if use.several else (given,)))
        inputs = tuple(place[slot] for slot in use.inputs)
        place |= dict.fromkeys(use.outputs, len(nodes))
        is_output = any(slot in network.output_slots for slot in use.outputs)
        nodes.append(_node(layer, shape, inputs, seen[layer], uses[layer], is_output))
    return nodes


def _node(layer: Layer, shape: Any, inputs: tuple[int, ...], use: int, uses: int, output: bool) -> Node:
    """One use of a layer on samples of ``shape``."""
    inside = tuple(_nodes(layer, shape)) if isinstance(layer, (Chain, Graph)) else ()
    result = layer.output_shape(shape)
    return Node(layer.name, layer._class_name, result, layer.count_params(), inputs, use, uses, output, inside)
