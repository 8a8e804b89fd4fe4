"""What a layer holds: parameters, state and sublayers, found among its attributes, each in the order of assignment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import access, initializers
from minidl import backend as backends
from minidl.backend.random import Stream, new_stream
from minidl.checks import check_number
from minidl.errors import CheckpointError, ShapeError
from minidl.layers.overwrite import copy_of, overwrite
from minidl.layers.state import State
from minidl.parameters import Parameter

if TYPE_CHECKING:
    from minidl.layers.base import Layer

Shape = tuple[int, ...]


class Room:
    """How many bytes of weights may be made: those that a file holds, whatever a configuration in it asks for."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes

    def take(self, what: str, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Raises CheckpointError where the file cannot hold this array."""
        self.nbytes -= prod(shape) * dtype.itemsize
        if self.nbytes < 0:
            raise CheckpointError(what, f"an array of shape {tuple(shape)}", "no more numbers than the file holds")


_room: ContextVar[Room | None] = ContextVar("room", default=None)


@contextmanager
def made_for_a_file(nbytes: int) -> Iterator[None]:
    """Weights made in the block are zeros, and take ``nbytes`` at most."""
    token = _room.set(Room(nbytes))
    try:
        yield
    finally:
        _room.reset(token)


class Holder:
    """The part of ``Layer`` that makes weights, lists them and freezes them."""

    dtype: str
    _trainable: bool
    _learning_rate_multiplier: float
    _stream: Stream | None
    _made: list[Parameter]  # by new_parameter and new_state, to see that none is forgotten
    _constants: list[Parameter]  # of these, the ones that thawing the layer must not train
    only_holds = False  # True for containers, which have no weights but those of their layers

    # -- making them ---------------------------------------------------------------------------------------------------

    def new_parameter(
        self,
        name: str,
        shape: Shape,
        initializer: Any = "zeros",
        trainable: bool = True,
        *,
        regularizer: Any = None,
        constraint: Any = None,
    ) -> Parameter:
        """A parameter of the layer's dtype on the active device, its values drawn from the layer's own random stream.

        With ``trainable=False`` it is a constant, which is saved with the weights and never trained. ``regularizer`` and
        ``constraint`` are objects of ``minidl.regularizers`` and ``minidl.constraints``: a penalty that is added to the loss,
        and what holds after every step.
        """
        p = Parameter(self._initial(name, shape, initializer, self.dtype), name, trainable and self._trainable)
        p.regularizer, p.constraint = regularizer, constraint
        p.learning_rate_multiplier = self._learning_rate_multiplier
        self._made.append(p)
        if not trainable:
            self._constants.append(p)
        return p

    def terms(self, of: str) -> dict[str, Any]:
        """What the layer's arguments ``<of>_regularizer`` and ``<of>_constraint`` are, for ``new_parameter``."""
        return {name: getattr(self, f"{of}_{name}") for name in ("regularizer", "constraint")}

    def new_state(self, name: str, shape: Shape, initializer: Any = "zeros", dtype: Any = None) -> State:
        """What the layer remembers from step to step, such as a running mean: saved with the weights and never trained.

        It changes by ``context.update(state, value)``. ``dtype`` is the layer's where it is None.
        """
        state = State(self._initial(name, shape, initializer, dtype or self.dtype), name)
        self._made.append(state)
        return state

    def _initial(self, name: str, shape: Shape, initializer: Any, dtype: Any) -> Any:
        if None in shape:
            fix = "a length in place of None; and leave the batch axis out of the input shape"
            raise ShapeError(f"{self.label}: {name}", f"shape {tuple(shape)}", "a length for every axis it depends on", fix)
        index = len(self._made)
        room = _room.get()
        if room is not None:  # the numbers come from a file, which says how many there are
            room.take(f"{self.label}: {name}", shape, np.dtype(dtype))
            return backends.current().asarray(np.zeros(shape, dtype))
        values = initializers.get(initializer, f"{self.label}: {name}")(shape, self.stream, index)
        if np.shape(values) != tuple(shape):
            raise ShapeError(f"{self.label}: initializer of {name}", f"shape {np.shape(values)}", f"{tuple(shape)}")
        return backends.current().asarray(np.array(values, dtype))  # a copy: an initializer of your own may keep its array

    @property
    def stream(self) -> Stream:
        """The layer's own random numbers, taken when they are first needed: for the initial values, as a rule."""
        if self._stream is None:
            self._stream = new_stream()
        return self._stream

    # -- listing them --------------------------------------------------------------------------------------------------

    def sublayers(self) -> Iterator[Layer]:
        """The layers this one is made of: those among its attributes, by themselves or in lists, tuples and dictionaries."""
        yield from dict.fromkeys(layers_in(list(vars(self).values())))

    def _own(self) -> list[Parameter]:
        """The parameters and the state that are attributes of the layer itself."""
        return [value for value in vars(self).values() if isinstance(value, Parameter)]

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs such as ``("W", p)``, or ``("dense_1.W", p)`` from a container."""
        for p in self._own():
            if not isinstance(p, State):
                yield p.name, p
        for layer in self.sublayers():
            for name, p in layer.named_parameters():
                yield f"{layer.name}.{name}", p

    @property
    def parameters(self) -> list[Parameter]:
        """What can be trained, in the order it was assigned; shared parameters once."""
        return [p for p in self.weights if not isinstance(p, State)]

    @property
    def state(self) -> list[State]:
        """What is kept but never trained (running statistics), in the order it was assigned; shared state once."""
        return [p for p in self.weights if isinstance(p, State)]

    @property
    def weights(self) -> list[Parameter]:
        """Parameters and state in Keras's order: layer by layer, a layer's parameters before its state."""
        found: dict[Parameter, None] = {}
        stack: list[Holder] = [self]
        while stack:
            layer = stack.pop()
            own = layer._own()
            found.update(dict.fromkeys([p for p in own if not isinstance(p, State)]))
            found.update(dict.fromkeys([p for p in own if isinstance(p, State)]))
            stack.extend(reversed(list(layer.sublayers())))
        return list(found)

    @property
    def parameter_dtype(self) -> Any:
        """Element type of the first weight of floating point, or the layer's own where it has none."""
        stack: list[Holder] = [self]
        while stack:  # asked for at every prediction: only the first one is looked for
            layer = stack.pop()
            for value in layer._made or (() if layer.only_holds else vars(layer).values()):  # mostly those it made itself
                if isinstance(value, Parameter) and value.dtype.kind == "f":
                    return value.dtype
            stack.extend(reversed(list(layer.sublayers())))
        return self.dtype

    def count_params(self) -> int:
        """Number of elements in parameters and state."""
        return sum(p.size for p in self.weights)

    # -- freezing, and rates -------------------------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """False freezes the layer: its parameters keep their values, and normalisation uses its running statistics."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for p in self._own():
            p.trainable = self._trainable
        for layer in self.sublayers():
            layer.trainable = value
        for p in self._constants:
            p.trainable = False

    @property
    def learning_rate_multiplier(self) -> float:
        """What the optimizer's learning rate is multiplied by for the parameters of this layer; 1 is usual.

        Assigning it sets it for everything within the layer, from the next step on.
        """
        return self._learning_rate_multiplier

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        value = check_number(self.label, "learning_rate_multiplier", value, 0)
        self._learning_rate_multiplier = value
        for p in self._own():
            p.learning_rate_multiplier = value
        for layer in self.sublayers():
            layer.learning_rate_multiplier = value

    # -- as arrays -----------------------------------------------------------------------------------------------------

    def get_weights(self) -> list:
        """Copies of all weights as NumPy arrays, in Keras's order and layouts."""
        self._check_built("get_weights")
        with access.reading("get_weights", self):
            return [backends.backend_of(p.value).to_numpy(p.value).copy() for p in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Overwrite all weights, or none. Raises ShapeError, with nothing changed, unless number and shapes fit."""
        self._check_built("set_weights")
        own = self.weights
        arrays = [copy_of(backends.backend_of(p.value).asarray(w, p.dtype, f"{self.label}: weight {p.name}"))
                  for w, p in zip(weights, own)]  # fmt: skip
        received = f"{len(weights)} arrays of shapes {[a.shape for a in arrays]}"
        expected = f"{len(own)} of shapes {[p.shape for p in own]}"
        if len(weights) != len(own) or any(a.shape != p.shape for a, p in zip(arrays, own)):
            raise ShapeError(f"{self.label}: set_weights", received, expected)
        with access.writing("set_weights", self):
            overwrite(own, arrays)

    @property
    def name(self) -> str:
        """How the layer is called."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        """Name and class."""
        raise NotImplementedError

    def _check_built(self, what: str) -> None:
        raise NotImplementedError


_NO_LAYERS = frozenset((type(None), bool, int, float, str, Parameter, State))


def layers_in(values: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """The layers in a collection, at any depth of lists, tuples and dictionaries; a model counts as its network."""
    seen = set() if seen is None else seen
    for value in values:
        if type(value) in _NO_LAYERS:  # most attributes are
            continue
        if isinstance(value, Holder):
            yield value
        elif isinstance(value, (list, tuple, dict)):
            if value and id(value) not in seen:
                seen.add(id(value))  # a list may hold itself
                yield from layers_in(value.values() if isinstance(value, dict) else value, seen)
        elif isinstance(network := getattr(value, "network", None), Holder):
            yield network
