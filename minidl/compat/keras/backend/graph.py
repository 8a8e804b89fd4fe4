"""``keras.backend.function`` and sessions: a part of a model that is run on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import access
from minidl import backend as backends
from minidl.compat.keras.backend import settings
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.layers.context import Context
from minidl.layers.graph import Graph
from minidl.layers.symbol import Symbol
from minidl.parameters import Parameter


class Function:
    """What ``K.function`` gives: called with a list of arrays, and 0 or 1 where ``K.learning_phase()`` stood.

    Args:
        inputs: results of layers or ``Input``, in any place of a model; and ``K.learning_phase()``.
        outputs: results of layers.

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
        self._constants: dict[int, Any] = {index: y for index, y in enumerate(outputs) if not isinstance(y, Symbol)}
        for y in self._constants.values():
            if not isinstance(y, (Parameter, np.ndarray)) and not hasattr(y, "get_value"):
                fix = "model.layers[0].output"
                raise ArgumentTypeError(f"{where}: outputs", described(y), "results of layers", fix)
        symbols = [y for y in outputs if isinstance(y, Symbol)]
        self._direct = {index: places.index(y) for index, y in enumerate(symbols) if any(y is x for x in places)}
        rest = [y for index, y in enumerate(symbols) if index not in self._direct]
        self._needed = [x for x in places if any(_reaches(y, x, places) for y in rest)]
        self._places, self._symbols = places, symbols
        self._network = Graph(self._needed, rest) if rest else None

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """The outputs, as NumPy arrays."""
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        expected = len(self._places) + len(self._phases)
        if len(given) != expected:
            raise ShapeError("K.function", f"{len(given)} arrays", f"{expected}, one for each input")
        phase = given.pop(self._phases[0]) if self._phases else settings.learning_phase()
        results = iter(self._computed(given, bool(phase)))
        found, index = [], 0
        for number in range(len(self._symbols) + len(self._constants)):
            if number in self._constants:
                found.append(_numbers(self._constants[number]))
                continue
            place = self._direct.get(index)
            found.append(np.asarray(given[place]) if place is not None else next(results))
            index += 1
        return found

    def _computed(self, given: list[Any], training: bool) -> list[Any]:
        if self._network is None:
            return []
        x = self._network.validated([a for a, place in zip(given, self._places) if any(place is n for n in self._needed)])
        with access.reading("K.function", self._network), np.errstate(all="ignore"):
            y, _ = self._network.apply(x, Context(training, keep=False))
        return [backends.backend_of(part).to_numpy(part).copy() for part in y]


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
