"""Random words of many addresses: one short run of Philox for each row."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import compiled
from minidl.kernels.numba._philox import philox


def words_at(addresses: Any, key: tuple[int, int], use: int, count: int) -> Any:
    """Kernel of ``ops.addressed.words_at``."""
    if addresses.dtype != np.uint64 or not len(addresses):
        return NotImplemented
    words = CPU.pool.empty((len(addresses), count), np.uint32)
    _draw(addresses, (np.uint64(key[0]), np.uint64(key[1])), np.uint64(use), words, -(-count // 8))
    return words


@compiled
def _draw(addresses, key, use, words, blocks):  # type: ignore[no-untyped-def]
    numbers = np.empty(4 * blocks, np.uint64)
    halves = numbers.view(np.uint32)  # the low half of each first
    for row in range(len(addresses)):
        philox(0, numbers, key, (addresses[row, 0], addresses[row, 1], use))
        for k in range(words.shape[1]):
            words[row, k] = halves[k]
