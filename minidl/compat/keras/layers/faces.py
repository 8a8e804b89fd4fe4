"""The face that a layer shows to an old script: shapes with the batch axis, and names that layers had in Keras 2.1.

A layer made by an old script is minidl's own, of a class with nothing added but this face (``written_as`` keeps files free of
it). minidl's own code reads ``input_shape`` and calls ``output_shape`` on every layer, without the batch axis; a script means
the attributes of Keras. So these two look who asks: a module of minidl gets minidl's answer, everybody else that of Keras 2.1.
"""

from __future__ import annotations

import copy
import sys
import types
from typing import Any

from minidl.compat.keras.backend.tracing import Operators, StaticShape, refuse_values
from minidl.errors import StateError
from minidl.geometry import is_several
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.layers.state import State
from minidl.layers.symbol import Symbol

_FACES: dict[type, type] = {}
_OLD_NAMES = {  # weights and arguments as attributes, under the names they had
    "kernel": "W",
    "recurrent_kernel": "W_recurrent",
    "embeddings": "W",
    "depthwise_kernel": "D",
    "pointwise_kernel": "P",
}


class NoSingleUse(StateError, AttributeError):
    """A layer that is in no graph, or in more than one place: for Keras 2.1 an attribute that is not there."""


class OldSymbol(Operators, Symbol):
    """A result in a graph as scripts know it: its shape begins with the batch axis; operators say where they may stand."""

    __slots__ = ()

    @property
    def shape(self) -> Any:
        """The shape; without the batch axis where minidl asks."""
        own = _SHAPE.__get__(self)
        return own if _asked_by_minidl() else StaticShape((None, *own))

    @shape.setter
    def shape(self, shape: Any) -> None:
        _SHAPE.__set__(self, shape)

    @property
    def _keras_shape(self) -> tuple[int | None, ...]:
        return (None, *_SHAPE.__get__(self))

    def get_shape(self) -> Any:
        """As TensorFlow has it: the shape, with ``as_list``."""
        return StaticShape((None, *_SHAPE.__get__(self)))


_SHAPE: Any = vars(Symbol)["shape"]


def old_symbols(found: Any) -> Any:
    """Symbols, alone or in a tuple or list, as scripts know them; anything else as it is.

    >>> from minidl.layers import Input
    >>> old_symbols(Input((3,))).get_shape().as_list()
    [None, 3]
    """
    for symbol in found if isinstance(found, (tuple, list)) else (found,):
        if type(symbol) is Symbol:
            symbol.__class__ = OldSymbol
    return found


