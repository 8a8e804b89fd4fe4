"""Networks with branches: layers called on symbols make a graph, which runs in topological order, backwards in reverse.

>>> from minidl.layers import Add, Dense, Input
>>> x = Input((4,))
>>> h = Dense(4)(x)
>>> graph = Graph(x, Add()([x, h]))
>>> graph.output_shape((4,))
(4,)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.layers.base import Layer, Shape
from minidl.layers.containers import number_names, used_up
from minidl.layers.symbol import Symbol


class Graph(Layer):
    """Everything between ``inputs`` and ``output``, as one layer. A layer that appears twice shares its parameters."""

    _class_name = "Model"  # the class that users make it by

    def __init__(self, inputs: Any, output: Any, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.takes_many = isinstance(inputs, (tuple, list))
        self.inputs: tuple[Symbol, ...] = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        self.output = output
        for symbol in (*self.inputs, output):
            if not isinstance(symbol, Symbol):
                fix = "x = Input(shape); y = Dense(10)(x); Model(x, y)"
                raise ArgumentTypeError("Model", described(symbol), "symbols; one output", fix)
        self.nodes = _topological(self.inputs, output)
        self.layers: list[Layer] = list(dict.fromkeys(_layer(node) for node in self.nodes))
        number_names(self.layers)
        self._of_layers = {layer: layer.parameters for layer in self.layers}  # asked for at every step: listed once
        self._last_uses = _last_uses(self.nodes, output)
        shapes = tuple(symbol.shape for symbol in self.inputs)
        self.input_shape = shapes if self.takes_many else shapes[0]

    def sublayers(self) -> Iterator[Layer]:
        """Each layer once."""
        return iter(self.layers)

    def output_shape(self, input_shape: Any) -> Any:
        """The output's shape for inputs of this shape."""
        received = input_shape if self.takes_many else (input_shape,)
        if len(received) != len(self.inputs):
            raise ShapeError(self.label, f"{len(received)} inputs", f"{len(self.inputs)}")
        shapes: dict[Symbol, Shape] = dict(zip(self.inputs, received))
        for node in self.nodes:
            of_inputs = tuple(shapes[s] for s in node.inputs)
            shapes[node] = _layer(node).output_shape(of_inputs if _layer(node).takes_many else of_inputs[0])
        return shapes[self.output]

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y, and what each node saved; a value is dropped after its last use."""
        values: dict[Symbol, Any] = dict(zip(self.inputs, x if self.takes_many else (x,)))
        saved: list[Any] = []
        for node, finished in zip(self.nodes, self._last_uses):
            layer = _layer(node)
            arrays = tuple(values[s] for s in node.inputs)
            values[node], of_node = layer.apply(arrays if layer.takes_many else arrays[0], training=training, keep=keep)
            if keep:
                saved.append(of_node)
            for symbol in finished:
                del values[symbol]
        return values[self.output], (saved if keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx (a tuple where there are several inputs): each node adds its dx to the gradients of its inputs."""
        if len(saved) != len(self.nodes):
            raise used_up(self.label)
        wanted = self._wanted(need_dx)
        gradients: dict[Symbol, Any] = {self.output: dy}
        for node in reversed(self.nodes):
            of_node, layer = saved.pop(), _layer(node)
            if node not in wanted:
                continue
            dx = layer.gradient(gradients.pop(node), of_node, need_dx=any(s in wanted for s in node.inputs))
            for symbol, d in zip(node.inputs, dx if layer.takes_many and dx is not None else (dx,)):
                if symbol in wanted:
                    gradients[symbol] = gradients[symbol] + d if symbol in gradients else d
        if not need_dx:
            return None
        return tuple(gradients[s] for s in self.inputs) if self.takes_many else gradients[self.inputs[0]]

    def pending(self, saved: Any) -> Any:
        """Each node's."""
        return [_layer(node).pending(of_node) for node, of_node in zip(self.nodes, saved)]

    def commit(self, pending: Any) -> None:
        """Each node's."""
        for node, of_node in zip(self.nodes, pending):
            _layer(node).commit(of_node)

    def begin_step(self) -> None:
        """Each layer's."""
        for layer in self.layers:
            layer.begin_step()

    def _wanted(self, need_dx: bool) -> set[Symbol]:
        """The symbols whose gradient somebody asks for: behind them lies something trainable, or an input with ``need_dx``."""
        trainable = {layer for layer, of_layer in self._of_layers.items() if any(p.trainable for p in of_layer)}
        wanted = set(self.inputs) if need_dx else set()
        for node in self.nodes:
            if _layer(node) in trainable or any(s in wanted for s in node.inputs):
                wanted.add(node)
        return wanted


def _layer(node: Symbol) -> Layer:
    assert node.layer is not None
    return node.layer


def _topological(inputs: Sequence[Symbol], output: Symbol) -> list[Symbol]:
    """The nodes between inputs and output, each after what it depends on."""
    order: list[Symbol] = []
    seen = set(inputs)
    stack: list[tuple[Symbol, bool]] = [(output, False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            if node.layer is None:
                raise ArgumentError("Model", f"an output that depends on {node}", "only on the inputs given")
            stack.append((node, True))
            stack.extend((s, False) for s in reversed(node.inputs) if s not in seen)
    used = {s for node in order for s in node.inputs} | {output}
    for symbol in inputs:
        if symbol not in used:
            raise ArgumentError("Model", f"{symbol}, which the output does not depend on", "inputs that are used")
    return order


def _last_uses(nodes: Sequence[Symbol], output: Symbol) -> list[list[Symbol]]:
    """For each node, the symbols nobody needs after it."""
    last = {symbol: index for index, node in enumerate(nodes) for symbol in node.inputs if symbol is not output}
    finished: list[list[Symbol]] = [[] for _ in nodes]
    for symbol, index in last.items():
        finished[index].append(symbol)
    return finished
