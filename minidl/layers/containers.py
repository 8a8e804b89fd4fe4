"""A chain of layers, itself a layer: y = f_n(... f_2(f_1(x))); backwards, the same list read upwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minidl.declared import snake_case
from minidl.errors import ArgumentError, ArgumentTypeError, StateError, described, object_of
from minidl.layers.base import Layer
from minidl.parameters import Parameter


class Chain(Layer):
    """Layers applied one after another.

    >>> from minidl.layers import Activation, Dense
    >>> chain = Chain([Dense(3), Activation("relu")])
    >>> chain.build((4,)); chain.output_shape((4,))
    (3,)
    """

    _class_name = "Sequential"  # the class that users make it by

    def __init__(self, layers: Iterable[Layer] = (), *, name: str | None = None, input_shape: Any = None) -> None:
        super().__init__(name=name, input_shape=input_shape)
        self.layers: list[Layer] = []
        self._looked_at: list[Layer] = []
        self._of_layers: list[list[Parameter]] = []
        for layer in layers:
            self.append(layer)

    def append(self, layer: Layer) -> None:
        """Add a layer behind the others; it is built at once where the input shape is known."""
        if not isinstance(layer, Layer):
            raise ArgumentTypeError(self.label, described(layer), "a layer", _instead_of(layer))
        number_names([*self.layers, layer])
        declared = self.declared_input_shape
        if not self.layers and declared is None:
            self.declared_input_shape = layer.declared_input_shape
        if self.input_shape is not None:
            layer.ensure_built(self.output_shape(self.input_shape))
            self.layers.append(layer)
        else:
            self.layers.append(layer)
            if self.declared_input_shape is not None:
                try:
                    self.build(self.declared_input_shape)
                except Exception:
                    self.layers.pop()
                    self.declared_input_shape = declared
                    raise

    def sublayers(self) -> Iterator[Layer]:
        """The links of the chain."""
        return iter(self.layers)

    def build(self, input_shape: Any) -> None:
        """Build each layer for what comes out of the one before."""
        for layer in self.layers:
            layer.ensure_built(input_shape)
            input_shape = layer.output_shape(input_shape)

    def output_shape(self, input_shape: Any) -> Any:
        """The last layer's; the layer that cannot take its input is the one named in the error."""
        for layer in self.layers:
            input_shape = layer.output_shape(input_shape)
        return input_shape

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y, and what each layer saved."""
        saved: list[Any] = []
        for layer in self.layers:
            x, of_layer = layer.apply(x, training=training, keep=keep)
            if keep:
                saved.append(of_layer)
        return x, (saved if keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; releases what each layer saved as soon as it is used, and goes no further down than anything is trained."""
        if len(saved) != len(self.layers):
            raise used_up(self.label)
        first = 0 if need_dx else self._first_trainable()
        for index in reversed(range(len(self.layers))):
            of_layer = saved.pop()
            if index >= first:
                dy = self.layers[index].gradient(dy, of_layer, need_dx=need_dx or index > first)
        return dy if need_dx else None

    def _first_trainable(self) -> int:
        """Index of the first layer with something to train; the number of layers where there is none."""
        if self._looked_at != self.layers:  # asked at every step: the parameters are listed once
            self._looked_at, self._of_layers = list(self.layers), [layer.parameters for layer in self.layers]
        for index, parameters in enumerate(self._of_layers):
            if any(p.trainable for p in parameters):
                return index
        return len(self.layers)

    def pending(self, saved: Any) -> Any:
        """Each layer's."""
        return [layer.pending(of_layer) for layer, of_layer in zip(self.layers, saved)]

    def commit(self, pending: Any) -> None:
        """Each layer's."""
        for layer, of_layer in zip(self.layers, pending):
            layer.commit(of_layer)

    def begin_step(self) -> None:
        """Each layer's."""
        for layer in self.layers:
            layer.begin_step()


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
    for name in given:
        if given.count(name) > 1:
            raise ArgumentError("model", f"two layers called {name!r}", "different names")
    taken = set(given)
    newcomers = []
    for layer in layers:
        if layer.given_name is None and layer.number and layer.name not in taken:
            taken.add(layer.name)
        elif layer.given_name is None:
            newcomers.append(layer)
    for layer in newcomers:
        kind, number = snake_case(layer._class_name), 1
        while f"{kind}_{number}" in taken:
            number += 1
        layer.number = number
        taken.add(layer.name)
