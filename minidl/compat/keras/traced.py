"""What scripts give as functions of ``K.*``, as objects of minidl with a gradient: activations, losses, metrics, penalties.

Each traces its function when it first knows the shapes, see ``backend/tracing.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import constraints, losses, metrics, regularizers
from minidl.backend import Array, array_namespace
from minidl.backend.random import new_stream
from minidl.compat.keras.backend.tracing import Run, Tape
from minidl.compat.keras.backend.variables import get_value
from minidl.declared import snake_case
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.geometry import is_several
from minidl.layers.activation import Activation, Formula
from minidl.layers.base import Layer
from minidl.layers.context import INFERENCE, Context
from minidl.layers.symbol import Symbol
from minidl.losses.base import sample_weights


class Tapes:
    """A function and its tapes, one for each combination of shapes; copies trace anew."""

    def __init__(self, function: Callable[..., Any], in_list: bool = False) -> None:
        self.function, self.in_list = function, in_list
        self._tapes: dict[Any, Tape] = {}

    def of(self, *shapes: Any) -> Tape:
        """The tape for samples of these shapes."""
        if shapes not in self._tapes:
            self._tapes[shapes] = Tape(self.function, shapes, self.in_list)
        return self._tapes[shapes]

    def __deepcopy__(self, memo: Any) -> Tapes:
        return Tapes(self.function, self.in_list)

    def __getstate__(self) -> Any:
        return {**vars(self), "_tapes": {}}


def name_of(function: Any) -> str:
    """How a function is called, as the names of metrics have it."""
    return getattr(function, "__name__", None) or snake_case(type(function).__name__)


def by_name(function: Any) -> Any:
    """A function as files have it: its name. What is read is made only from ``custom_objects``; nothing runs out of a file."""
    return {"kind": "function", "class_name": name_of(function), "config": {}, "custom": True}


def custom(thing: Any) -> Any:
    """An object of this room as files have it."""
    return {"kind": thing.table, "class_name": type(thing).__name__, "config": thing.get_config(), "custom": True}


# -- layers and activations --------------------------------------------------------------------------------------------


class TracedLayer(Layer, abstract=True):
    """y = f(x), where f is a function of a script; x may be a tuple of arrays, which f takes in a list.

    What f reads beside x, such as results of other layers, is further inputs of the layer: they stand behind x.

    Attributes:
        beside: how many there are.
        count, in_list: where there are any: of how many arrays x is, and whether f takes it in a list.
    """

    takes_states = True  # one array or several
    beside, count, in_list = 0, 1, False
    _joins = False  # whether the layer is put into a graph now

    def has_states(self, x: Any) -> bool:
        """Whether x is several arrays."""
        return isinstance(x, (tuple, list)) and len(x) > 0 and hasattr(x[0], "ndim")

    def build(self, input_shape: Any) -> None:
        """Take a random stream, for functions that draw numbers."""
        self._stream = new_stream()

    def output_shape(self, input_shape: Any) -> Any:
        """What f gives for samples of this shape."""
        tape = self.tape(self.own(input_shape))
        if tape.reads and not self.beside and not self._joins:
            received = "a function that reads results of other layers, in a model that is no graph of results"
            raise ArgumentTypeError(self.label, received, "all that it reads as its input", "Lambda(f)([x, the result])")
        shapes = []
        for shape in tape.shapes:
            if not shape or shape[0] is not None:
                received = f"a function whose result has the shape {shape}"
                fix = "axis=-1, or axis=1, in K.sum, K.mean ..., which leaves the axis of the samples"
                raise ShapeError(self.label, received, "a result for each sample, (None, ...)", fix)
            shapes.append(shape[1:])
        return tuple(shapes) if tape.several else shapes[0]

    def tape(self, input_shape: Any) -> Tape:
        """What f does with samples of this shape."""
        raise NotImplementedError

    def own(self, shape: Any) -> Any:
        """The shape of x, where that of all inputs is given."""
        if not self.beside or not is_several(shape) or len(shape) != self.count + self.beside:
            return shape
        return shape[: self.count] if self.in_list else shape[0]

    def own_of_pass(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """x and its mask, where those of all inputs are given."""
        if not self.beside:
            return x, mask
        mask = mask[: self.count] if isinstance(mask, tuple) else mask
        return (x[: self.count], mask) if self.in_list else (x[0], mask[0] if isinstance(mask, tuple) else mask)

    def with_reads(self, symbols: Any) -> Any:
        """The layer's inputs in a graph where f is called on these symbols: what it reads beside them stands behind."""
        several = isinstance(symbols, (tuple, list))
        shapes = tuple(symbol.shape for symbol in symbols) if several else symbols.shape
        self._joins = True
        try:
            self.ensure_built(shapes)
            reads = self.tape(shapes).reads
        finally:
            self._joins = False
        if not reads:
            return symbols
        for source in reads:
            if not isinstance(source, Symbol):
                raise ArgumentTypeError(self.label, "a gradient of K.gradients", "results of layers", "K.function")
        self.beside, self.count, self.in_list = len(reads), len(symbols) if several else 1, several
        return [*(symbols if several else [symbols]), *reads]

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x)."""
        inputs = x if isinstance(x, tuple) else (x,)
        own, beside = (inputs[: self.count], inputs[self.count :]) if self.beside else (inputs, ())
        shape, single = tuple(tuple(a.shape[1:]) for a in own), not (self.in_list if self.beside else isinstance(x, tuple))
        tape, given = self.tape_of_pass(shape[0] if single else shape, self.own_of_pass(x, context.mask)[1])
        run = Run(inputs[0].dtype, array_namespace(inputs[0]), context, self)
        check_samples(tape, inputs[0], self.label)
        if len(tape.reads) != len(beside):
            received = f"arrays for {len(own)} inputs, while its function reads {len(tape.reads)} results of other layers"
            raise ArgumentTypeError(self.label, received, "symbols", "the model that the layer is part of")
        results, values = tape.run([*own, *given, *beside], run)
        results = [a.astype(run.dtype) if a.dtype.kind != "f" else a for a in map(run.space.asarray, results)]
        y = tuple(results) if tape.several else results[0]
        for node in tape.announced:
            context.penalize(run.space.asarray(values[node], run.dtype))
        return y, ((tape, values, run, (single, len(own), len(given)), context.penalties) if context.keep else None)

    def tape_of_pass(self, shape: Any, mask: Any) -> tuple[Tape, list[Any]]:
        """The tape, and what it takes beside x."""
        return self.tape(shape), []

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; adds to the gradients of parameters that f reads. None where f has no gradient."""
        tape, values, run, (single, count, of_masks), announced = saved
        dys = dy if isinstance(dy, tuple) else (dy,)
        wanted = [need_dx] * count + [False] * of_masks + [need_dx] * self.beside
        with np.errstate(all="ignore"):
            found = tape.gradient(dys, values, run, wanted, announced)
        if not need_dx:
            return None
        dxs = [*found[:count], *found[count + of_masks :]]
        if self.beside or not single:
            places = [*range(count), *range(count + of_masks, len(found))]
            inputs = {place: values[node] for node in tape.order if (place := tape.place(node)) is not None}
            return tuple(
                run.space.zeros(inputs[i].shape, run.dtype) if d is None and i in inputs else d for i, d in zip(places, dxs)
            )
        if dxs[0] is None and not tape.reads_numbers(0):
            (x,) = (values[node] for node in tape.order if node.op is None and type(node.source) is int and node.source == 0)
            return run.space.zeros(x.shape, run.dtype)
        return dxs[0]


