"""Losses that read more than targets and predictions: results of layers anywhere in the model, as functions of scripts close
over them, and ``model.add_loss``.

    L = loss(y_true, y_pred, r) + added(r)        r: the results that are read, dL/dr goes into the network with dL/dy_pred

While the model trains, its network has these results as further outputs. Predictions, metrics, files and summaries do not
know of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend import Array, array_namespace
from minidl.backend.tape import refuse
from minidl.compat.keras.backend.tracing import Run, Tape, Traced, of_symbol
from minidl.compat.keras.traced import FunctionLoss
from minidl.errors import ArgumentError, ArgumentTypeError, described
from minidl.layers.base import Layer
from minidl.layers.graph import Graph
from minidl.layers.symbol import Symbol
from minidl.losses import Loss
from minidl.losses.per_output import PerOutput


class NoLoss(Loss, abstract=True):
    """0, whatever the targets are: of an output without a loss, in a model whose loss has other parts."""

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Any targets."""

    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """As they are."""
        return y_true

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """0 for each position."""
        return array_namespace(y_pred).zeros(y_pred.shape[:-1], y_pred.dtype), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """0."""
        return array_namespace(kept).zeros(kept.shape, kept.dtype)


class Added:
    """What ``model.add_loss`` was given: numbers that are part of the loss, as one. Copies of a model share it.

    Raises ArgumentTypeError for values that draw random numbers, and for gradients.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.tape = Tape.of(values)
        for node in self.tape.order:
            if node.op is not None and node.op.startswith("random"):
                raise ArgumentTypeError("add_loss", f"K.{node.op}", "random numbers of a layer", "Lambda(sampling)(x)")
        check_reads("add_loss", self.tape.reads)

    def __deepcopy__(self, memo: Any) -> Added:
        return self


class Beside:
    """What the losses of a model read beside targets and predictions, and the network that gives it.

    Args:
        network: the model's.
        loss: as compiled: a Loss, or PerOutput.
        added: by ``add_loss``.
        shapes: of the outputs, without the batch axis.

    Attributes:
        anything: whether there is anything that is read.
        network: with what is read as further outputs; None where there is nothing, or where it cannot be.
        objection: why it cannot be.
    """

    def __init__(self, network: Any, loss: Any, added: Sequence[Traced], shapes: Sequence[Any]) -> None:
        self.count, self.single = len(shapes), not isinstance(loss, PerOutput)
        parts = [loss.part(index) for index in range(self.count)]
        self.added = Added(added) if added else None
        of_parts = [part.reads(shape) if isinstance(part, FunctionLoss) else [] for part, shape in zip(parts, shapes)]
        for part, reads in zip(parts, of_parts):
            check_reads(f"loss {part.name!r}" if part is not None else "", reads)
        of_added = self.added.tape.reads if self.added else []
        symbols = list(dict.fromkeys(symbol for reads in (*of_parts, of_added) for symbol in reads))
        at = {symbol: place for place, symbol in enumerate(symbols)}
        self.anything = bool(symbols) or self.added is not None
        self.of_parts = [[at[symbol] for symbol in reads] for reads in of_parts]
        self.of_added = [at[symbol] for symbol in of_added]
        self.network: Layer | None = None
        self.objection: Exception | None = None
        if self.anything:
            inputs = network.inputs if network.takes_many else network.inputs[0]
            try:
                self.network = Graph(inputs, [*network.outputs, *symbols], unused=True)
            except ArgumentError as error:  # told where it is trained: a model that was read from a file may still predict
                expected = "results that depend on the inputs of the model alone"
                self.objection = ArgumentError("fit: loss", f"a loss that reads what depends on {error.received}", expected)

    def around(self, loss: Any) -> Reading:
        """The loss for the network with more outputs."""
        return Reading(loss, self)


class Reading:
    """A loss of a network whose last outputs are what it reads; for the training step it is a loss as any other."""

    def __init__(self, loss: Any, beside: Beside) -> None:
        self.loss, self.beside = loss, beside

    def compute(self, y_pred: Any, y_true: Any, sample_weight: Any = None, mask: Any = None) -> tuple[Array, Any]:
        """L, and what ``gradient`` needs."""
        refuse("the loss reads results of layers")
        beside, values = self.beside, y_pred[self.beside.count :]
        loss = self._bound(values)
        own = y_pred[0] if beside.single else y_pred[: beside.count]
        total, saved = loss.compute(own, y_true, sample_weight, mask)
        added: Any = None
        if beside.added is not None:
            run = Run(total.dtype, array_namespace(total))
            results, found = beside.added.tape.run([values[at] for at in beside.of_added], run)
            total = total + sum(run.space.asarray(value, total.dtype).sum() for value in results)
            added = (results, found, run)
        return total, (loss, saved, added, len(values))

    def gradient(self, saved: Any) -> tuple[Array | None, ...]:
        """dL/dy_pred of each output, then dL/dr of each result that is read; None where it does not count."""
        loss, of_loss, added, count = saved
        dy, found = loss.gradient(of_loss), [None] * count
        for index, places in enumerate(self.beside.of_parts):
            if places:
                _add(found, places, loss.part(index).gradients)
        if added is not None and self.beside.added is not None:
            results, values, run = added
            ones = [run.space.ones(getattr(value, "shape", ()), run.dtype) for value in results]
            _add(
                found,
                self.beside.of_added,
                self.beside.added.tape.gradient(ones, values, run, [True] * len(self.beside.of_added)),
            )
        return (*((dy,) if self.beside.single else dy), *found)

    def _bound(self, values: Any) -> Any:
        """The losses with what they read in this batch."""
        parts = [self.loss.part(index) for index in range(self.beside.count)]
        parts = [
            part.reading(tuple(values[at] for at in places)) if places else part
            for part, places in zip(parts, self.beside.of_parts)
        ]
        return parts[0] if self.beside.single else PerOutput(parts, self.loss.weights, self.loss.names)

    def part(self, index: int) -> Any:
        """The loss of an output; None for what is only read."""
        return self.loss.part(index) if index < self.beside.count else None

    def parts(self, saved: Any) -> list[Any]:
        """The losses of several outputs."""
        return list(saved[0].parts(saved[1]))

    def prediction(self, y_pred: Any, saved: Any) -> Any:
        """What a person calls the prediction."""
        own = y_pred[0] if self.beside.single else y_pred[: self.beside.count]
        return saved[0].prediction(own, saved[1])

    def with_logits_at(self, index: int) -> Reading:
        """The same, an output being taken before the activation that its loss merges."""
        return Reading(self.loss.with_logits_at(index), self.beside)


def _add(found: list[Any], places: Sequence[int], gradients: Sequence[Any]) -> None:
    for place, d in zip(places, gradients):
        if d is not None:
            found[place] = d if found[place] is None else found[place] + d


def check_reads(where: str, reads: Sequence[Any]) -> None:
    """Raise ArgumentTypeError for gradients in a loss, which would have to be differentiated again."""
    for source in reads:
        if not isinstance(source, Symbol):
            raise ArgumentTypeError(where, "a gradient of K.gradients", "results of layers", "K.function, outside of the loss")


def values_of(losses: Any) -> list[Traced]:
    """What ``model.add_loss`` is given, as values. Raises ArgumentTypeError for anything else."""
    found = []
    for value in losses if isinstance(losses, (list, tuple)) else [losses]:
        value = of_symbol(value) if isinstance(value, Symbol) else value
        if not isinstance(value, Traced):
            raise ArgumentTypeError("add_loss", described(value), "what is computed with results of layers")
        found.append(value)
    return found
