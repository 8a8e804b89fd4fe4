"""Generators and Sequences as Keras 2.1 took them, made into streams of batches for minidl's loops.

Batches are made when they are needed, in the thread that trains; numbers of samples (Keras 1) become numbers of batches.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from minidl.compat.keras.engine import given
from minidl.errors import ArgumentTypeError, described


class Batches:
    """What a generator or Sequence gives, as minidl's loops take it, batch by batch.

    Attributes:
        size: samples of the last batch.
    """

    def __init__(self, model: Any, generator: Any, class_weight: Any, where: str, only_x: bool = False) -> None:
        if not gives_batches(generator):
            raise ArgumentTypeError(where, described(generator), "a generator of batches, or a keras.utils.Sequence")
        self.model, self.generator, self.class_weight = model, generator, class_weight
        self.where, self.only_x, self.size = where, only_x, 0
        self._ahead: list[Any] = []

    def source(self) -> Any:
        """The batches for minidl: by number where there are numbers, else one after the other."""
        return _Numbered(self) if not hasattr(self.generator, "__next__") and _is_numbered(self.generator) else iter(self)

    def __iter__(self) -> Any:
        generator = self.generator if hasattr(self.generator, "__next__") else iter(self.generator)
        self._items = generator
        return self

    def __next__(self) -> Any:
        return self.taken(self._ahead.pop() if self._ahead else next(self._items))

    def taken(self, item: Any) -> Any:
        """One batch as (x, y, weights), or as (x,)."""
        if self.only_x:
            x = item[0] if isinstance(item, tuple) else item
            self.size = given.rows_of(x)
            return (self.model._inputs(x, self.where),)
        x, y, weight = given.parts_of(item, self.where)
        self.size = given.rows_of(x)
        return self.model._arrays(x, y, weight, self.class_weight, self.where)

    def count(self, steps: int | None, argument: str) -> int:
        """The batches of an epoch: those asked for, or all of a Sequence."""
        if steps is not None:
            return steps
        if _is_numbered(self.generator):
            return len(self.generator)
        raise ArgumentTypeError(self.where, f"a generator without {argument}", "how many batches to take", f"{argument}=100")

    def in_passes(self, steps: int) -> int | None:
        """None where an epoch is one pass over a Sequence, else the batches of an epoch."""
        numbered = not hasattr(self.generator, "__next__") and _is_numbered(self.generator)
        return None if numbered and steps == len(self.generator) else steps

    def steps_for(self, samples: Any) -> int:
        """How many batches have so many samples."""
        size = getattr(self.generator, "batch_size", None)
        if not isinstance(size, (int, np.integer)):
            generator = self.generator if hasattr(self.generator, "__next__") else iter(self.generator)
            self.generator = generator
            self._ahead.append(next(generator))
            item = self._ahead[0]
            size = given.rows_of(item[0] if isinstance(item, tuple) else item)
        return max(ceil(samples / int(size)), 1)


class _Numbered:
    """The batches of a Sequence by their numbers."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches.generator)

    def __getitem__(self, index: int) -> Any:
        return self._batches.taken(self._batches.generator[index])

    def on_epoch_end(self) -> None:
        """Tell the Sequence."""
        getattr(self._batches.generator, "on_epoch_end", lambda: None)()


def gives_batches(data: Any) -> bool:
    """Whether ``data`` are batches that come one after the other, or by number; no arrays."""
    if isinstance(data, _ARRAYS):
        return False
    return hasattr(data, "__next__") or hasattr(data, "__iter__") or _is_numbered(data)


def _is_numbered(data: Any) -> bool:
    return hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, _ARRAYS)


_ARRAYS = (list, tuple, dict, np.ndarray, str)
