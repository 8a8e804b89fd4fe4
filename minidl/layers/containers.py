"""A chain of layers, itself a layer: y = f_n(... f_2(f_1(x))); backwards, the same list read upwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Unpack

from minidl.declared import snake_case
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError, described, object_of
from minidl.geometry import is_several
from minidl.layers.base import Layer, LayerOptions, as_taken, check_no_dx, entry_dtype, run
from minidl.layers.context import INFERENCE, Context
from minidl.layers.symbol import Node, Symbol, agreed, results
from minidl.parameters import Parameter


class Chain(Layer, abstract=True):
    """Layers applied one after another.

    >>> from minidl.layers import Activation, Dense
    >>> chain = Chain([Dense(3), Activation("relu")])
    >>> chain.build((4,)); chain.output_shape((4,))
    (3,)
    """

    sets_mask = only_holds = True
    _is_plan = False
    casts = False  # whether x may come in another type than the layers take, in a plan
    _class_name = "Sequential"  # the class that users make it by
    replays = True

    def __init__(self, layers: Iterable[Layer] = (), **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.layers: list[Layer] = []
        self.symbols: list[Any] = []  # the input, and the result of each layer: once built
        self.models: dict[Layer, Any] = {}  # the models that people see, by the networks of theirs among the layers
        self.declared_dtype: str | None = None  # of the input, where an Input said it
        self._looked_at: list[Layer] = []
        self._of_layers: list[list[Parameter]] = []
        for layer in layers:
            self.append(layer)

    @classmethod
    def of_layers(cls, layers: Iterable[Layer], like: Layer) -> Chain:
        """A chain of built layers for a plan, in the place of ``like``: it has no symbols and gives nobody a number."""
        chain = cls(name=like.given_name)
        chain.number, chain._class_name = like.number, like._class_name
        chain.layers, chain.input_shape, chain._is_plan = list(layers), like.input_shape, True
        chain.casts = like.casts or getattr(like, "declared_dtype", None) is not None  # type: ignore[attr-defined]
        return chain

    def append(self, layer: Layer) -> None:
        """Add a layer behind the others; it is built at once where the input shape is known."""
        if not isinstance(layer, Layer):
            raise ArgumentTypeError(self.label, described(layer), "a layer", _instead_of(layer))
        number_names([*self.layers, layer])
        declared, size = self.declared_input_shape, self.declared_batch_size
        if not self.layers and declared is None:
            self.declared_input_shape = layer.declared_input_shape
        of_all = agreed(self.label, (size, layer.declared_batch_size))
        if self.input_shape is not None:
            _check_takes(layer, _shape_of(self.symbols[-1]))
            layer.ensure_built(_shape_of(self.symbols[-1]))
            self.layers.append(layer)
            self.declared_batch_size = of_all
            self._connect()
        else:
            self.layers.append(layer)
            self.declared_batch_size = of_all
            if self.declared_input_shape is not None:
                try:
                    self.build(self.declared_input_shape)
                except Exception:
                    self.layers.pop()
                    self.declared_input_shape, self.declared_batch_size = declared, size
                    raise

    def sublayers(self) -> Iterator[Layer]:
        """The layers of the chain, each time it is used."""
        return iter(self.layers)

    def build(self, input_shape: Any) -> None:
        """Build each layer for what comes out of the one before."""
        first_shape = input_shape
        for layer in self.layers:
            _check_takes(layer, input_shape)
            layer.ensure_built(input_shape)
            input_shape = layer.output_shape(input_shape)
        self._connect(first_shape)

    def output_shape(self, input_shape: Any) -> Any:
        """The last layer's; the layer that cannot take its input is the one named in the error."""
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape)
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y, and what each layer saved."""
        context, saved = context.own(), []
        if self.declared_dtype is not None or self.casts:
            x = as_taken(x, self._first_dtype)
        for layer in self.layers:
            x, of_layer = run(layer, x, context)
            if context.keep:
                saved.append(of_layer)
        return x, (saved if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; releases what each layer saved as soon as it is used, and goes no further down than anything is trained."""
        if len(saved) != len(self.layers):
            raise used_up(self.label)
        first = 0 if need_dx else self._first_trainable()
        for index in reversed(range(len(self.layers))):
            of_layer = saved.pop()
            if index >= first:
                dy = self.layers[index].gradient(dy, of_layer, need_dx=need_dx or index > first)
                if dy is None and (need_dx or index > first):  # ids have no gradient, and what lies below only moves them
                    if index > self._first_trainable():
                        check_no_dx(self.layers[index])
                    saved.clear()
                    return None
        return dy if need_dx else None

    def _first_trainable(self) -> int:
        """Index of the first layer with something to train; the number of layers where there is none."""
        if self._looked_at != self.layers:  # asked at every step: the parameters are listed once
            self._looked_at, self._of_layers = list(self.layers), [layer.parameters for layer in self.layers]
        for index, parameters in enumerate(self._of_layers):
            if any(p.trainable for p in parameters):
                return index
        return len(self.layers)

    @property
    def input_dtype(self) -> Any:
        """That of the first layer, unless an ``Input`` said another one."""
        if self.declared_dtype is not None:
            return entry_dtype(self.declared_dtype, self._first_dtype, self.dtype)
        first = self._first()
        return self.dtype if first is None else first.input_dtype

    @property
    def taken_dtype(self) -> Any:
        """``input_dtype``, or None where the first layer takes anything."""
        return self._first_dtype if self.declared_dtype is None else self.input_dtype

    def _first(self) -> Layer | None:
        """The first layer that does more than to move numbers; the first one of all where none does."""
        for layer in self.layers:
            if not layer.moves_only:
                return layer
        return self.layers[0] if self.layers else None

    @property
    def _first_dtype(self) -> Any:
        first = self._first()
        return self.dtype if first is None else first.taken_dtype

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """As the first layer does that does more than to move numbers."""
        for layer in self.layers:
            layer.check_input(x, where, *((index,) if layer.takes_many else ()))
            if not layer.moves_only:
                break

    @property
    def takes_many(self) -> bool:  # type: ignore[override]
        """As the first layer does."""
        return bool(self.layers) and self.layers[0].takes_many

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The symbols of the input, once built."""
        return () if not self.symbols else self.symbols[0] if isinstance(self.symbols[0], tuple) else (self.symbols[0],)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The symbols of the result, once built."""
        return () if not self.symbols else self.symbols[-1] if isinstance(self.symbols[-1], tuple) else (self.symbols[-1],)

    def _connect(self, input_shape: Any = None) -> None:
        """Symbols for the layers that have none yet, so that each layer's result can be made an output of another model."""
        if not self.symbols:
            shapes = input_shape if is_several(input_shape) else (input_shape,)
            of_each = f"{self.name} input", self.declared_dtype, self.declared_batch_size
            places = tuple(Symbol(shape, Node(None), 0, *of_each) for shape in shapes)
            self.symbols = [places if is_several(input_shape) else places[0]]
        for layer in self.layers[len(self.symbols) - 1 :]:
            before = self.symbols[-1]
            inputs = before if isinstance(before, tuple) else (before,)
            self.symbols.append(results(layer, inputs, layer.output_shape(_shape_of(before)), self.models.get(layer)))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "symbols": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.input_shape is not None and not self._is_plan:
            self._connect(self.input_shape)


