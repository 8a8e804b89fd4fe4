"""``keras.backend.function`` and ``gradients``: a part of a model that is run on arrays, and what is computed with its results.

``K.gradients(loss, x)`` notes what is asked for; ``K.function`` finds it: the network from x on runs forwards to all that the
loss reads, the loss is differentiated by its ops, and what they give goes backwards through the network to x.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl import access, config
from minidl import backend as backends
from minidl.backend.random import new_stream
from minidl.compat.keras.backend import settings
from minidl.compat.keras.backend.operations import OPS
from minidl.compat.keras.backend.tracing import Run, Slope, Tape, Traced, call, is_tracing, of_symbol
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.layers.context import Context
from minidl.layers.graph import Graph
from minidl.layers.symbol import Symbol
from minidl.models.saliency import no_parameter_gradients
from minidl.parameters import Parameter


class Function:
    """What ``K.function`` gives: called with a list of arrays, and 0 or 1 where ``K.learning_phase()`` stood.

    Args:
        inputs: results of layers or ``Input``, in any place of a model; and ``K.learning_phase()``.
        outputs: results of layers, what is computed with them by operators and functions of ``K``, and gradients.

    Nothing is changed: neither weights nor running statistics nor the states that a recurrent layer carries on.
    """

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        where = "K.function"
        if not isinstance(inputs, (list, tuple)) or not isinstance(outputs, (list, tuple)):
            raise ArgumentTypeError(where, "inputs or outputs that are no list", "lists", "K.function([x], [y])")
        self._phases = [index for index, x in enumerate(inputs) if _is_phase(x)]
        places = [x for x in inputs if not _is_phase(x)]
        if len(self._phases) > 1 or not places:
            raise ArgumentTypeError(where, "inputs", "results of layers, and K.learning_phase() once at most")
        self._computed_of = {index: Tape.of([y]) for index, y in enumerate(outputs) if isinstance(y, Traced)}
        known = (Symbol, Traced)
        self._constants: dict[int, Any] = {index: y for index, y in enumerate(outputs) if not isinstance(y, known)}
        for y in self._constants.values():
            if not isinstance(y, (Parameter, np.ndarray)) and not hasattr(y, "get_value"):
                fix = "model.layers[0].output"
                raise ArgumentTypeError(f"{where}: outputs", described(y), "results of layers", fix)
        symbols = [y for y in outputs if isinstance(y, Symbol)]
        self._direct = {index: places.index(y) for index, y in enumerate(symbols) if any(y is x for x in places)}
        self._slopes = _slopes_of(self._computed_of.values(), places)
        read = [source for tape in self._computed_of.values() for source in tape.reads if isinstance(source, Symbol)]
        read += [slope.by for slope in self._slopes]
        self._read = [y for y in dict.fromkeys(read) if not any(y is x for x in places)]
        rest = [*(y for index, y in enumerate(symbols) if index not in self._direct), *self._read]
        self._needed = [x for x in places if any(_reaches(y, x, places) for y in rest)]
        self._places, self._symbols = places, symbols
        self._calls = 0
        self.stream: Any = None
        self._network = Graph(self._needed, rest) if rest else None

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs, as NumPy arrays."""
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        expected = len(self._places) + len(self._phases)
        if len(given) != expected:
            raise ShapeError("K.function", f"{len(given)} arrays", f"{expected}, one for each input")
        phase = given.pop(self._phases[0]) if self._phases else settings.learning_phase()
        computed = self._computed(given, bool(phase))
        self._calls += 1
        known: dict[Any, Any] = {}
        if self._computed_of:
            known = dict(zip(self._read, computed[len(computed) - len(self._read) :]))
            known |= {x: backends.current().asarray(_numbers_of(a, x), None, "K.function") for x, a in zip(self._places, given)}
            known |= {slope: part.gradient(known, self._run(bool(phase))) for slope, part in self._slopes.items()}
        results = iter(computed)
        found, index = [], 0
        for number in range(len(self._symbols) + len(self._constants) + len(self._computed_of)):
            if number in self._computed_of:
                found.append(_of_tape(self._computed_of[number], known, self._run(bool(phase))))
                continue
            if number in self._constants:
                found.append(_numbers(self._constants[number]))
                continue
            place = self._direct.get(index)
            found.append(np.asarray(given[place]) if place is not None else next(results))
            index += 1
        return found

    def _run(self, training: bool) -> Run:
        """A pass for what is computed with results: random numbers in it are others at each call."""
        if self.stream is None and any(
            node.op and OPS[node.op].of_run for tape in self._computed_of.values() for node in tape.order
        ):
            self.stream = new_stream()
        return Run(np.dtype(config.dtype()), backends.current().xp, Context(training, step=self._calls), self)

    def _computed(self, given: list[Any], training: bool) -> list[Any]:
        if self._network is None:
            return []
        x = self._network.validated([a for a, place in zip(given, self._places) if any(place is n for n in self._needed)])
        with access.reading("K.function", self._network), np.errstate(all="ignore"):
            y, _ = self._network.apply(x, Context(training, keep=False))
        return [backends.backend_of(part).to_numpy(part).copy() for part in y]


