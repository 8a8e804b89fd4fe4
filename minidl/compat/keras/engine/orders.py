"""``fit(shuffle="batch")``: the batches come in a new order, and the samples of a batch stay together, as files like it."""

from __future__ import annotations

from typing import Any

import numpy as np


class OrderOfBatches:
    """A stream of random numbers that gives orders in which samples of a batch stay together: ``shuffle="batch"``."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream, self._size = stream, size

    def generator(self, *address: Any, **named: Any) -> Any:
        """What draws an order."""
        self._generator = self._stream.generator(*address, **named)
        return self

    def permutation(self, count: int) -> np.ndarray:
        """The numbers 0 to count - 1, whole batches in a new order; what is left of the last one comes last."""
        whole = count // self._size * self._size
        batches = np.arange(whole).reshape(-1, self._size)
        order = self._generator.permutation(len(batches))
        return np.append(batches[order].reshape(-1), np.arange(whole, count))
