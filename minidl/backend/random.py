"""The one random generator: Philox 4x64-10, a counter put through a keyed bijection (Salmon et al., SC 2011).

Nothing is drawn "next": every number has an address, so the same seed gives the same draws on any device, thread count
and order of evaluation. NumPy's ``numpy.random.Philox`` is the reference:

    key      (seed, stream)          one stream per layer, taken when it is built, and one per model for shuffling
    counter  (block, step, call, use)    which training step, which use of the layer within it, what the draw is for
    word i   the 32-bit half i % 2 (low half first) of the 64-bit output i // 2

Uniform numbers come from a word by an integer shift; normal numbers are drawn on the host by ``numpy.random.Generator``.

>>> set_seed(7); a = new_stream().generator(INITIALISE).normal()
>>> set_seed(7); b = new_stream().generator(INITIALISE).normal()
>>> a == b
True
"""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass

import numpy as np

from minidl.errors import ArgumentError, ArgumentTypeError

DROP, INITIALISE, SHUFFLE, SAMPLE, NOISE = 0, 1, 2, 3, 4  # the last counter word: what a draw is for

_lock = threading.Lock()
_seed: int | None = None
_numbers = itertools.count()


def set_seed(seed: int) -> None:
    """Start all randomness of this process from ``seed``: initial weights, shuffling and dropout of everything built after it.

    Raises ArgumentTypeError for anything but an integer, ArgumentError outside 0 <= seed < 2**64.
    """
    global _seed, _numbers
    seed = check_seed(seed, "minidl.set_seed")
    with _lock:
        _seed, _numbers = seed, itertools.count()


def get_seed() -> int:
    """The seed in force; where none was set, one drawn from the operating system at first use."""
    global _seed
    with _lock:
        if _seed is None:
            _seed = int.from_bytes(os.urandom(4), "little")
        return _seed


def check_seed(seed: object, where: str) -> int:
    """``seed`` as an integer in range; raises as ``set_seed`` does."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ArgumentTypeError(where, f"seed={seed!r} of type {type(seed).__name__}", "an integer")
    seed = int(seed)
    if not 0 <= seed < 2**64:
        raise ArgumentError(where, f"seed={seed}", "0 <= seed < 2**64")
    return seed


@dataclass(frozen=True)
class Stream:
    """An endless table of random numbers, addressed by step, call and use."""

    seed: int
    number: int

    @property
    def key(self) -> tuple[int, int]:
        """The generator's key."""
        return self.seed, self.number

    def generator(self, use: int, step: int = 0, call: int = 0) -> np.random.Generator:
        """A NumPy generator that starts at this address."""
        return np.random.Generator(_philox(self.key, (step, call, use)))


def new_stream() -> Stream:
    """The next stream of the seed in force."""
    seed = get_seed()
    with _lock:
        return Stream(seed, next(_numbers))


def words(key: tuple[int, int], counter: tuple[int, int, int], count: int) -> np.ndarray:
    """``count`` uniform 32-bit words at counter (step, call, use): the reference that every fast version is held to.

    >>> words((1, 2), (0, 0, 0), 3).dtype
    dtype('uint32')
    """
    raw = _philox(key, counter).random_raw((count + 1) // 2)
    return np.asarray(raw, "<u8").view("<u4")[:count]


def _philox(key: tuple[int, int], counter: tuple[int, int, int]) -> np.random.Philox:
    return np.random.Philox(key=np.array(key, np.uint64), counter=np.array((0, *counter), np.uint64))
