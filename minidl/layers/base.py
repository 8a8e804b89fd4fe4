"""A layer is a pair of pure functions, ``apply`` and ``gradient``; everything else here is convenience written once.

To write one: ``build`` makes the parameters and the state, ``output_shape`` says what comes out, ``apply`` returns y and what
the gradient will need, ``gradient`` returns dx and adds to the gradients of the layer's own parameters. docs/custom_layer.md
walks through one; ``minidl.testing.check_gradients`` proves it.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import numpy as np

from minidl import access, config
from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.random import Stream
from minidl.backend.tape import again, count
from minidl.checks import check_flag, check_whole
from minidl.declared import Declared, snake_case
from minidl.errors import ArgumentTypeError, NotBuiltError, ShapeError, StateError
from minidl.geometry import check_shape, is_several
from minidl.layers._protocol import check_class, explain_keras_weights, in_pairs, initialised
from minidl.layers._weights import Holder, layers_in
from minidl.layers.context import INFERENCE, Context
from minidl.layers.state import Carried
from minidl.layers.symbol import Symbol, connect
from minidl.noticed import Noticed
from minidl.parameters import Parameter

Shape = tuple[int, ...]


class LayerOptions(TypedDict, total=False):
    """The arguments that every layer takes by keyword: ``def __init__(self, units, **options: Unpack[LayerOptions])``."""

    name: str | None
    trainable: bool
    dtype: Any
    input_shape: Any


class Layer(Noticed, Holder, Declared):
    """Base of all layers.

    Args:
        name: how errors and ``summary`` call the layer; by default its class in snake case, numbered within a model.
        trainable: False makes a layer that is frozen from the start.
        dtype: of the parameters and the results, ``"float32"`` or ``"float64"``; None is ``minidl.config.dtype()``.
        input_shape: shape of one sample, for the first layer of a ``Sequential``; never with the batch axis.
    """

    table = "layer"
    is_shared = True
    takes_many = False  # True for layers whose input is a tuple of arrays (Add)
    takes_states = False  # True where the input is an array, or a tuple of it and the initial states (LSTM)
    moves_only = False  # True where y has the numbers of x in another shape (Flatten): ids stay ids
    keeps_order = False  # True where layer(f(x)) = f(layer(x)) for every f that never decreases (max pooling)
    replays = False  # True: apply and gradient compute by ops and ``backend.tape.again`` alone, and look at no numbers
    sets_mask = False  # True for containers, whose apply leaves the mask of y in the context
    makes_mask = (
        False  # whether output_mask must be called where x has no mask; set for every class outside minidl that has one
    )
    activity_regularizer: Any = None  # a penalty on y, in layers that have one
    declared_batch_size: int | None = None  # where inputs within it say how many samples a batch has
    starts_with: Any = None  # the weights that it has as soon as it is built, a list of arrays; None: those of its initializers
    _says_dtype = True  # False for a class outside minidl with an apply of its own that says nothing of its input's type
    symbol_class = Symbol  # of its results in graphs
    _class_name = "Layer"  # as names and errors have it

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, input_shape: Any = None) -> None:
        where = type(self).__name__
        if name is not None and (not isinstance(name, str) or not name):
            raise ArgumentTypeError(where, f"name={name!r}", "a non-empty string")
        self.given_name, self.number = name, 0
        with config.use_dtype(config.dtype() if dtype is None else dtype):
            self.dtype = config.dtype()
        self.declared_input_shape = None if input_shape is None else check_shape(input_shape, where)
        self.input_shape: Any = None  # of one sample; known once built
        self._stream: Stream | None = None
        self._trainable, self._learning_rate_multiplier = check_flag(where, "trainable", trainable), 1.0
        self.activity_penalty = config.profile().activity_penalty  # mean or sum over the batch, for layers with a penalty
        self._building = False
        self._made: list[Parameter] = []
        self._constants: list[Parameter] = []
        self._remembered: tuple[Any, Any] | None = None  # saved, and the shape of y, of the last forward
        self._steps_done: Array | None = None
        self._symbols: list[weakref.ref[Symbol]] = []  # its results in graphs; those who hold the graphs keep them alive

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A layer with the arguments that ``get_config`` gave. Layers within say themselves whether they are frozen."""
        frozen = isinstance(config, Mapping) and config.get("trainable") is False
        layer = super().from_config({**config, "trainable": True} if frozen else config, custom_objects)
        if frozen:
            layer._trainable = False
            given = set(layers_in(layer._arguments().values()))
            for made in set(layer.sublayers()) - given:
                made.trainable = False
        return layer

    # -- what a layer defines ------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make parameters and state for samples of ``input_shape`` (no batch axis). Runs once; called again it only checks."""

    def output_shape(self, input_shape: Any) -> Any:
        """Shape of one output sample, or a tuple of shapes; raises ShapeError for an input the layer cannot take."""
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y, and what ``gradient`` will need (None where not ``context.keep``). Changes nothing: see ``Context``."""
        raise NotImplementedError(f"{self.label} has no apply(self, x, context) that returns y and saved.")

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx (None unless ``need_dx``); adds to the gradients of the layer's parameters. dy is read-only."""
        raise NotImplementedError(f"{self.label} has no gradient(self, dy, saved, need_dx=True) that returns dx.")

    def output_mask(self, x: Any, mask: Any) -> Any:
        """The mask of y, for x with ``mask``: by default the same one. Override it where the layer makes or uses up a mask."""
        return mask

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """Raise DataError for numbers of x, a host array, that the layer cannot take, such as ids without a row.

        ``index`` is the number of the input of a layer that takes many.
        """

    @property
    def input_dtype(self) -> Any:
        """Element type that x is given in, one for each input; integers for layers that take ids."""
        return self.dtype

    @property
    def taken_dtype(self) -> Any:
        """``input_dtype``, into which inputs of other types are cast; None for a class outside minidl that does not say it."""
        return self.input_dtype if self._says_dtype else None

    # -- what a layer says to the plan of a training step ---------------------------------------------------------------

    def absorb(self, follower: Layer) -> Layer | None:
        """A layer that computes this one and ``follower`` behind it as one, with the same parameters; None where none does."""
        return None

    @property
    def for_plan(self) -> Layer:
        """The layer by which the plan knows this one, such as ``Activation("relu")`` for ``ReLU()``; as a rule itself."""
        return self

    @property
    def final_activation(self) -> Any:
        """The activation whose result y is, where it can be taken off by ``without_activation``; else None."""
        return None

    def without_activation(self) -> Layer:
        """A layer with the same parameters that stops before its final activation."""
        raise NotImplementedError

    # -- the stateful face: forward, backward, call --------------------------------------------------------------------

    @np.errstate(all="ignore")  # as in training: NaN is seen in the result, whatever was set with np.seterr
    def forward(self, x: Any, training: bool = True, mask: Any = None) -> Any:
        """y for a batch x (builds the layer on first use); remembers what ``backward`` needs."""
        self._remembered = None
        x = self.validated(x)
        # A copy: the count goes on before ``backward``, which may run parts of this pass again (Recompute).
        context = Context(training, mask=mask, step=self.steps_done.copy() if training else 0)
        with access.reading("forward", self):
            y, saved = self.apply(x, context)
        take_over("forward", self, context)
        if training:
            self.count_step()
        self._remembered = saved, _shapes_of(y)
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
        several = is_several(y_shape)
        dy = tuple(self._array(d, "dy", self.dtype) for d in dy) if several else self._array(dy, "dy", self.dtype)
        if _shapes_of(dy) != y_shape:
            raise ShapeError(f"{self.label}: backward", f"dy of shape {_shapes_of(dy)}", f"that of y, {y_shape}")
        self._remembered = None
        with access.reading("backward", self):  # it adds to gradients, which a training thread also does
            return self.gradient(dy, saved, need_dx=True)

    @np.errstate(all="ignore")
    def __call__(self, x: Any, mask: Any = None, initial_state: Any = None) -> Any:
        """Inference on arrays (keeps nothing); on symbols from ``Input``, the layer's place in a graph.

        ``initial_state``, for recurrent layers: the state before the first step, an array or symbol, or a list of them.
        """
        if initial_state is not None:
            x = self.with_states(x, initial_state)
        if isinstance(x, Symbol) or (isinstance(x, (tuple, list)) and any(isinstance(item, Symbol) for item in x)):
            return connect(self, self.joined(x))
        x, context = self.validated(x), Context(keep=False, mask=mask)
        with access.reading("layer(x)", self):
            y, _ = self.apply(x, context)
        take_over("layer(x)", self, context)
        return y

    def joined(self, x: Any) -> Any:
        """What the layer is applied to in a graph, where it is called on these symbols: for a layer that reads others, too."""
        return x

    def validated(self, x: Any) -> Any:
        """x as arrays of the active backend in ``input_dtype``, its shape checked; builds the layer on first use."""
        if self.takes_many or self.has_states(x):
            if not isinstance(x, (tuple, list)):
                raise ArgumentTypeError(self.label, f"one {type(x).__name__}", "a list of arrays", "layer.forward([a, b])")
            dtypes = self.input_dtype
            dtypes = dtypes if isinstance(dtypes, tuple) and len(dtypes) == len(x) else (dtypes,) * len(x)
            arrays = tuple(self._array(item, "x", dtype) for item, dtype in zip(x, dtypes))
            shape: Any = tuple(self._sample_shape(a) for a in arrays)
            if len({a.shape[0] for a in arrays}) > 1:
                raise ShapeError(self.label, f"batches of {[a.shape[0] for a in arrays]} samples", "equal ones")
            self.ensure_built(shape)
            for index, item in enumerate(arrays):
                if item.dtype.kind in "iu":
                    self.check_input(backends.current().to_numpy(item), f"{self.label}: x[{index}]", index)
            return arrays
        array = self._array(x, "x", self.input_dtype)
        self.ensure_built(self._sample_shape(array))
        if array.dtype.kind in "iu":
            self.check_input(backends.current().to_numpy(array), f"{self.label}: x")
        return array

    def has_states(self, x: Any) -> bool:
        """Whether x is a tuple or list of the array and initial states, for a layer that may be given either."""
        return False

    def with_states(self, x: Any, initial_state: Any) -> Any:
        """x and the initial states as one input. Raises ArgumentTypeError for a layer that has no states."""
        if not self.takes_states:
            raise ArgumentTypeError(self.label, "initial_state", "it for recurrent layers only")
        states = initial_state if isinstance(initial_state, (tuple, list)) else (initial_state,)
        return (x if isinstance(x, Symbol) or hasattr(x, "ndim") else np.asarray(x), *states)

    def reset_states(self) -> None:
        """Forget the states that recurrent layers with ``stateful=True`` carry on, in this layer and all within it."""
        with access.writing("reset_states", self):
            for state in self.carried():
                state.reset()

    def carried(self) -> list[Carried]:
        """The states that go on from batch to batch, in this layer and all within it."""
        return [state for layer in dict.fromkeys(self.sublayers()) for state in layer.carried()]

    def ensure_built(self, input_shape: Any) -> None:
        """Build the layer for this input shape, or check that a built layer can take it too."""
        if self.input_shape is None:
            self.build(input_shape)
        elif input_shape != self.input_shape:
            self.output_shape(input_shape)

    @property
    def steps_done(self) -> Array:
        """How many training passes were made through this layer by itself, or through the network it is: integers (1,).

        They stand on the device, as part of the random addresses of a step that may be recorded.
        """
        if self._steps_done is None:
            self._steps_done = backends.current().asarray(np.zeros(1, np.int64))
        return self._steps_done

    def count_step(self) -> None:
        """A training pass was made: the next one draws other random numbers."""
        again(count, self.steps_done)

    # -- its place in graphs -------------------------------------------------------------------------------------------

    @property
    def output(self) -> Any:
        """The layer's result in the graph it was put in: a symbol, for ``Model(model.input, layer.output)``.

        Raises StateError where there is none, or where the layer was used more than once: then ``get_output_at(i)``.
        """
        return self._only_use("output")

    @property
    def input(self) -> Any:
        """What the layer is applied to in the graph it was put in: a symbol, or a list of them; raises as ``output`` does."""
        node = _first(self._only_use("input")).node
        return list(node.inputs) if node.many else node.inputs[0]

    def get_output_at(self, index: int) -> Any:
        """The result of the layer's use number ``index``, counted from 0."""
        uses = self._uses()
        if not 0 <= index < len(uses):
            raise StateError(f"{self.label}: get_output_at({index})", f"a layer with {len(uses)} uses", "one of them")
        return uses[index]

    def _uses(self) -> list[Any]:
        """The results of all uses that still are, a tuple for each use of a layer with several outputs."""
        alive = [symbol for symbol in (reference() for reference in self._symbols) if symbol is not None]
        nodes: dict[Any, list[Symbol]] = {}
        for symbol in alive:
            nodes.setdefault(symbol.node, []).append(symbol)
        return [tuple(of_node) if node.several else of_node[0] for node, of_node in nodes.items()]

    def _only_use(self, what: str) -> Any:
        uses = self._uses()
        if len(uses) == 1:
            return uses[0]
        received = "a layer that is in no graph" if not uses else f"a layer that is used {len(uses)} times"
        fix = "model.build(input_shape), or call it on a symbol" if not uses else "layer.get_output_at(0)"
        raise StateError(f"{self.label}: {what}", received, "one use", fix)

    # -- names, configuration and errors --------------------------------------------------------------------------------

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

    def _arguments(self) -> dict[str, Any]:
        """As for everything declared; a layer that nobody named, and no model numbered, has no name to be kept."""
        named = self.given_name is not None or self.number
        return super()._arguments() | {"input_shape": self.declared_input_shape, "name": self.name if named else None}

    def _shown_arguments(self) -> dict[str, Any]:
        """As ``repr`` shows them: without a name that is only a number, and without today's dtype."""
        shown = self._arguments() | {"name": self.given_name}
        usual = {"dtype": config.dtype(), "data_format": config.data_format()}
        return shown | {name: None for name, value in usual.items() if shown.get(name) == value}

    def _check_built(self, what: str) -> None:
        if self.input_shape is None:
            fix = "layer.build(input_shape), or pass input_shape to the first layer of the model"
            raise NotBuiltError(f"{self.label}: {what}", "a layer without an input shape", "a built layer", fix)

    def _array(self, x: Any, what: str, dtype: Any) -> Array:
        """x in this dtype and in C order: sums run in the order of memory, so the layout would show in the last bits."""
        backend = backends.current()
        if type(x) is backend.array_type and x.dtype.kind == "f" and x.dtype == dtype:
            return backend.contiguous(x)
        where = f"{self.label}: {what}"
        if np.dtype(dtype).kind in "iu":  # ids: a fraction must not be cut off in silence
            given = backend.asarray(x, None, where)
            check_whole(where, backend.to_numpy(given), np.dtype(dtype))
        return backend.contiguous(backend.asarray(x, dtype, where))

    def _sample_shape(self, array: Array) -> Shape:
        if array.ndim == 0:
            raise ShapeError(self.label, "a single number", "an array whose first axis is the batch", "x[None, ...]")
        return tuple(array.shape[1:])

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_class_name" not in cls.__dict__:
            cls._class_name = cls.__name__
        check_class(cls, Layer)
        if "__init__" in cls.__dict__:
            cls.__init__ = initialised(cls.__init__)  # type: ignore[method-assign]
        if cls.__module__.partition(".")[0] != "minidl":  # minidl's own are proven, and need not be looked at in every step
            if "output_mask" in cls.__dict__:
                cls.makes_mask = True
            if "apply" in cls.__dict__:
                cls.apply = in_pairs(cls.apply, INFERENCE)  # type: ignore[method-assign]
                cls._says_dtype = cls.input_dtype is not Layer.input_dtype
        if "build" in cls.__dict__:
            cls.build = _once(cls.build)  # type: ignore[method-assign, assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_remembered": None, "_symbols": []}