class _Downstream:
    """The network from x to all that a loss reads, for dL/dx.

    Args:
        slope: L and x.
        places: where data enters.
    """

    def __init__(self, slope: Slope, places: Sequence[Symbol]) -> None:
        self.tape = Tape.of([slope.loss])
        if any(isinstance(source, Slope) for source in self.tape.reads):
            received, expected = "a loss that is made of gradients", "one that is made of results of layers"
            raise ArgumentTypeError("K.gradients", received, expected)
        self.inputs = [slope.by, *(x for x in places if x is not slope.by)]
        self.network = Graph(self.inputs, self.tape.reads, unused=True)

    def gradient(self, known: dict[Any, Any], run: Run) -> Any:
        """dL/dx, where ``known`` has x and the data."""
        x = self.network.validated([known[symbol] for symbol in self.inputs])
        with access.writing("K.function", self.network), np.errstate(all="ignore"), no_parameter_gradients(self.network):
            y, saved = self.network.apply(x, Context(run.training, penalties=False))
            run.dtype = y[0].dtype
            (loss,), values = self.tape.run(y, run)
            dy = self.tape.gradient([run.space.ones(np.shape(loss), run.dtype)], values, run, [True] * len(y))
            dx = self.network.gradient(tuple(dy), saved, need_dx=True)[0]
        return run.space.zeros(x[0].shape, run.dtype) if dx is None else dx


def _slopes_of(tapes: Iterable[Tape], places: Sequence[Symbol]) -> dict[Slope, _Downstream]:
    found = [source for tape in tapes for source in tape.reads if isinstance(source, Slope)]
    return {slope: _Downstream(slope, places) for slope in dict.fromkeys(found)}


def _of_tape(tape: Tape, known: dict[Any, Any], run: Run) -> Any:
    """What an expression gives for these numbers."""
    values = [known[source] for source in tape.reads]
    first = next((a for a in values if a.dtype.kind == "f"), None)
    run.dtype = run.dtype if first is None else first.dtype
    with np.errstate(all="ignore"):
        (result,), _ = tape.run(values, run)
    return backends.backend_of(result).to_numpy(result).copy() if hasattr(result, "ndim") else np.asarray(result)


def _numbers_of(a: Any, x: Symbol) -> Any:
    a = np.asarray(a) if not hasattr(a, "ndim") else a
    return a.astype(config.dtype()) if a.dtype.kind == "f" or x.dtype is None else a


def gradients(loss: Any, variables: Any) -> list[Any]:
    """dL/dx for each x of a list, or for one: values for ``K.function``, of which more can be computed.

    Args:
        loss: what is computed with results of layers; its sum where it is no number.
        variables: inputs of a model, or results of layers on the way to the loss.

    Raises ArgumentTypeError where the loss does not depend on x, and for weights, which training differentiates.
    """
    where = "K.gradients"
    losses = loss if isinstance(loss, (list, tuple)) else [loss]
    parts = [of_symbol(part) if isinstance(part, Symbol) else part for part in losses]
    for part in parts:
        if not isinstance(part, Traced) or is_tracing():
            fix = "model.input_gradient(x), the gradient by the input; training needs none"
            raise ArgumentTypeError(where, f"{described(part)} as loss", "what is computed with results of layers", fix)
    total = call("sum", parts[0], axis=None, keepdims=False)
    for part in parts[1:]:
        total = call("add", total, call("sum", part, axis=None, keepdims=False))
    found = []
    for x in variables if isinstance(variables, (list, tuple)) else [variables]:
        if not isinstance(x, Symbol):
            fix = "model.train_on_batch(x, y), for weights"
            raise ArgumentTypeError(where, f"the derivative by {described(x)}", "an Input or a result of a layer", fix)
        reads = Tape.of([total]).reads
        if not any(y is x or (isinstance(y, Symbol) and _reaches(y, x, [])) for y in reads):
            raise ArgumentTypeError(where, f"a loss that does not depend on {x!r}", "one that does")
        found.append(Slope(total, x).value())
    return found


def _is_phase(x: Any) -> bool:
    return isinstance(x, (int, np.integer))


def _reaches(y: Symbol, x: Symbol, stops: Sequence[Symbol]) -> bool:
    """Whether y is computed from x without going through another input."""
    stack, seen = [y], set()
    while stack:
        symbol = stack.pop()
        if symbol is x:
            return True
        if id(symbol) not in seen and not any(symbol is stop for stop in stops):
            seen.add(id(symbol))
            stack += symbol.inputs
    return False


def _numbers(y: Any) -> Any:
    if hasattr(y, "get_value"):
        return y.get_value()
    return backends.backend_of(y.value).to_numpy(y.value).copy() if isinstance(y, Parameter) else y


def function(inputs: Sequence[Any], outputs: Sequence[Any], updates: Any = None, **keywords: Any) -> Function:
    """A part of a model as a function of arrays; see ``Function``. Raises ArgumentTypeError for updates of weights."""
    if updates:
        raise ArgumentTypeError("K.function", "updates", "outputs alone", "model.compile(...) and model.train_on_batch(x, y)")
    if keywords:
        raise ArgumentTypeError("K.function", f"the keywords {', '.join(keywords)}", "inputs and outputs")
    return Function(inputs, outputs)
