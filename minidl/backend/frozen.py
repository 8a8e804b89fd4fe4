"""Weights that stay as they are: what kernels make of them, packed or transformed, is made once.

A kernel asks ``prepared(W, key, make)``. While a predictor computes, and W is one of its weights, ``make()`` is called the
first time only; everywhere else it is called each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import numpy as np

from minidl.backend.tape import current

Made = TypeVar("Made")

LARGEST = 16 << 20  # bytes of a weight that is prepared: of larger ones a second copy costs more than it saves
_of_thread = threading.local()


class Frozen:
    """Weights that nobody changes any more, and what was made of them; any number of threads may use it."""

    def __init__(self, weights: Iterable[Any]) -> None:
        """Arrays of other devices are left aside."""
        of_cpu = [a for a in weights if isinstance(a, np.ndarray)]
        self._known = {a.ctypes.data: a for a in of_cpu if _is_taken(a)}  # held, so that no other array stands there
        self._made: dict[Hashable, Any] = {}

    def arrays(self) -> list[np.ndarray]:
        """All arrays that were made."""
        return [made for made in list(self._made.values()) if isinstance(made, np.ndarray)]

    def place(self, weights: np.ndarray) -> Hashable:
        """What tells these weights from others; None where they are none of ours."""
        address = weights.ctypes.data
        return (address, weights.shape) if address in self._known and _is_taken(weights) else None

    def made(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make()`` gave for this key. A recording takes no note of it: it is not made again."""
        if key not in self._made:
            tape = current()
            self._made[key] = make() if tape is None else tape.unheard(make, (), {})
        return self._made[key]


def _is_taken(weights: np.ndarray) -> bool:
    return weights.nbytes <= LARGEST and weights.flags.c_contiguous


def use(frozen: Frozen | None) -> Frozen | None:
    """From now on this thread computes with these weights; returns those before, to be put back."""
    before: Frozen | None = getattr(_of_thread, "frozen", None)
    _of_thread.frozen = frozen
    return before


def is_frozen(weights: np.ndarray) -> bool:
    """Whether what is made of these weights now will be kept."""
    frozen = getattr(_of_thread, "frozen", None)
    return frozen is not None and frozen.place(weights) is not None


def prepared(weights: np.ndarray, key: Hashable, make: Callable[[], Made]) -> Made:
    """``make()``, which depends on the weights and the key alone: made once where the weights are frozen.

    >>> W = np.ones((2, 2))
    >>> before, made = use(Frozen([W])), []
    >>> [prepared(W, "a copy", lambda: made.append(W.copy())) for _ in range(3)]
    [None, None, None]
    >>> len(made), use(before) is None
    (1, False)
    """
    frozen: Frozen | None = getattr(_of_thread, "frozen", None)
    place = None if frozen is None else frozen.place(weights)
    return make() if frozen is None or place is None else frozen.made((place, key), make)
