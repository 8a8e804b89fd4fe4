"""Networks with branches: layers called on symbols make a graph, which runs in topological order, backwards in reverse.

Every value of a pass has a slot: the inputs stand in the first ones, then the results of each use of a layer. So a graph is a
list of uses, each a layer with the slots it reads and those it writes, and nothing in it is nested: a thousand layers are
copied and pickled as easily as ten.

>>> from minidl.layers import Add, Dense, Input
>>> x = Input((4,))
>>> h = Dense(4)(x)
>>> graph = Graph(x, Add()([x, h]))
>>> graph.output_shape((4,))
(4,)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.layers.base import Layer, as_taken, check_no_dx, entry_dtype, must_be_cast, run
from minidl.layers.containers import number_names, used_up
from minidl.layers.context import INFERENCE, Context
from minidl.layers.symbol import Node, Symbol, agreed, results
from minidl.ops.merge import add


class Place(NamedTuple):
    """What is declared of an input."""

    shape: Any
    name: str | None = None
    dtype: str | None = None
    batch_size: int | None = None


class Use(NamedTuple):
    """One use of a layer: the slots that it reads, and those that it writes (one, or several results)."""

    layer: Layer
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    several: bool  # whether the layer's result is a tuple

    @property
    def many(self) -> bool:
        """Whether the layer is given a tuple here: as it always is, or with initial states."""
        return self.layer.takes_many or len(self.inputs) > 1


class Graph(Layer, abstract=True):
    """Everything between ``inputs`` and ``outputs``, as one layer. A layer that appears twice shares its parameters.

    Args:
        inputs: a symbol from ``Input``, or a list of them.
        outputs: a symbol, or a list of them: then y is a tuple.
        unused: whether there may be inputs that no output depends on.
    """

    sets_mask = only_holds = True
    _is_plan = False
    _class_name = "Model"  # the class that users make it by
    replays = True

    def __init__(self, inputs: Any, outputs: Any, *, name: str | None = None, unused: bool = False) -> None:
        super().__init__(name=name)
        self.takes_many, self.gives_many = isinstance(inputs, (tuple, list)), isinstance(outputs, (tuple, list))
        self.inputs: tuple[Symbol, ...] = tuple(inputs) if self.takes_many else (inputs,)
        self.outputs: tuple[Symbol, ...] = tuple(outputs) if self.gives_many else (outputs,)
        for symbol in (*self.inputs, *self.outputs):
            if not isinstance(symbol, Symbol):
                fix = "x = Input(shape); y = Dense(10)(x); Model(x, y)"
                raise ArgumentTypeError("Model", described(symbol), "symbols", fix)
        if not self.outputs:
            raise ArgumentError("Model", "no outputs", "at least one")
        nodes = _topological(self.inputs, self.outputs, unused)
        self.models = {node.layer: node.model for node in nodes if node.model is not None}
        places = [Place(symbol.shape, symbol.name, symbol.dtype, symbol.batch_size) for symbol in self.inputs]
        self._set(*_slots(self.inputs, self.outputs, nodes), places)

    def _set(self, uses: list[Use], output_slots: tuple[int, ...], places: list[Place]) -> None:
        self.uses, self.output_slots, self.places = uses, output_slots, places
        self.layers: list[Layer] = list(dict.fromkeys(use.layer for use in uses))
        if not self._is_plan:
            self.layers = _in_keras_order(uses, output_slots)
            number_names(self.layers)
        self._of_layers = {layer: layer.parameters for layer in self.layers}  # asked for at every step: listed once
        self._finished = _last_uses(uses, output_slots)
        self._slots = len(places) + sum(len(use.outputs) for use in uses)
        sizes = [place.batch_size for place in places] + [layer.declared_batch_size for layer in self.layers]
        self.declared_batch_size = agreed("Model", sizes)
        shapes = tuple(place.shape for place in places)
        self.input_shape = shapes if self.takes_many else shapes[0]
        self._look_at_inputs()

    def _look_at_inputs(self) -> None:
        """Who takes the numbers of each input, moved at most, and the uses that may take another type than comes."""
        origin = {slot: slot for slot in range(len(self.places))}
        self._takers: list[list[tuple[Layer, int]]] = [[] for _ in self.places]  # with the position among its inputs
        reads: list[tuple[int, int, int]] = []  # use, input, position
        for number, use in enumerate(self.uses):
            for position, slot in enumerate(use.inputs):
                if slot in origin:
                    self._takers[origin[slot]].append((use.layer, position))
                    if use.layer.moves_only:
                        origin |= dict.fromkeys(use.outputs, origin[slot])
                    else:
                        reads.append((number, origin[slot], position))
        entry = [self._entry_dtype(slot) for slot in range(len(self.places))]
        self._casts = {
            number
            for number, slot, position in reads
            if self.places[slot].dtype is not None
            or must_be_cast(entry[slot], _of_input(self.uses[number].layer.taken_dtype, position))
        }

    def _entry_dtype(self, slot: int) -> Any:
        """The type in which this input comes."""
        declared, takers = self.places[slot].dtype, self._takers[slot]
        taken = [_of_input(layer.taken_dtype, at) for layer, at in takers if not layer.moves_only]
        known = [dtype for dtype in taken if dtype is not None]
        of_ids = [dtype for dtype in known if np.dtype(dtype).kind in "iu"]
        usual = takers[0][0].dtype if takers else self.dtype
        return entry_dtype(declared, (of_ids or known or [None])[0], usual)

    @property
    def casts(self) -> bool:
        """Whether an input comes in another type than a layer takes."""
        return bool(self._casts)

    @classmethod
    def of_uses(
        cls,
        uses: list[Use],
        output_slots: tuple[int, ...],
        places: list[Place],
        many: tuple[bool, bool],
        name: Any,
    ) -> Graph:
        """A graph of these uses for a plan; slots are numbered from 0, ``places`` are those of the inputs.

        It has no symbols: its layers belong to the models that people see.
        """
        graph = object.__new__(cls)
        Layer.__init__(graph, name=name)
        graph.takes_many, graph.gives_many = many
        graph.models, graph._is_plan = {}, True
        graph._set(uses, output_slots, places)
        return graph

    def sublayers(self) -> Iterator[Layer]:
        """Each layer once."""
        return iter(self.layers)

    @property
    def input_dtype(self) -> Any:
        """For each input what its ``Input`` said, or what the first layer behind it takes; integers where any takes ids."""
        found = tuple(self._entry_dtype(slot) for slot in range(len(self.places)))
        return found if self.takes_many else found[0]

    @property
    def taken_dtype(self) -> Any:
        """``input_dtype``, with None for an input that anything may come by."""
        says = [
            place.dtype is not None or any(layer.taken_dtype is not None for layer, _ in takers if not layer.moves_only)
            for place, takers in zip(self.places, self._takers)
        ]
        found = tuple(self._entry_dtype(slot) if said else None for slot, said in enumerate(says))
        return found if self.takes_many else found[0]

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """As the layers do that take input number ``index``."""
        for layer, position in self._takers[index]:
            layer.check_input(x, where, *((position,) if layer.takes_many else ()))

    def output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for inputs of this shape."""
        shapes = self.slot_shapes(input_shape)
        found = tuple(shapes[slot] for slot in self.output_slots)
        return found if self.gives_many else found[0]

    def slot_shapes(self, input_shape: Any) -> list[Any]:
        """The shape of every slot."""
        received = input_shape if self.takes_many else (input_shape,)
        if len(received) != len(self.places):
            raise ShapeError(self.label, f"{len(received)} inputs", f"{len(self.places)}")
        shapes: list[Any] = [*received, *[None] * (self._slots - len(received))]
        for use in self.uses:
            given = tuple(shapes[slot] for slot in use.inputs)
            y = use.layer.output_shape(given if use.many else given[0])
            for slot, shape in zip(use.outputs, y if use.several else (y,)):
                shapes[slot] = shape
        return shapes

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y, and what each use saved; a value is dropped after its last use."""
        context, saved = context.own(), []
        values: list[Any] = [*(x if self.takes_many else (x,)), *[None] * (self._slots - len(self.places))]
        masks: dict[int, Any] = {}  # of the slots that have one
        if context.mask is not None:
            masks = dict(enumerate(context.mask if self.takes_many else (context.mask,)))
        for number, (use, finished) in enumerate(zip(self.uses, self._finished)):
            given = tuple([values[slot] for slot in use.inputs])
            if number in self._casts:
                given = as_taken(given, use.layer.taken_dtype)
            context.mask = _masks_of(use, masks) if masks else None
            y, of_use = run(use.layer, given if use.many else given[0], context)
            if context.keep:
                saved.append((of_use, _sizes(y)) if use.several else of_use)
            if context.mask is not None:
                masks |= dict(zip(use.outputs, context.mask if use.several else (context.mask,)))
            for slot, part in zip(use.outputs, y if use.several else (y,)):
                values[slot] = part
            for slot in finished:
                values[slot] = None
        context.mask = self._output_masks(masks)
        y = tuple(values[slot] for slot in self.output_slots) if self.gives_many else values[self.output_slots[0]]
        return y, (saved if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx (a tuple where there are several inputs): each use adds its dx to the gradients of what it read."""
        if len(saved) != len(self.uses):
            raise used_up(self.label)
        wanted = self._wanted(need_dx)
        gradients: dict[int, Any] = {}
        for slot, d in zip(self.output_slots, dy if self.gives_many else (dy,)):
            if d is not None:
                gradients[slot] = add(gradients[slot], d) if slot in gradients else d
        for use in reversed(self.uses):
            of_use, layer = saved.pop(), use.layer
            dys = [gradients.pop(slot, None) for slot in use.outputs]
            if use.outputs[0] not in wanted or all(d is None for d in dys):
                continue
            if use.several:
                of_use, sizes = of_use
                dys = [_zeros(*size) if d is None else d for d, size in zip(dys, sizes)]
            need = any(slot in wanted for slot in use.inputs)
            dx = layer.gradient(tuple(dys) if use.several else dys[0], of_use, need_dx=need)
            if need and dx is None and not self._wanted(False).isdisjoint(use.inputs):
                check_no_dx(layer)
            for slot, d in zip(use.inputs, dx if use.many and dx is not None else (dx,)):
                if slot in wanted and d is not None:
                    gradients[slot] = add(gradients[slot], d) if slot in gradients else d
        if not need_dx:
            return None
        found = tuple(gradients.get(slot) for slot in range(len(self.places)))
        return found if self.takes_many else found[0]

    def _wanted(self, need_dx: bool) -> set[int]:
        """The slots whose gradient somebody asks for: behind them lies something trainable, or an input with ``need_dx``."""
        trainable = {layer for layer, of_layer in self._of_layers.items() if any(p.trainable for p in of_layer)}
        wanted = set(range(len(self.places))) if need_dx else set()
        for use in self.uses:
            if use.layer in trainable or any(slot in wanted for slot in use.inputs):
                wanted.update(use.outputs)
        return wanted

    def _output_masks(self, masks: dict[int, Any]) -> Any:
        found = tuple(masks.get(slot) for slot in self.output_slots)
        if all(mask is None for mask in found):
            return None
        return found if self.gives_many else found[0]

    def _connect(self) -> None:
        """New symbols, for a graph that was copied or read from a file."""
        symbols: list[Symbol] = [
            Symbol(place.shape, Node(None), 0, place.name, place.dtype, place.batch_size) for place in self.places
        ]
        self.inputs = tuple(symbols)
        for use in self.uses:
            inputs = [symbols[slot] for slot in use.inputs]
            shape = tuple(symbol.shape for symbol in inputs) if use.many else inputs[0].shape
            made = results(use.layer, inputs, use.layer.output_shape(shape), self.models.get(use.layer))
            symbols += made if use.several else (made,)
        self.outputs = tuple(symbols[slot] for slot in self.output_slots)

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__()}
        for name in ("inputs", "outputs", "_of_layers", "_takers", "_casts"):
            state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._set(self.uses, self.output_slots, self.places)
        if not self._is_plan:
            self._connect()