def take_over(what: str, owner: Any, context: Context) -> None:
    """Commit what a pass announced, such as running statistics, which predictions in other threads read meanwhile."""
    if context.has_updates:
        with access.writing(what, owner):
            context.commit()


def run(layer: Layer, x: Any, context: Context) -> tuple[Any, Any]:
    """``layer.apply`` within another layer: afterwards ``context.mask`` is the mask of y, as it was that of x before."""
    mask = context.mask
    y, saved = layer.apply(x, context)
    if not layer.sets_mask and (mask is not None or layer.makes_mask):
        context.mask = layer.output_mask(x, mask)
    return y, saved


def check_no_dx(layer: Layer) -> None:
    """Raise StateError for a layer that gave no dx though layers before it are trained; ids are excused."""
    dtypes = layer.input_dtype
    if all(np.dtype(dtype).kind not in "iu" for dtype in (dtypes if isinstance(dtypes, tuple) else (dtypes,))):
        received, expected = "None, with layers to be trained before this one", "dx, an array of the shape of x"
        fix = "return dx at the end of gradient; or input_dtype = 'int64' for a layer that takes ids"
        raise StateError(f"{layer.label}: gradient", received, expected, fix)


def as_taken(x: Any, dtype: Any) -> Any:
    """x, or each x of several, in the element type that a layer takes; ids are integers of any size."""
    if dtype is None:
        return x
    if isinstance(x, tuple):
        dtypes = dtype if isinstance(dtype, tuple) else (dtype,) * len(x)
        return tuple(map(as_taken, x, dtypes))
    return x.astype(dtype, copy=False) if must_be_cast(x.dtype, dtype) else x


