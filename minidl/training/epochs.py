"""Which batches belong to an epoch: one pass over arrays or a stream, or so many steps that go on from pass to pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from minidl.checks import check_integer
from minidl.data import ArrayData, Batch, StreamData
from minidl.data.batches import Batches
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.training.memory import explain_out_of_memory

Data = ArrayData | StreamData


def batches_of(
    data: Data, batch_size: int | None, order: np.ndarray | None = None, number: int = 0
) -> Generator[Batch, None, None]:
    """The batches of pass ``number`` on the device, with words for a memory that is full on the way there."""
    if isinstance(data, StreamData):
        with closing(data.pieces(number, order)) as pieces:
            for piece in pieces:
                yield explain_out_of_memory(data.send, len(piece), piece)
        return
    assert batch_size is not None
    yield from _explained(data.batches(batch_size, order), batch_size)


def _explained(batches: Batches, batch_size: int) -> Generator[Batch, None, None]:
    """The batches, with words for a memory that is full."""
    while (batch := explain_out_of_memory(next, batch_size, batches, None)) is not None:
        yield batch


def steps_in_epoch(data: Data, batch_size: int | None, steps: int | None = None) -> int | None:
    """The number of batches in an epoch: ``steps`` where given, else those of a pass; None where that is not known."""
    return steps or data.steps(batch_size)


class Epochs:
    """The batches of one epoch after the other.

    An epoch is one pass over the data. With ``steps`` it is so many batches instead: it goes on where the last one stopped,
    and where the data end the next pass begins, unless they are an iterator, which cannot begin again.

    Args:
        data: arrays or a stream.
        batch_size: of arrays.
        steps: batches of an epoch, or None.
        order_of: gives the order of pass p, for data whose order may be shuffled.
        first_pass: the number of the first pass.

    Attributes:
        ended: whether the data had fewer batches than the last epoch was to have, or none.
        rows: the batches of this epoch, where it is one pass over arrays: some may be skipped.
    """

    def __init__(
        self,
        data: Data,
        batch_size: int | None,
        steps: int | None = None,
        order_of: Callable[[int], np.ndarray] | None = None,
        first_pass: int = 0,
    ) -> None:
        self.data, self.batch_size, self._steps, self._order_of = data, batch_size, steps, order_of
        self._pass, self.ended = first_pass, False
        self.rows: Batches | None = None
        self._open: Generator[Batch, None, None] | None = None  # the pass that the last epoch stopped in

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        return steps_in_epoch(self.data, self.batch_size, self._steps)

    def epoch(self) -> Generator[Batch, None, None]:
        """The batches of the next epoch."""
        if self._steps is None:
            with closing(self._next_pass()) as batches:
                self.ended = True
                for batch in batches:
                    self.ended = False
                    yield batch
            return
        for _ in range(self._steps):
            following = self._next_batch()
            if following is None:
                self.ended = True
                return
            yield following

    def close(self) -> None:
        """End the pass that the last epoch stopped in, and what the data have begun."""
        if self._open is not None:
            self._open.close()
            self._open = None
        if isinstance(self.data, StreamData):
            self.data.close()

    def _next_pass(self) -> Generator[Batch, None, None]:
        number, self._pass = self._pass, self._pass + 1
        order = None if self._order_of is None else self._order_of(number)
        if isinstance(self.data, StreamData) or self._steps is not None:
            return batches_of(self.data, self.batch_size, order, number)
        assert self.batch_size is not None
        self.rows = self.data.batches(self.batch_size, order)
        return _explained(self.rows, self.batch_size)

    def _next_batch(self) -> Batch | None:
        """The next batch of this pass, or the first of the next one; None where there is none."""
        batch = None if self._open is None else next(self._open, None)
        begun_once = self._open is not None and isinstance(self.data, StreamData) and self.data.once
        if batch is None and not begun_once:
            self._open = self._next_pass()
            batch = next(self._open, None)
        return batch


def one_pass(data: Data, batch_size: int | None, steps: int | None = None) -> Generator[Batch, None, None]:
    """The batches of the data as they stand, or the first ``steps`` of them."""
    if steps is None and isinstance(data, ArrayData):
        return batches_of(data, batch_size)
    return _first_batches(data, batch_size, steps)


def _first_batches(data: Data, batch_size: int | None, steps: int | None) -> Generator[Batch, None, None]:
    try:
        with closing(batches_of(data, batch_size)) as batches:
            yield from batches if steps is None else islice(batches, steps)
    finally:
        if isinstance(data, StreamData):
            data.close()


# -- arguments of fit ----------------------------------------------------------------------------------------------------


def check_passes(where: str, data: Data, passes: int, steps: int | None, name: str) -> None:
    """Raise ArgumentError for an iterator that is to be gone through more than once; ``name`` is the argument for steps."""
    if isinstance(data, StreamData) and data.once and passes > 1 and steps is None:
        received = f"{data.name} for {passes} passes, which can be gone through only once"
        fix = f"Dataset.from_generator(function) with the function that makes it, or {name}=..."
        raise ArgumentError(where, received, "data that can begin again, or the number of batches that are a pass", fix)


def check_validation_freq(value: Any) -> int | Collection[int]:
    """``validation_freq`` as ``fit`` takes it: every so many epochs, or a list of epochs counted from 1."""
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [check_integer("fit", "validation_freq", epoch) for epoch in value]
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        fix = "validation_freq=2, or validation_freq=[1, 5, 10]"
        raise ArgumentTypeError("fit", f"validation_freq={value!r}", "a positive integer, or a list of epochs", fix)
    return check_integer("fit", "validation_freq", value)


def validates(epoch: int, validation_freq: int | Collection[int]) -> bool:
    """Whether there is a validation after this epoch, which is counted from 0 here and from 1 in ``validation_freq``."""
    return (epoch + 1) % validation_freq == 0 if isinstance(validation_freq, int) else epoch + 1 in validation_freq