def check_samples(tape: Tape, x: Array, where: str) -> None:
    """Raise ShapeError for a batch of another size than a function says."""
    if tape.samples not in (None, len(x)):
        fix = (
            f"batch_size={tape.samples} in fit, evaluate and predict; or K.shape(x)[0] in the function, for batches of any size"
        )
        raise ShapeError(where, f"a batch of {len(x)} samples", f"{tape.samples}, the number that its function says", fix)


class FunctionActivation(Activation, abstract=True):
    """An activation that a script wrote as a function of ``K.*``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__("linear")
        self.activation, self.function = name_of(function), function
        self.in_sums, self.options = "linear", {}
        self._tapes = Tapes(function)
        self.formula = Formula(self._f, self._df, of_x=True)

    def _arguments(self) -> dict[str, Any]:
        return {"function": self.function}

    def get_config(self) -> dict[str, Any]:
        """The function's name."""
        return {"function": by_name(self.function)}

    def _plain(self) -> Any:
        return custom(self)

    def _f(self, x: Array) -> Array:
        (y,), _ = self._tapes.of(tuple(x.shape[1:])).run([x], Run(x.dtype, array_namespace(x)))
        return y

    def _df(self, dy: Array, x: Array) -> Array:
        tape, run = self._tapes.of(tuple(x.shape[1:])), Run(x.dtype, array_namespace(x))
        with np.errstate(all="ignore"):
            _, values = tape.run([x], run)
            (dx,) = tape.gradient([dy], values, run, [True])
        if dx is None:
            received = f"the activation {self.activation}, which has no gradient"
            raise StateError("Activation", received, "a function that can be differentiated")
        return dx

    def __deepcopy__(self, memo: Any) -> Any:
        return FunctionActivation(self.function)

    def __getstate__(self) -> Any:
        return {"function": self.function, **{k: v for k, v in super().__getstate__().items() if k not in _OWN}}

    def __setstate__(self, state: Any) -> None:
        vars(self).update(state)
        self._tapes = Tapes(self.function)
        self.formula = Formula(self._f, self._df, of_x=True)