def must_be_cast(given: Any, taken: Any) -> bool:
    """Whether numbers of type ``given`` are another thing to a layer that takes ``taken`` (None: anything)."""
    if taken is None:
        return False
    given, taken = np.dtype(given), np.dtype(taken)
    return bool(given != taken and not (given.kind in "iu" and taken.kind in "iu"))


def entry_dtype(declared: Any, taken: Any, usual: Any) -> Any:
    """The type in which an input enters: what ``Input`` said, unless that are fractions for a layer that takes ids."""
    if declared is None or taken is None:
        return declared or taken or usual
    return taken if np.dtype(taken).kind in "iu" and np.dtype(declared).kind not in "iu" else declared


def _shapes_of(y: Any) -> Any:
    return tuple(part.shape for part in y) if isinstance(y, tuple) else y.shape


def _first(item: Any) -> Any:
    return item[0] if isinstance(item, tuple) else item


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
        self._building, before = True, () if self._trainable else tuple(self.sublayers())
        try:
            build(self, input_shape)
            for made in () if self._trainable else set(self.sublayers()).difference(before):
                made.trainable = False
            hidden = [p.name for p in self._made if p not in self.weights]
            if hidden:
                received = f"parameters that no attribute holds by itself: {', '.join(hidden)}"
                raise StateError(self.label, received, "self.W = self.new_parameter('W', ...), an attribute for each")
            self.input_shape = input_shape
            if self.starts_with is not None:
                self.set_weights(self.starts_with)
                self.starts_with = None
        except AttributeError as error:
            explain_keras_weights(self, error)
            raise
        finally:
            self._building = False
        return None

    return checked


Layer.build = _once(Layer.build)  # type: ignore[method-assign, assignment]