def _of_input(dtype: Any, position: int) -> Any:
    """The type of one input, of a layer that says one for all or one for each."""
    return dtype[position] if isinstance(dtype, tuple) else dtype


def _masks_of(use: Use, masks: dict[int, Any]) -> Any:
    """The mask of what a use reads: a tuple for several inputs, None where no part has one."""
    found = tuple(masks.get(slot) for slot in use.inputs)
    if all(mask is None for mask in found):
        return None
    return found if use.many else found[0]


def _sizes(y: Any) -> list[Any]:
    """Shape and type of several results, to make gradients of zeros for those that nobody used."""
    return [(part.shape, part.dtype, backends.backend_of(part)) for part in y]


def _zeros(shape: Any, dtype: Any, backend: Any) -> Any:
    return backend.xp.zeros(shape, dtype)


def _topological(inputs: Sequence[Symbol], outputs: Sequence[Symbol], unused: bool) -> list[Node]:
    """The nodes between inputs and outputs, each after what it depends on."""
    order: list[Node] = []
    seen: set[Node] = set()
    given = set(inputs)
    stack: list[tuple[Symbol, bool]] = [(symbol, False) for symbol in reversed(outputs)]
    while stack:
        symbol, inputs_done = stack.pop()
        node = symbol.node
        if inputs_done:
            order.append(node)
        elif node not in seen and symbol not in given:
            seen.add(node)
            if node.layer is None:
                raise ArgumentError("Model", f"an output that depends on {symbol}", "only on the inputs given")
            stack.append((symbol, True))
            stack.extend((s, False) for s in reversed(node.inputs) if s.node not in seen and s not in given)
    used = {s for node in order for s in node.inputs} | set(outputs)
    for symbol in inputs:
        if symbol not in used and not unused:
            raise ArgumentError("Model", f"{symbol}, which the output does not depend on", "inputs that are used")
    return order