_OWN = ("_tapes", "formula", "function")


class LayerActivation(Activation, abstract=True):
    """A layer without weights, such as ``LeakyReLU()``, in place of an activation."""

    def __init__(self, layer: Layer) -> None:
        super().__init__("linear")
        self.activation, self.layer = snake_case(type(layer).__name__), layer
        self.in_sums, self.options = "linear", {}
        self.formula = Formula(lambda x: layer.apply(x)[0], self._df, of_x=True)

    def _df(self, dy: Array, x: Array) -> Array:
        return self.layer.gradient(dy, self.layer.apply(x)[1])

    def _arguments(self) -> dict[str, Any]:
        return {"layer": self.layer}

    def _plain(self) -> Any:
        return custom(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return LayerActivation(self.layer)

    def __reduce__(self) -> Any:
        return LayerActivation, (self.layer,)


# -- losses and metrics ------------------------------------------------------------------------------------------------


class OldMean(losses.Loss, abstract=True):
    """A loss whose mean over weighted samples divides by how many weights are not 0, as Keras 2.1 does."""

    def _weights(self, shape: tuple[int, ...], y_pred: Array, sample_weight: Any, mask: Any) -> tuple[Array, Any]:
        weights, n = super()._weights(shape, y_pred, sample_weight, mask)
        if sample_weight is None or self.reduction not in ("sum_over_batch_size", "mean"):
            return weights, n
        given = sample_weights(sample_weight, shape, y_pred.dtype, self.name or type(self).__name__)
        share = (given != 0).mean()
        return weights, n * array_namespace(y_pred).where(share == 0, 1, share)


class FunctionLoss(OldMean, abstract=True):
    """A loss that a script wrote as a function of (y_true, y_pred).

    What the function gives is averaged over the axes behind those of the samples, as Keras 2.1 does; one number counts for
    the whole batch. It may read results of layers: then ``reading`` says what they are, and gradients by them are found.

    Attributes:
        beside: the numbers of these results, for one batch.
        gradients: behind ``gradient_of``: dL/d of each.
    """

    beside: tuple[Array, ...] = ()
    gradients: tuple[Array | None, ...] = ()

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(name=name_of(function))
        self.function = function
        self._tapes = Tapes(function)

    def _plain(self) -> Any:
        return by_name(self.function)

    def reads(self, output_shape: tuple[int, ...]) -> list[Any]:
        """The symbols that the function reads, for predictions of this shape without the batch axis."""
        # As the predictions; a column of classes; or more columns than there are outputs, such as weights beside targets.
        for of_targets in (output_shape, (*output_shape[:-1], 1), (*output_shape[:-1], None)):
            try:
                return self._tapes.of(of_targets, output_shape).reads
            except (ValueError, TypeError, AttributeError, IndexError, AssertionError):
                continue  # what is wrong with the function, the data will tell
        return []

    def reading(self, beside: tuple[Array, ...]) -> FunctionLoss:
        """The loss for one batch in which what the function reads is this."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), beside=beside)
        return other

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """As many targets as predictions; any shape that the function can compute with, and a gradient for the predictions."""
        if len(y_true) != output_shape[0]:
            raise ShapeError(where, f"{len(y_true)} targets", f"{output_shape[0]}, one for each prediction")
        tape = self._tapes.of(*_shapes(y_true.shape, output_shape))
        if tape.several or (tape.shapes[0] and tape.shapes[0][0] is not None):
            received = f"the function {self.name!r}, whose result is " + ("a list" if tape.several else f"{tape.shapes[0]}")
            raise ShapeError(
                "compile: loss", received, "one number, or numbers for each sample", "axis=-1 in K.mean, K.sum ..."
            )
        if not tape.depends_on(1) and not tape.reads:
            received = f"the function {self.name!r}, which has no gradient by y_pred"
            raise ArgumentError("compile: loss", received, "ops that have one: not K.round, K.argmax, K.equal ...")

    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Targets in the predictions' dtype, with as many axes as they have."""
        targets = y_true.astype(y_pred.dtype, copy=False)
        return targets[..., None] if targets.ndim == y_pred.ndim - 1 else targets

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        tape = self._tapes.of(*_shapes(targets.shape, y_pred.shape))
        run = Run(y_pred.dtype, array_namespace(y_pred))
        check_samples(tape, y_pred, f"loss {self.name!r}")
        if len(tape.reads) != len(self.beside):
            received = f"a function that reads {len(tape.reads)} results of layers"
            raise ArgumentTypeError(f"loss {self.name!r}", received, "results of the model that it trains", "model.compile")
        (value,), values = tape.run([targets, y_pred, *self.beside], run)
        value = run.space.asarray(value)
        return per_position(value, y_pred.shape[:-1]), (tape, values, run, value.shape, y_pred.shape)

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        tape, values, run, shape, of_pred = kept
        scale = scale[..., 0] if hasattr(scale, "ndim") and scale.ndim else scale
        dy = run.space.broadcast_to(run.space.asarray(scale, run.dtype), of_pred[:-1])
        dy = _back(dy, shape)
        wanted = [False, True, *[True] * len(self.beside)]
        _, d, *others = tape.gradient([dy.astype(run.dtype, copy=False)], values, run, wanted)
        self.gradients = tuple(others)
        return run.space.zeros(of_pred, run.dtype) if d is None else d


def _shapes(of_true: Any, of_pred: Any) -> tuple[Any, Any]:
    """Of one sample of targets and predictions, where targets without the last axis are a column."""
    true = (*of_true[1:], 1) if len(of_true) == len(of_pred) - 1 else of_true[1:]
    return tuple(true), tuple(of_pred[1:])


def per_position(value: Array, shape: tuple[int, ...]) -> Array:
    """What a loss or metric gave, as a number for each position of ``shape`` = (n, ...).

    >>> per_position(np.array([[1.0, 3.0]]), (1,)).tolist(), per_position(np.array(2.0), (2,)).tolist()
    ([2.0], [2.0, 2.0])
    """
    if value.shape == shape:
        return value
    if value.ndim > len(shape):
        value = value.mean(axis=tuple(range(len(shape), value.ndim)))
    return array_namespace(value).broadcast_to(value.reshape(value.shape + (1,) * (len(shape) - value.ndim)), shape)


def _back(dy: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of ``per_position``, for what had this shape."""
    xp = array_namespace(dy)
    if dy.shape == shape:
        return dy
    if len(shape) > dy.ndim:
        over = shape[dy.ndim :]
        dy = dy.reshape(dy.shape + (1,) * len(over))
        dy = xp.broadcast_to(dy / np.prod(over), (*dy.shape[: -len(over)], *over))
    elif len(shape) < dy.ndim:
        dy = dy.sum(axis=tuple(range(len(shape), dy.ndim)))
    repeated = tuple(a for a, (n, m) in enumerate(zip(shape, dy.shape)) if n != m)
    return dy.sum(axis=repeated, keepdims=True) if repeated else dy


class FunctionMetric(metrics.Metric, abstract=True):
    """A metric that a script wrote as a function of (y_true, y_pred), which may give a number for the whole batch.

    Over an epoch it is the mean over the samples of what it gave for their batches, as Keras 2.1 has it.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        super().__init__(name or name_of(function))

    def _plain(self) -> Any:
        return by_name(self.function)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """What the function says, for each position."""
        targets = y_true.astype(y_pred.dtype, copy=False) if y_pred.dtype.kind == "f" else y_true
        targets = targets[..., None] if targets.ndim == y_pred.ndim - 1 else targets
        value = self.function(targets, y_pred)
        if isinstance(value, (list, tuple)) or value is None:
            raise ArgumentTypeError(f"metric {self.name!r}", f"a {type(value).__name__}", "a number for each sample, or one")
        value = get_value(value)
        value = backends.current().asarray(value, None, f"metric {self.name!r}")
        value = value.astype(y_pred.dtype) if value.dtype.kind != "f" else value
        return per_position(value, y_pred.shape[:-1])


# -- penalties and constraints -----------------------------------------------------------------------------------------


class FunctionRegularizer(regularizers.Regularizer, abstract=True):
    """A penalty that a script wrote as a function of the weights."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self._tapes = function, _OfWeights(function)

    def get_config(self) -> dict[str, Any]:
        """The function's name."""
        return {"function": by_name(self.function)}

    def value(self, w: Array) -> Any:
        """What the function gives."""
        return self._tapes.value(w)

    def gradient(self, w: Array) -> Array:
        """Its derivative."""
        return self._tapes.gradient(w)


class Regularizer(regularizers.Regularizer, abstract=True):
    """``keras.regularizers.Regularizer``: a base for classes of a script that define ``__call__(self, x)`` with ``K.*``."""

    def __call__(self, x: Any) -> Any:
        """The penalty: 0."""
        return 0.0

    def value(self, w: Array) -> Any:
        """What ``__call__`` gives."""
        return _OfWeights(self.__call__).value(w)

    def gradient(self, w: Array) -> Array:
        """Its derivative."""
        return _OfWeights(self.__call__).gradient(w)


class _OfWeights:
    """A number as a function of weights, whose first axis is not that of samples."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._tapes: dict[Any, Tape] = {}

    def _tape(self, w: Array) -> Tape:
        if w.shape not in self._tapes:
            self._tapes[w.shape] = Tape(lambda x: self.function(x[0]), [w.shape])
        return self._tapes[w.shape]

    def value(self, w: Array) -> Any:
        """The number."""
        (value,), _ = self._tape(w).run([w[None]], Run(w.dtype, array_namespace(w)))
        return array_namespace(w).asarray(value, np.float64).sum()

    def gradient(self, w: Array) -> Array:
        """Its derivative."""
        run, tape, xp = Run(w.dtype, array_namespace(w)), self._tape(w), array_namespace(w)
        with np.errstate(all="ignore"):
            (value,), values = tape.run([w[None]], run)
            (dx,) = tape.gradient([xp.ones(np.shape(value), w.dtype)], values, run, [True])
        return xp.zeros_like(w) if dx is None else dx[0]

    def __deepcopy__(self, memo: Any) -> Any:
        return _OfWeights(self.function)

    def __getstate__(self) -> Any:
        return {"function": self.function, "_tapes": {}}


class Constraint(constraints.Constraint, abstract=True):
    """``keras.constraints.Constraint``: a base for classes of a script that define ``__call__(self, w)`` with ``K.*``."""

    def __call__(self, w: Any) -> Any:
        """The weights as they are."""
        return w

    def apply(self, w: Array) -> Array:
        """What ``__call__`` gives."""
        return _as_weights(self(w), w)


class FunctionConstraint(constraints.Constraint, abstract=True):
    """A constraint that a script wrote as a function of the weights."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def get_config(self) -> dict[str, Any]:
        """The function's name."""
        return {"function": by_name(self.function)}

    def apply(self, w: Array) -> Array:
        """What the function gives."""
        return _as_weights(self.function(w), w)


def _as_weights(new: Any, w: Array) -> Array:
    new = backends.backend_of(w).asarray(get_value(new), w.dtype, "constraint")
    if new.shape != w.shape:
        raise ShapeError("constraint", f"weights of shape {new.shape}", f"{w.shape}, as they were")
    return new if new is not w else new.copy()
