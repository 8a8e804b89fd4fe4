"""A layer is a pair of pure functions, ``apply`` and ``gradient``; everything else here is convenience written once.

To write one: ``build`` makes the parameters, ``output_shape`` says what comes out, ``apply`` returns y and what the gradient
will need, ``gradient`` returns dx and adds to the gradients of the layer's own parameters. docs/custom_layer.md walks
through one; ``minidl.testing.check_gradients`` proves it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl import access, config, initializers
from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.random import Stream, new_stream
from minidl.declared import snake_case
from minidl.errors import ArgumentTypeError, NotBuiltError, ShapeError, StateError
from minidl.geometry import check_shape
from minidl.layers._protocol import check_class, explain_keras_weights, in_pairs, initialised
from minidl.layers.overwrite import copy_of, overwrite
from minidl.layers.symbol import Symbol, connect
from minidl.parameters import Parameter

Shape = tuple[int, ...]


class Layer:
    """Base of all layers.

    Args:
        name: how errors and ``summary`` call the layer; by default its class in snake case, numbered within a model.
        input_shape: shape of one sample, for the first layer of a ``Sequential``; never with the batch axis.
    """

    takes_many = False  # True for layers whose input is a tuple of arrays (Add)
    _class_name = "Layer"  # as names and errors have it

    def __init__(self, *, name: str | None = None, input_shape: Any = None) -> None:
        if name is not None and (not isinstance(name, str) or not name):
            raise ArgumentTypeError(type(self).__name__, f"name={name!r}", "a non-empty string")
        self.given_name, self.number = name, 0
        self.dtype = config.dtype()
        self.declared_input_shape = None if input_shape is None else check_shape(input_shape, type(self).__name__)
        self.input_shape: Any = None  # of one sample; known once built
        self._stream: Stream | None = None
        self._trainable = True
        self._building = False
        self._made: list[Parameter] = []  # by new_parameter, to see that none is forgotten
        self._constants: list[Parameter] = []  # of these, the ones that thawing the layer must not train
        self._remembered: tuple[Any, Shape] | None = None  # saved, and the shape of y, of the last forward

    # -- what a layer defines ------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the parameters for samples of ``input_shape`` (no batch axis). Runs once; called again it only checks."""

    def output_shape(self, input_shape: Any) -> Any:
        """Shape of one output sample; raises ShapeError for an input it cannot take."""
        return input_shape

    def apply(self, x: Any, training: bool = False, keep: bool = True) -> tuple[Any, Any]:
        """y, and what ``gradient`` and ``commit`` will need (None when not ``keep``). Leaves the layer's state as it is."""
        raise NotImplementedError(f"{self.label} has no apply(self, x, training=False, keep=True) that returns y and saved.")

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx (None unless ``need_dx``); adds to the gradients of the layer's parameters. dy is read-only."""
        raise NotImplementedError(f"{self.label} has no gradient(self, dy, saved, need_dx=True) that returns dx.")

    def commit(self, pending: Any) -> None:
        """After a whole step: take over new state (running statistics, counters). Most layers have none."""

    def pending(self, saved: Any) -> Any:
        """The part of ``saved`` that ``commit`` will need; the rest is released as soon as the gradient is done."""
        return None if type(self).commit is Layer.commit else saved

    def begin_step(self) -> None:
        """Before a step: forget whatever a step that failed half-way left behind. Most layers have nothing."""

    # -- parameters ----------------------------------------------------------------------------------------------------

    def new_parameter(self, name: str, shape: Shape, initializer: Any = "zeros", trainable: bool = True) -> Parameter:
        """A parameter of the layer's dtype on the active device, its values drawn from the layer's own random stream.

        With ``trainable=False`` it is a constant, which is saved with the weights and never trained.
        """
        if self._stream is None:
            self._stream = new_stream()
        index = len(self.parameters) + len(self.state)
        values = initializers.get(initializer, f"{self.label}: {name}")(shape, self._stream, index)
        values = np.array(values, self.dtype)  # a copy: an initializer of your own may give an array it keeps
        self._made.append(Parameter(backends.current().asarray(values), name, trainable and self._trainable))
        if not trainable:
            self._constants.append(self._made[-1])
        return self._made[-1]

    def sublayers(self) -> Iterator[Layer]:
        """The layers this one is made of: those it holds as attributes, singly or in lists."""
        for value in vars(self).values():
            yield from (item for item in (value if isinstance(value, (list, tuple)) else (value,)) if isinstance(item, Layer))

    @property
    def parameters(self) -> list[Parameter]:
        """What can be trained, in the order it was assigned; shared parameters once."""
        return list(dict.fromkeys(p for _, p in self.named_parameters()))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs such as ``("W", p)``, or ``("dense_1.W", p)`` from a container."""
        for value in vars(self).values():
            if isinstance(value, Parameter) and value not in self.state:
                yield value.name, value
        for layer in self.sublayers():
            for name, p in layer.named_parameters():
                yield f"{layer.name}.{name}", p

    @property
    def parameter_dtype(self) -> Any:
        """Element type of the first parameter or state, or the layer's own where it has none."""
        first = self._first_weight()
        return self.dtype if first is None else first.dtype

    def _first_weight(self) -> Parameter | None:
        for value in vars(self).values():
            if isinstance(value, Parameter):
                return value
        below = (layer._first_weight() for layer in self.sublayers())
        return next((p for p in below if p is not None), None)

    @property
    def state(self) -> list[Parameter]:
        """What is kept but never trained (running statistics), in Keras's order."""
        return list(dict.fromkeys(p for layer in self.sublayers() for p in layer.state))

    @property
    def weights(self) -> list[Parameter]:
        """Parameters and state in Keras's order: layer by layer, a layer's parameters before its state."""
        own = [p for p in vars(self).values() if isinstance(p, Parameter) and p not in self.state]
        below = [p for layer in self.sublayers() for p in layer.weights]
        return list(dict.fromkeys([*own, *(below or self.state)]))

    @property
    def trainable(self) -> bool:
        """False freezes the layer: its parameters keep their values, and normalisation uses its running statistics."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for p in self.parameters:
            p.trainable = self._trainable
        for layer in self.sublayers():
            layer.trainable = value
        for p in self._constants:
            p.trainable = False

    def count_params(self) -> int:
        """Number of elements in parameters and state."""
        return sum(p.size for p in self.weights)

    def get_weights(self) -> list:
        """Copies of all weights as NumPy arrays, in Keras's order and layouts."""
        self._check_built("get_weights")
        with access.reading("get_weights", self):
            return [backends.backend_of(p.value).to_numpy(p.value).copy() for p in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Overwrite all weights, or none. Raises ShapeError, with nothing changed, unless number and shapes fit."""
        self._check_built("set_weights")
        arrays = [copy_of(backends.backend_of(p.value).asarray(w, p.dtype, f"{self.label}: weight {p.name}"))
                  for w, p in zip(weights, self.weights)]  # fmt: skip
        received = f"{len(weights)} arrays of shapes {[a.shape for a in arrays]}"
        expected = f"{len(self.weights)} of shapes {[p.shape for p in self.weights]}"
        if len(weights) != len(self.weights) or any(a.shape != p.shape for a, p in zip(arrays, self.weights)):
            raise ShapeError(f"{self.label}: set_weights", received, expected)
        with access.writing("set_weights", self):
            overwrite(self.weights, arrays)

    # -- the stateful face: forward, backward, call --------------------------------------------------------------------

    @np.errstate(all="ignore")  # as in training: NaN is seen in the result, whatever was set with np.seterr
    def forward(self, x: Any, training: bool = True) -> Any:
        """y for a batch x (builds the layer on first use); remembers what ``backward`` needs."""
        self._remembered = None
        x = self.door(x)
        with access.reading("forward", self):
            if training:
                self.begin_step()
            y, saved = self.apply(x, training=training, keep=True)
        if training and self.state:  # running statistics, which predictions in other threads read
            with access.writing("forward", self):
                self.commit(self.pending(saved))
        elif training:
            self.commit(self.pending(saved))
        self._remembered = saved, y.shape
        return y

    @np.errstate(all="ignore")
    def backward(self, dy: Any) -> Any:
        """dx for dL/dy of the last ``forward``; adds to the parameters' gradients and releases what was remembered.

        Raises StateError when there is no forward pass to go back through, ShapeError when dy does not fit its y.
        """
        if self._remembered is None:
            raise StateError(
                f"{self.label}: backward",
                "no forward pass to go back through",
                "one forward before each backward",
                "y = layer.forward(x); dx = layer.backward(dy)",
            )
        saved, y_shape = self._remembered
        dy = self._array(dy, "dy")
        if dy.shape != y_shape:
            raise ShapeError(f"{self.label}: backward", f"dy of shape {dy.shape}", f"that of y, {y_shape}")
        self._remembered = None
        with access.reading("backward", self):  # it adds to gradients, which a training thread also does
            return self.gradient(dy, saved, need_dx=True)

    @np.errstate(all="ignore")
    def __call__(self, x: Any) -> Any:
        """Inference on arrays (keeps nothing); on symbols from ``Input``, the layer's place in a graph."""
        if isinstance(x, Symbol) or (isinstance(x, (tuple, list)) and any(isinstance(item, Symbol) for item in x)):
            return connect(self, x)
        x = self.door(x)
        with access.reading("layer(x)", self):
            return self.apply(x, training=False, keep=False)[0]

    def door(self, x: Any) -> Any:
        """x as arrays of the active backend in the layer's dtype, its shape checked; builds the layer on first use."""
        if self.takes_many:
            if not isinstance(x, (tuple, list)):
                raise ArgumentTypeError(self.label, f"one {type(x).__name__}", "a list of arrays", "layer.forward([a, b])")
            arrays = tuple(self._array(item, "x") for item in x)
            shape: Any = tuple(self._sample_shape(a) for a in arrays)
            if len({a.shape[0] for a in arrays}) > 1:
                raise ShapeError(self.label, f"batches of {[a.shape[0] for a in arrays]} samples", "equal ones")
            self.ensure_built(shape)
            return arrays
        array = self._array(x, "x")
        self.ensure_built(self._sample_shape(array))
        return array

    def ensure_built(self, input_shape: Any) -> None:
        """Build the layer for this input shape, or check that a built layer can take it too."""
        if self.input_shape is None:
            self.build(input_shape)
        elif input_shape != self.input_shape:
            self.output_shape(input_shape)

    # -- names and errors ----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The given name, or class and number, such as ``max_pooling2d_1``."""
        if self.given_name is not None:
            return self.given_name
        return f"{snake_case(self._class_name)}_{self.number}" if self.number else snake_case(self._class_name)

    @property
    def label(self) -> str:
        """Name and class, as errors print it: ``dense_1 (Dense)``."""
        return f"{self.name} ({self._class_name})"

    def __repr__(self) -> str:
        shape = "not built" if self.input_shape is None else f"{self.input_shape} -> {self.output_shape(self.input_shape)}"
        return f"<{self.label}: {shape}>"

    def _check_built(self, what: str) -> None:
        if self.input_shape is None:
            fix = "layer.build(input_shape), or pass input_shape to the first layer of the model"
            raise NotBuiltError(f"{self.label}: {what}", "a layer without an input shape", "a built layer", fix)

    def _array(self, x: Any, what: str) -> Array:
        """x in the layer's dtype and in C order: sums run in the order of memory, so the layout would show in the last bits."""
        backend = backends.current()
        return backend.contiguous(backend.asarray(x, self.dtype, f"{self.label}: {what}"))

    def _sample_shape(self, array: Array) -> Shape:
        if array.ndim == 0:
            raise ShapeError(self.label, "a single number", "an array whose first axis is the batch", "x[None, ...]")
        return tuple(array.shape[1:])

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_class_name" not in cls.__dict__:
            cls._class_name = cls.__name__
        check_class(cls, Layer)
        if cls.__module__.partition(".")[0] != "minidl":  # minidl's own are proven, and need not be looked at in every step
            if "__init__" in cls.__dict__:
                cls.__init__ = initialised(cls.__init__)  # type: ignore[method-assign]
            if "apply" in cls.__dict__:
                cls.apply = in_pairs(cls.apply)  # type: ignore[method-assign]
        if "build" in cls.__dict__:
            cls.build = _once(cls.build)  # type: ignore[method-assign, assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_remembered": None}


def _once(build: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Around every ``build``: check the shape before any array is made, run once, remember the input shape."""

    @functools.wraps(build)
    def checked(self: Layer, input_shape: Any) -> None:
        if self._building:
            return build(self, input_shape)  # a subclass calling super().build
        input_shape = check_shape(input_shape, self.label)
        if self.input_shape is not None:
            return self.ensure_built(input_shape)
        self.output_shape(input_shape)
        self._building = True
        try:
            build(self, input_shape)
            hidden = [p.name for p in self._made if p not in self.weights]
            if hidden:
                received = f"parameters that no attribute holds by itself: {', '.join(hidden)}"
                raise StateError(self.label, received, "self.W = self.new_parameter('W', ...), an attribute for each")
            self.input_shape = input_shape
        except AttributeError as error:
            explain_keras_weights(self, error)
            raise
        finally:
            self._building = False
        return None

    return checked


Layer.build = _once(Layer.build)  # type: ignore[method-assign, assignment]