def _slots(inputs: Sequence[Symbol], outputs: Sequence[Symbol], nodes: Sequence[Node]) -> tuple[list[Use], tuple[int, ...]]:
    """The uses of the nodes, and the slots of the outputs."""
    at: dict[tuple[Node, int], int] = {(symbol.node, symbol.index): slot for slot, symbol in enumerate(inputs)}
    free, uses = len(inputs), []
    for node in nodes:
        shape = tuple(s.shape for s in node.inputs) if node.many else node.inputs[0].shape
        count = len(node.layer.output_shape(shape)) if node.several else 1
        own = tuple(range(free, free + count))
        at |= {(node, index): slot for index, slot in enumerate(own) if (node, index) not in at}
        uses.append(Use(node.layer, tuple(at[s.node, s.index] for s in node.inputs), own, node.several))
        free += count
    return uses, tuple(at[s.node, s.index] for s in outputs)


def _in_keras_order(uses: Sequence[Use], output_slots: Sequence[int]) -> list[Layer]:
    """Each layer once: the farther from the outputs, the earlier; of equally far ones, the first to be met from the outputs.

    Lists of weights that Keras gave fit a graph of the same layers in this order and in no other. How far a layer is from
    the outputs is the number of layers on the longest path between.
    """
    writer = {slot: index for index, use in enumerate(uses) for slot in use.outputs}
    distances, of_layer = [0] * len(uses), dict[Layer, int]()
    for index in reversed(range(len(uses))):  # a use stands behind those that it reads
        layer = uses[index].layer
        of_layer[layer] = distance = max(distances[index], of_layer.get(layer, 0))
        for before in [writer[slot] for slot in uses[index].inputs if slot in writer]:
            distances[before] = max(distances[before], distance + 1)
    met, seen, stack = dict[Layer, int](), set[int](), [writer[slot] for slot in reversed(output_slots) if slot in writer]
    while stack:
        index = stack.pop()
        if index not in seen:
            seen.add(index)
            met.setdefault(uses[index].layer, len(met))
            stack += [writer[slot] for slot in reversed(uses[index].inputs) if slot in writer]
    return sorted(met, key=lambda layer: (-of_layer[layer], met[layer]))


def _last_uses(uses: Sequence[Use], output_slots: Sequence[int]) -> list[list[int]]:
    """For each use, the slots nobody needs after it."""
    last = {slot: index for index, use in enumerate(uses) for slot in use.inputs if slot not in output_slots}
    finished: list[list[int]] = [[] for _ in uses]
    for slot, index in last.items():
        finished[index].append(slot)
    return finished
