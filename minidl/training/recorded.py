"""A training step that the device records once for each shape of batch and then replays; ``backend/graphs.py`` says how.

A recording knows addresses, not what stands there: the batch and the step's numbers are put in place before it runs, and
whatever else the step depends on is part of the key under which it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl import config
from minidl.backend import Array
from minidl.data import Batch
from minidl.layers.base import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterGroup


class RecordedSteps:
    """The steps of one model on a device that can record.

    Args:
        recorder: the device's.
        compute: the step itself, from a batch to its ``Result``.
        network, optimizer, group: what the step trains and with what.
    """

    def __init__(
        self,
        recorder: Any,
        compute: Callable[[Batch], Any],
        network: Layer,
        optimizer: Optimizer,
        group: ParameterGroup,
    ) -> None:
        self.recorder, self.compute = recorder, compute
        self.network, self.optimizer, self.group = network, optimizer, group

    def train(self, batch: Batch) -> Any:
        """One step's result, as a recording where there is one for batches of this shape."""
        self.optimizer.prepare(self.group)  # the step's numbers travel before it, as a copy from the host is not recorded
        arrays, rebuild = flat(batch)
        places = tuple(_places(column) for column in (batch.x, batch.y, batch.weight))

        def compute(inputs: list[Array]) -> Any:
            before = self.optimizer.iterations
            try:
                return self.compute(rebuild(inputs))
            except Exception:
                self.optimizer.iterations = before  # what could not be recorded was not done
                raise

        result = self.recorder.run(self._what_is_fixed(arrays, places), compute, arrays, self._count)
        # The next replay writes to the same place, and losses are collected.
        parts = [None if part is None else part.copy() for part in result.parts]
        return result._replace(loss=result.loss.copy(), parts=parts)

    def _count(self) -> None:
        """What Python remembers of a step that was replayed."""
        self.optimizer.count()

    def _what_is_fixed(self, arrays: Sequence[Array], places: Any) -> tuple[Any, ...]:
        """Everything a recording depends on beside the numbers in memory."""
        shapes = tuple((a.shape, a.dtype.name) for a in arrays)
        frozen = tuple(layer.trainable for layer in every_layer(self.network)) + tuple(
            p.trainable for p in self.group.parameters
        )
        constants = {k: v for k, v in vars(self.optimizer).items() if isinstance(v, (int, float)) and k != "_learning_rate"}
        constants.pop("iterations")
        return shapes, places, frozen, tuple(constants.items()), config.kernels()


def flat(batch: Batch) -> tuple[list[Array], Callable[[list[Array]], Batch]]:
    """The arrays of a batch in a list, and a function that makes the batch of such a list again."""
    columns = (batch.x, batch.y, batch.weight)  # each an array, a tuple of arrays for several inputs or outputs, or None
    arrays = [a for column in columns for a in (column if isinstance(column, tuple) else (column,)) if a is not None]

    def rebuild(given: list[Array]) -> Batch:
        rest = iter(given)

        def again(column: Any) -> Any:
            if isinstance(column, tuple):
                return tuple(again(part) for part in column)
            return None if column is None else next(rest)

        return Batch(again(batch.x), again(batch.y), again(batch.weight), batch.size)

    return arrays, rebuild


def _places(column: Any) -> Any:
    """Where a column of a batch has arrays, and where it has none."""
    return tuple(map(_places, column)) if isinstance(column, tuple) else column is not None


def every_layer(layer: Layer) -> Iterator[Layer]:
    """The layer and all within it."""
    yield layer
    for part in layer.sublayers():
        yield from every_layer(part)
