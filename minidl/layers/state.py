"""What a layer remembers from step to step and never trains: running statistics, counters, the states of recurrent layers."""

from __future__ import annotations

from typing import Any

from minidl.parameters import Parameter


class State(Parameter):
    """An array that is saved with the weights; it changes by ``context.update`` and never by an optimizer.

    >>> import numpy as np
    >>> mean = State(np.zeros(2), "mean")
    >>> mean.trainable = True; mean.trainable
    False
    """

    @property
    def trainable(self) -> bool:
        """Always False: freezing and thawing a layer does not concern its state."""
        return False

    @trainable.setter
    def trainable(self, value: Any) -> None:
        pass


class Carried:
    """A state that goes on from batch to batch, a row for each sample: no weight, and of no size before the first batch.

    It changes by ``context.update``, as a ``State`` does, and by ``reset``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._size: int | None = None  # of the batches; None at the start
        self._arrays: dict[int, Any] = {}  # of each size one that stays: a recorded step knows it by its address

    @property
    def value(self) -> Any:
        """What the last pass left, (n, ...); None at the start."""
        return None if self._size is None else self._arrays[self._size]

    def take(self, new: Any) -> None:
        """``new`` in place of the value; None: the start."""
        if new is None:
            return self.reset()
        old, self._size = self._arrays.get(len(new)), len(new)
        if old is not None and type(old) is type(new) and (old.shape, old.dtype) == (new.shape, new.dtype):
            old[...] = new
        else:
            self._arrays[self._size] = new.copy()

    def reset(self) -> None:
        """The start: the next batch begins with zeros, and may be of any size."""
        self._size = None
        for array in self._arrays.values():
            array[...] = 0
