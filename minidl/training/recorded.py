"""A training step that the device records once for each shape of batch and then replays; ``backend/graphs.py`` says how.

A recording knows addresses, not what stands there: the batch and the step's numbers are put in place before it runs. Where
anything else has changed that a step depends on, all recordings are forgotten, and the next steps are recorded anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import config
from minidl.backend import Array
from minidl.data import Batch
from minidl.layers.base import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterGroup
from minidl.training.settings import Settings


class RecordedSteps:
    """The steps of one model on a device that can record.

    Args:
        recorder: the device's.
        compute: the step itself, from a batch to its ``Result``.
        network, loss, optimizer, group: what the step trains and with what.
    """

    def __init__(
        self,
        recorder: Any,
        compute: Callable[[Batch], Any],
        network: Layer,
        loss: Any,
        optimizer: Optimizer,
        group: ParameterGroup,
    ) -> None:
        self.recorder, self.compute = recorder, compute
        self.network, self.loss, self.optimizer, self.group = network, loss, optimizer, group
        self._arranged: int | None = None
        self._settings, self._looked = Settings(), False
        self._fixed: Any = None  # what all recordings were made for

    def train(self, batch: Batch) -> Any:
        """One step's result, as a recording where there is one for batches of this shape."""
        self.optimizer.prepare(self.group)  # the step's numbers travel before it, as a copy from the host is not recorded
        fixed = self._what_is_fixed()
        if fixed != self._fixed:
            self.recorder.forget()
            self._fixed = fixed
        arrays, rebuild = flat(batch)
        shapes = tuple((a.shape, a.dtype.name) for a in arrays)
        places = tuple(_places(column) for column in (batch.x, batch.y, batch.weight))

        def compute(inputs: list[Array]) -> Any:
            before = self.optimizer.iterations
            try:
                return self.compute(rebuild(inputs))
            except Exception:
                self.optimizer.iterations = before  # what could not be recorded was not done
                raise

        result = self.recorder.run((shapes, places), compute, arrays, self._count)
        if not self._looked:  # in their first step layers note things that they look up once
            self._settings.accept()
            self._looked = True
        # The next replay writes to the same place, and losses are collected.
        parts = [None if part is None else part.copy() for part in result.parts]
        return result._replace(loss=result.loss.copy(), parts=parts)

    def _count(self) -> None:
        """What Python remembers of a step that was replayed."""
        self.optimizer.count()

    def _what_is_fixed(self) -> tuple[Any, ...]:
        """Everything a step depends on beside the batch and the numbers in memory.

        The group's arrangement stands for what is trained, which parameters are treated alike, and the coefficients of
        penalties; other settings are noticed where they are assigned.
        """
        if self.group.arrangement != self._arranged:
            terms = [term for p in self.group.parameters for term in (p.regularizer, p.constraint) if term is not None]
            self._settings, self._arranged = Settings(self.network, self.loss, *terms), self.group.arrangement
            self._looked = False
        options = {name: value for name, value in vars(self.optimizer).items() if name not in _OF_EACH_STEP}
        constants = tuple((name, value) for name, value in options.items() if isinstance(value, (int, float, str)))
        of_process = config.kernels(), config.precision(), config.epsilon()
        return self._arranged, self._settings.look(), constants, of_process


_OF_EACH_STEP = ("iterations", "_learning_rate")  # of an optimizer: they reach the device with the step's numbers


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