class Face:
    """What is added to the class of a layer."""

    symbol_class = OldSymbol

    def joined(self, x: Any) -> Any:
        """The symbols in a graph. Raises ArgumentTypeError for what was computed with results of layers, but not in a layer."""
        refuse_values(self.label, x)
        return super().joined(x)  # type: ignore[misc]

    def validated(self, x: Any) -> Any:
        """x as arrays. Raises ArgumentTypeError as ``joined`` does."""
        refuse_values(self.label, x)
        return super().validated(x)  # type: ignore[misc]

    @property
    def input_shape(self) -> Any:
        """Shape of the input with its batch axis; a list of them for several inputs."""
        own = vars(self)["input_shape"]
        return own if _asked_by_minidl() else with_batch(self, self._known_shape(own))

    @input_shape.setter
    def input_shape(self, shape: Any) -> None:
        vars(self)["input_shape"] = shape

    @property
    def output_shape(self) -> Any:
        """Shape of the result with its batch axis; a list of them for several results. Within minidl: the method."""
        method = super().output_shape  # type: ignore[misc]
        if _asked_by_minidl():
            return method
        return with_batch(self, method(self._known_shape(vars(self)["input_shape"])))

    def _known_shape(self, shape: Any) -> Any:
        if shape is None:
            fix = "input_shape=(...) in the first layer of the model"
            raise StateError(self.label, "a layer that is in no model yet", "one whose input is known", fix)
        return shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the result for an input of this shape, both with the batch axis."""
        if input_shape and isinstance(input_shape[0], (tuple, list)):
            batch, shape = input_shape[0][0], tuple(tuple(one[1:]) for one in input_shape)
        else:
            batch, shape = input_shape[0], tuple(input_shape[1:])
        return _prefixed(super().output_shape(shape), batch)  # type: ignore[misc]

    get_output_shape_for = compute_output_shape  # of Keras 1

    def _only_use(self, what: str) -> Any:
        try:
            return old_symbols(super()._only_use(what))  # type: ignore[misc]
        except StateError as error:
            raise NoSingleUse(error.where, error.received, error.expected, error.fix) from None

    @property
    def built(self) -> bool:
        """Whether it has its weights."""
        return vars(self)["input_shape"] is not None

    @property
    def batch_input_shape(self) -> Any:
        """The input shape that the constructor was given, with its batch axis."""
        declared = self.declared_input_shape
        if declared is None:
            raise AttributeError("batch_input_shape")
        return _prefixed(declared, self.batch_size_2_1)

    batch_size_2_1: Any = None  # that the constructor was given

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes."""
        return [p for p in self.weights if not isinstance(p, State) and p.trainable]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """All others."""
        trainable = set(map(id, self.trainable_weights))
        return [p for p in self.weights if id(p) not in trainable]

    def get_input_at(self, node_index: int) -> Any:
        """What the layer is applied to in its use of this number."""
        uses = self.get_output_at(node_index)
        node = (uses[0] if isinstance(uses, tuple) else uses).node
        return list(node.inputs) if node.many else node.inputs[0]

    def get_input_shape_at(self, node_index: int) -> Any:
        """The shape of that, with its batch axis."""
        found = self.get_input_at(node_index)
        shape = tuple(symbol.shape for symbol in found) if isinstance(found, list) else found.shape
        return with_batch(self, shape)

    def get_output_shape_at(self, node_index: int) -> Any:
        """The shape of the result of the use of this number, with its batch axis."""
        found = self.get_output_at(node_index)
        return with_batch(self, tuple(symbol.shape for symbol in found) if isinstance(found, tuple) else found.shape)

    # -- copies have the face; pickled layers are those of minidl --------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        above = super()
        if hasattr(above, "__deepcopy__"):
            return faced(above.__deepcopy__(memo))
        memo[id(self)] = other = object.__new__(type(self))
        state: Any = self.__getstate__()
        vars(other).update(copy.deepcopy(state, memo))
        return other

    def __reduce_ex__(self, protocol: Any) -> Any:
        if type(self).__reduce__ is not object.__reduce__:
            return self.__reduce__()
        return object.__new__, (self.written_as,), self.__getstate__()

    def __getattr__(self, name: str) -> Any:
        now = _OLD_NAMES.get(name)
        if now is not None and now in vars(self):
            return vars(self)[now]
        if name == "alpha" and "negative_slope" in vars(self):
            return vars(self)["negative_slope"]
        if name in ("input", "output"):  # which its property has refused
            self._only_use(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


def faced(layer: Any) -> Any:
    """The layer, with the face; anything else as it is."""
    cls = type(layer)
    is_one = isinstance(layer, Layer) and not isinstance(layer, (Face, Chain, Graph))  # models have faces of their own
    if is_one and cls.__module__.startswith("minidl."):
        layer.__class__ = face_of(cls)
    return layer


def face_within(layer: Layer) -> None:
    """Give the face to all layers within this one, as to those of a model that was read from a file."""
    for inner in layer.sublayers():
        face_within(faced(inner))


def face_of(cls: type) -> type:
    """The class of layers with the face."""
    if cls not in _FACES:
        body = {"__module__": __name__, "__doc__": cls.__doc__, "written_as": cls}
        name = vars(cls).get("_class_name", cls.__name__)
        _FACES[cls] = types.new_class(name, (Face, cls), {"abstract": True}, lambda names: names.update(body))
    return _FACES[cls]


def with_batch(layer: Any, shape: Any) -> Any:
    """A shape, or each of several, with the batch axis of the layer in front."""
    return _prefixed(shape, layer.batch_size_2_1)


def _prefixed(shape: Any, batch: Any) -> Any:
    return [(batch, *one) for one in shape] if is_several(shape) else (batch, *shape)


def _asked_by_minidl() -> bool:
    """Whether the attribute is read by code of minidl."""
    asking = sys._getframe(2).f_globals.get("__name__", "")
    return asking == "minidl" or asking.startswith("minidl.")
