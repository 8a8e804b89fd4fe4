"""Functions of a script, written with ``K.*`` and operators, made into something that can be run and differentiated.

The function is called once with ``Traced`` values in place of arrays. Each op on them is noted, and computed at the same time
for two small made-up batches of different sizes: so every value has a shape, and None where the two differ. The notes are a
``Tape``: a list of ops in the order in which they were called, which runs forwards on real arrays, and backwards by the ops'
ops' own gradients. What a function decides by ``if`` is decided while it is traced; by numbers it cannot decide.

Results of layers may be computed with anywhere: what is written with a symbol is noted as well, and is known once somebody
gives the symbol's numbers: the network in which a function that reads it stands, or ``K.function``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.backend.random import NOISE
from minidl.compat.keras.backend.operations import OPS, Op
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.layers.symbol import Symbol
from minidl.parameters import Parameter

BATCHES = (2, 3)  # of the made-up samples
_batches: ContextVar[tuple[int, ...]] = ContextVar("batches", default=BATCHES)
UNKNOWN = (5, 7)  # lengths of axes that are None
_tracing: ContextVar[bool] = ContextVar("tracing", default=False)
_numbers = itertools.count()


class Operators:
    """Python's operators, as ops."""

    __slots__ = ()

    __array_ufunc__ = None  # an array on the left leaves the operator to this one
    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Any:
        return call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return call("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return call("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return call("divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return call("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return call("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        return call("mod", self, other)

    def __pow__(self, other: Any) -> Any:
        return call("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return call("pow", other, self)

    def __neg__(self) -> Any:
        return call("negative", self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return call("abs", self)

    def __invert__(self) -> Any:
        return call("not", self)

    def __and__(self, other: Any) -> Any:
        return call("and", self, other)

    def __or__(self, other: Any) -> Any:
        return call("or", self, other)

    def __lt__(self, other: Any) -> Any:
        return call("less", self, other)

    def __le__(self, other: Any) -> Any:
        return call("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return call("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return call("greater_equal", self, other)

    def __matmul__(self, other: Any) -> Any:
        return call("dot", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return call("dot", other, self)

    def __getitem__(self, places: Any) -> Any:
        for place in places if isinstance(places, tuple) else (places,):
            parts = (place.start, place.stop, place.step) if isinstance(place, slice) else (place,)
            plain_ones = (p is None or p is Ellipsis or hasattr(p, "__index__") for p in parts if not isinstance(p, Operators))
            if any(isinstance(p, Operators) for p in parts) or not all(plain_ones):
                expected = "integers, slices of integers, ... and None"
                raise ArgumentTypeError("x[...]", f"{described(place)} as index", expected, "K.gather(x, indices)")
        return call("take", self, places=places)


class Traced(Operators):
    """A value that is not known yet.

    Attributes:
        inputs: what the op is applied to: traced values, arrays and numbers.
        op, fixed: its name and options; None for an input, a variable or parameter.
        probes: what it is for the two made-up batches.
        source: of an input its number; the variable or parameter itself, the symbol, or the gradient that is asked for.
    """

    def __init__(self, op: str | None, inputs: Any, fixed: Any, probes: tuple[Any, ...], source: Any = None) -> None:
        self.op, self.inputs, self.fixed, self.probes, self.source = op, tuple(inputs), fixed, probes, source
        self.number = next(_numbers)

    @property
    def int_shape(self) -> tuple[int | None, ...]:
        """Its shape; None for an axis whose length only the data knows."""
        first, second = (np.shape(p) for p in self.probes)
        return tuple(a if a == b else None for a, b in zip(first, second, strict=True))

    shape = int_shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return np.ndim(self.probes[0])

    @property
    def dtype(self) -> Any:
        """The element type, by its name."""
        kind = np.asarray(self.probes[0]).dtype
        return config.dtype() if kind.kind == "f" else kind.name

    def get_shape(self) -> Any:
        """As TensorFlow has it: the shape, with ``as_list``."""
        return StaticShape(self.int_shape)

    def set_shape(self, shape: Any) -> None:
        """The shape is known already."""

    _keras_shape = int_shape

    def __bool__(self) -> bool:
        expected = "K.switch(condition, a, b)"
        raise ArgumentTypeError("a function of K", "an if, and or not on numbers that are not known yet", expected)

    def __iter__(self) -> Iterator[Any]:
        length = self.int_shape[0] if self.ndim else None
        if length is None:
            raise ArgumentTypeError("a function of K", "a loop over an axis of unknown length", "ops on the whole array")
        return (self[index] for index in range(length))

    def __len__(self) -> int:
        length = self.int_shape[0]
        if length is None:
            raise ArgumentTypeError("a function of K", "len of an axis of unknown length", "K.shape(x)[0]")
        return length

    def __index__(self) -> int:
        raise ArgumentTypeError("a function of K", "a number that is not known yet as an index or length", "a plain integer")

    def __repr__(self) -> str:
        return f"<a value of shape {self.int_shape} that is not known yet>"


class Length(int):
    """A length as TensorFlow gives it.

    >>> Length(3).value
    3
    """

    value = property(int)


class StaticShape(tuple):
    """A shape as TensorFlow gives it.

    >>> StaticShape((None, 3))[1].value, StaticShape((None, 3)).as_list()
    (3, [None, 3])
    """

    def __new__(cls, lengths: Any) -> StaticShape:
        """Of these lengths."""
        return super().__new__(cls, (n if n is None else Length(n) for n in lengths))

    def as_list(self) -> list[Any]:
        """Its lengths."""
        return [n if n is None else int(n) for n in self]

    @property
    def ndims(self) -> int:
        """How many there are."""
        return len(self)


class Run:
    """One pass: its element type, its mode, and its random numbers."""

    def __init__(self, dtype: Any, space: Any = np, context: Any = None, owner: Any = None) -> None:
        self.dtype, self.space, self.context, self.owner = dtype, space, context, owner
        self._made_up = np.random.default_rng(0)

    @property
    def training(self) -> bool:
        """Whether layers behave as in training."""
        return bool(self.context and self.context.training)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Numbers in (0, 1), in float64."""
        if self.context is None:
            return self.space.asarray(self._made_up.random(shape))
        key, step, call = self.context.random(self.owner)
        backend = backends.current()
        counter = (int(backend.to_numpy(step)[0]), call, NOISE)
        words = backend.random_words(key, counter, int(np.prod(shape)))
        return (words.astype("float64") + 0.5).reshape(shape) / 2**32


def call(name: str, *arguments: Any, **fixed: Any) -> Any:
    """An op: noted where an argument is traced, else computed.

    A result of a layer is a value that is not known yet, within a function that is traced and outside.
    """
    if _tracing.get() or any(isinstance(a, (Symbol, Traced)) for a in arguments):
        arguments = tuple(_leaf(a) for a in arguments)
    if any(isinstance(a, Traced) for a in arguments) or (_tracing.get() and OPS[name].of_run):
        return _noted(name, arguments, fixed)
    if OPS[name].of_run:
        return OPS[name].forward(Run(np.dtype(config.dtype())), *map(plain, arguments), **fixed)
    with np.errstate(all="ignore"):
        return OPS[name].forward(*map(plain, arguments), **fixed)


def refuse_values(where: str, values: Any) -> None:
    """Raise ArgumentTypeError where a layer or model is given what was computed with results of layers, outside of one."""
    if not _tracing.get():
        for value in values if isinstance(values, (list, tuple)) else (values,):
            if isinstance(value, Traced):
                received = f"the result of K.{value.op}, which no layer gave" if value.op else "what no layer gave"
                raise ArgumentTypeError(where, received, "results of layers", "Lambda(lambda x: ...)(x) around the function")


def is_tracing() -> bool:
    """Whether a function of a layer or loss is being traced."""
    return _tracing.get()


def of_symbol(symbol: Symbol) -> Traced:
    """The numbers of a result of a layer, as a value that is not known yet."""
    kind = "int64" if symbol.layer is None and symbol.dtype and np.dtype(symbol.dtype).kind in "iu" else "float"
    shape = vars(Symbol)["shape"].__get__(symbol)
    return Traced(None, (), {}, _probes(shape, kind, BATCHES), symbol)


def plain(value: Any) -> Any:
    """A variable, parameter or list as an array; numbers and arrays as they are."""
    if isinstance(value, Parameter) or hasattr(value, "is_variable_2_1"):
        return value.value
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
        return value.astype(config.dtype()) if value.dtype.kind == "f" else value
    return value


def _leaf(value: Any) -> Any:
    """Variables, parameters and symbols are read at every pass, not once."""
    if isinstance(value, Symbol):
        return of_symbol(value)
    if isinstance(value, Parameter) or hasattr(value, "is_variable_2_1"):
        array = value.value
        return Traced(None, (), {}, (backends.backend_of(array).to_numpy(array),) * len(BATCHES), value)
    return value


def _noted(name: str, arguments: tuple[Any, ...], fixed: dict[str, Any]) -> Traced:
    op = OPS[name]
    inputs = [_constant(a) for a in arguments]
    run = Run(np.dtype("float32"))
    probes = []
    for number in range(len(BATCHES)):
        given = [a.probes[number] if isinstance(a, Traced) else a for a in inputs]
        with np.errstate(all="ignore"):
            try:
                probes.append(_computed(op, run, given, fixed))
            except (ValueError, IndexError, TypeError) as error:
                shapes = [a.int_shape if isinstance(a, Traced) else np.shape(a) for a in inputs]
                asked = fixed.get("shape") or ()
                firsts = {shape[0] for shape in (*shapes, asked) if len(shape) == max(map(len, (*shapes, asked))) > 0} - {1, -1}
                fix = "K.shape(x)[0] for the number of samples" if None in firsts and len(firsts) > 1 else ""
                received = f"values of shapes {', '.join(map(str, shapes))} ({error})"
                refused = ShapeError if len(firsts - {None}) != 1 or None not in firsts else _Samples
                raised = refused(f"K.{name}", received, "shapes that fit", fix)
                if isinstance(raised, _Samples):
                    (raised.count,) = firsts - {None}
                raise raised from None
    return Traced(name, inputs, fixed, tuple(probes))


class _Samples(ShapeError):
    """A value without a number of samples meets one of ``count``: the function may be one for just so many."""

    count: Any = None


def _constant(value: Any) -> Any:
    if isinstance(value, (Traced, int, float, bool, np.generic)):
        return value.item() if isinstance(value, np.generic) else value
    value = plain(value)
    if value is None or isinstance(value, (str, Symbol)):
        raise ArgumentTypeError("a function of K", f"{described(value)} in place of numbers", "arrays and values of K")
    array = np.asarray(backends.backend_of(value).to_numpy(value) if hasattr(value, "ndim") else value)
    if array.dtype.kind not in "fiub":
        raise ArgumentTypeError("a function of K", described(value), "numbers")
    return array.astype("float32") if array.dtype.kind == "f" and array.dtype != "float64" else array


def _computed(op: Op, run: Run, given: list[Any], fixed: dict[str, Any]) -> Any:
    given = [a.astype(run.dtype) if hasattr(a, "dtype") and a.dtype.kind == "f" and a.dtype != run.dtype else a for a in given]
    result = op.forward(run, *given, **fixed) if op.of_run else op.forward(*given, **fixed)
    kind = getattr(result, "dtype", None)
    return result.astype(run.dtype) if kind is not None and kind.kind == "f" and kind != run.dtype else result


class Tape:
    """What a function does, traced for samples of given shapes.

    Args:
        function: of as many values as there are shapes, or of a list of them (``in_list``).
        shapes: of one sample each, without the batch axis; None for lengths that come with the data.
        in_list: whether the function takes its values in a list.
        kinds: of the numbers of each input: ``"float"`` or ``"bool"``.
        announced: called behind the function: the numbers that it has announced for the loss.

    Attributes:
        announced: these numbers, as traced values.
        several: whether the function gives a list.
        shapes: of its results with the batch axis, None where a length comes with the data.
        samples: how many there have to be in a batch, where the function says a number; else None.
        reads: what the function reads beside its inputs, each once: symbols, whose numbers ``run`` takes behind the inputs.
    """

    samples: int | None = None
    shapes: list[tuple[int | None, ...]]

    def __init__(
        self,
        function: Callable[..., Any],
        shapes: Sequence[Any],
        in_list: bool = False,
        kinds: Sequence[str] | None = None,
        announced: Callable[[], Sequence[Traced]] = tuple,
    ) -> None:
        kinds = kinds or ["float"] * len(shapes)
        try:
            self._trace(function, shapes, in_list, kinds, announced)
        except _Samples as error:
            announced()  # what was announced before is announced again
            token = _batches.set((error.count,) * len(BATCHES))
            try:
                self._trace(function, shapes, in_list, kinds, announced)
            except (ShapeError, ArgumentTypeError):
                raise error from None
            finally:
                _batches.reset(token)
            self.samples = error.count
            self.shapes = [(None, *shape[1:]) if shape[:1] == (error.count,) else shape for shape in self.shapes]

    def _trace(self, function: Any, shapes: Any, in_list: bool, kinds: Any, announced: Any) -> None:
        inputs = [_input(index, shape, kind) for index, (shape, kind) in enumerate(zip(shapes, kinds))]
        with tracing():
            result = function(inputs) if in_list else function(*inputs)
        self.several = isinstance(result, (list, tuple))
        with tracing():
            results = [_traced(part, function) for part in (result if self.several else [result])]
        self._set(results, list(announced()), len(inputs))

    @classmethod
    def of(cls, results: Sequence[Traced]) -> Tape:
        """What leads to values that were noted outside a function: all that it takes are symbols and the like."""
        tape = object.__new__(cls)
        tape.several = True
        tape._set(list(results), [], 0)
        return tape

    def _set(self, results: list[Traced], announced: list[Traced], inputs: int) -> None:
        self.results, self.announced = results, announced
        self.order = _in_order([*results, *announced])
        self.shapes = [part.int_shape for part in results]
        found = [node.source for node in self.order if node.op is None and _is_outside(node.source)]
        self.reads: list[Any] = list(dict.fromkeys(found))
        self._places: dict[Any, int] = {source: inputs + index for index, source in enumerate(self.reads)}
        self._depends = self._differentiable()
        self.parameters = list(
            dict.fromkeys(node.source for node in self.order if isinstance(node.source, Parameter) and node in self._depends)
        )

    def place(self, node: Traced) -> int | None:
        """Which of the arrays that ``run`` takes is this value; None for parameters and variables, and for results of ops."""
        if node.op is not None:
            return None
        return node.source if type(node.source) is int else self._places.get(node.source)

    def _differentiable(self) -> set[Traced]:
        """The values through which something that is wanted, an input or a parameter, can be differentiated."""
        found: set[Traced] = set()
        for node in self.order:
            if node.op is None:
                if np.asarray(node.probes[0]).dtype.kind == "f" and (
                    isinstance(node.source, Parameter) or self.place(node) is not None
                ):
                    found.add(node)
            elif any(a in found and OPS[node.op].has_gradient(i) for i, a in enumerate(node.inputs) if isinstance(a, Traced)):
                found.add(node)
        return found

    def depends_on(self, index: int) -> bool:
        """Whether a result can be differentiated by input number ``index``."""
        reached: set[Traced] = set(self.results)
        for node in reversed(self.order):
            if node in reached and node.op is not None:
                reached |= {a for i, a in enumerate(node.inputs) if isinstance(a, Traced) and OPS[node.op].has_gradient(i)}
        return any(self.place(node) == index for node in reached)

    def reads_numbers(self, index: int) -> bool:
        """Whether a result depends on the numbers of input number ``index``, and not on its shape alone."""
        reached: set[Traced] = set(self.results)
        for node in reversed(self.order):
            if node in reached and node.op not in (None, "length", "like"):
                reached |= {a for a in node.inputs if isinstance(a, Traced)}
        return any(self.place(node) == index for node in reached)

    def run(self, inputs: Sequence[Array], run: Run) -> tuple[list[Array], dict[Traced, Any]]:
        """The results for these arrays, the numbers of ``reads`` behind those of the inputs, and the values of all ops."""
        values: dict[Traced, Any] = {}
        for node in self.order:
            if node.op is None:
                place = self.place(node)
                values[node] = _read(node.source) if place is None else inputs[place]
            else:
                given = [values[a] if isinstance(a, Traced) else _there(a, run) for a in node.inputs]
                values[node] = _computed(OPS[node.op], run, given, node.fixed)
        return [values[part] for part in self.results], values

    def gradient(
        self,
        dys: Sequence[Array | None],
        values: dict[Traced, Any],
        run: Run,
        wanted: Sequence[bool],
        announced: bool = False,
    ) -> list[Any]:
        """dL/d of each wanted input (None for others, and where it does not count); adds to the gradients of parameters.

        ``announced``: whether what the function announced is part of L.
        """
        found: dict[Traced, Any] = {}
        ones = [run.space.ones((), run.dtype)] * len(self.announced) if announced else []
        for part, dy in zip([*self.results, *self.announced], [*dys, *ones]):
            if dy is not None and part in self._depends:
                found[part] = found[part] + dy if part in found else dy
        dxs: list[Any] = [None] * len(wanted)
        for node in reversed(self.order):
            dy = found.pop(node, None)
            if dy is None:
                continue
            if node.op is None:
                if isinstance(node.source, Parameter):
                    if node.source.trainable:
                        node.source.add_grad(dy)
                else:
                    place = self.place(node)
                    if place is not None and wanted[place]:
                        dxs[place] = dy if dxs[place] is None else dxs[place] + dy
                continue
            given = [values[a] if isinstance(a, Traced) else _there(a, run) for a in node.inputs]
            for index, a in enumerate(node.inputs):
                if isinstance(a, Traced) and a in self._depends and OPS[node.op].has_gradient(index):
                    d = OPS[node.op].gradient(index, dy, values[node], given, node.fixed)
                    d = d.astype(run.dtype, copy=False)
                    found[a] = found[a] + d if a in found else d
        return dxs


@contextmanager
def tracing() -> Iterator[None]:
    """Inside the block variables and parameters are read at every pass."""
    token = _tracing.set(True)
    try:
        yield
    finally:
        _tracing.reset(token)


def _input(index: int, shape: Any, kind: str) -> Traced:
    return Traced(None, (), {}, _probes(shape, kind, _batches.get()), index)


def _probes(shape: Any, kind: str, batches: Sequence[int]) -> tuple[np.ndarray, ...]:
    probes = []
    for batch, unknown in zip(batches, UNKNOWN):
        lengths = (batch, *(unknown if n is None else n for n in shape))
        probes.append(np.full(lengths, 0.5, "float32") if kind == "float" else np.ones(lengths, kind))
    return tuple(probes)


def _is_outside(source: Any) -> bool:
    return isinstance(source, (Symbol, Slope))


class Slope:
    """dL/dx, as ``K.gradients`` gives it: a value that ``K.function`` computes.

    Attributes:
        loss: L, as a value; the sum of it where it is no number.
        by: the symbol x.
    """

    def __init__(self, loss: Traced, by: Symbol) -> None:
        self.loss, self.by = loss, by

    def value(self) -> Traced:
        """Itself, to be computed with."""
        return Traced(None, (), {}, of_symbol(self.by).probes, self)


def _traced(part: Any, function: Any) -> Traced:
    part = _leaf(part)
    if isinstance(part, Traced):
        return part
    if isinstance(part, (int, float, np.ndarray, np.generic)):  # a constant: the same whatever the data
        return _noted("add", (_leaf_of_constant(part), 0.0), {})
    name = getattr(function, "__name__", "function")
    raise ArgumentTypeError(f"{name}", f"{described(part)} as its result", "what is computed of its arguments with K")


def _leaf_of_constant(part: Any) -> Traced:
    return Traced("filled", (), {"shape": np.shape(part), "value": part}, (np.asarray(part, "float32"),) * len(BATCHES))


def _in_order(results: Sequence[Traced]) -> list[Traced]:
    """All that the results depend on, each after what it depends on."""
    found: dict[Traced, None] = {}
    stack = list(results)
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += [a for a in node.inputs if isinstance(a, Traced)]
    return sorted(found, key=lambda node: node.number)


def _read(source: Any) -> Array:
    """The array of a parameter; of a variable, on the device in use."""
    return source.value if isinstance(source, Parameter) else backends.current().asarray(source.value)


def _there(constant: Any, run: Run) -> Any:
    """A constant of a function on the device and in the precision of the pass."""
    if not isinstance(constant, np.ndarray):
        return constant
    return backends.current().asarray(constant, run.dtype if constant.dtype.kind == "f" else constant.dtype)