def _shape_of(symbols: Any) -> Any:
    """The shape of a result, or of each of several."""
    return tuple(symbol.shape for symbol in symbols) if isinstance(symbols, tuple) else symbols.shape


def _check_takes(layer: Layer, shape: Any) -> None:
    """Raise ShapeError where the states of one recurrent layer would be the first of the next, which nobody asked for."""
    if layer.takes_states and is_several(shape):
        received, fix = f"{len(shape)} results of the layer before", "return_state=False, or Model(inputs, outputs)"
        raise ShapeError(layer.label, received, "one, in a row of layers", fix)


def _instead_of(item: Any) -> str:
    """The fix for something in the place of a layer."""
    if isinstance(item, str):
        return f"Activation({item!r}), if that is the name of an activation"
    if isinstance(item, (list, tuple)):
        return "one list of layers, without lists in it"
    return object_of(item, Layer, "Dense(10)")


def used_up(where: str) -> StateError:
    """The error for going back twice through one forward pass."""
    return StateError(f"{where}: gradient", "a forward pass that was already used", "one forward before each gradient")


def number_names(layers: Iterable[Layer]) -> None:
    """Number layers without a given name within their class: dense_1, dense_2, ... as they first appear.

    A layer that has a number from another model keeps it where it can, so that its name there stays what it was.
    """
    layers = list(dict.fromkeys(layers))
    given = [layer.given_name for layer in layers if layer.given_name is not None]
    taken = set(given)
    if len(taken) < len(given):
        name = next(name for name in given if given.count(name) > 1)
        raise ArgumentError("model", f"two layers called {name!r}", "different names")
    newcomers = []
    for layer in layers:
        if layer.given_name is None and layer.number and layer.name not in taken:
            taken.add(layer.name)
        elif layer.given_name is None:
            newcomers.append(layer)
    free: dict[str, int] = {}  # the first number of a kind that may be free
    for layer in newcomers:
        kind = snake_case(layer._class_name)
        number = free.get(kind, 1)
        while f"{kind}_{number}" in taken:
            number += 1
        free[kind] = number + 1
        layer.number = number
        taken.add(layer.name)
