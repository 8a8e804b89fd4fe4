"""The CPU: NumPy arrays, a recycling memory pool, kernels written in Numba."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import config
from minidl.backend import random
from minidl.backend.base import host_array
from minidl.backend.memory import Pool
from minidl.backend.tape import Recorder


class CpuBackend:
    """NumPy on this machine's processor."""

    name = "numpy"
    xp: Any = np
    array_type: Any = np.ndarray
    kernels = "minidl.kernels.numba"
    precisions: tuple[str, ...] = ("float32",)
    task_size = 1 << 15  # long enough to be worth a thread's waking
    immediate = True

    def __init__(self) -> None:
        self.pool = Pool()

    @property
    def device(self) -> str:
        """One line for people."""
        return f"CPU ({platform.machine()}, NumPy {np.__version__})"

    def asarray(self, x: Any, dtype: Any = None, where: str = "x") -> np.ndarray:
        """``x`` as a NumPy array of ``dtype``: itself where it already is one, a converted copy otherwise."""
        return host_array(x, dtype, where)

    def to_numpy(self, x: np.ndarray) -> np.ndarray:
        """``x`` itself."""
        return np.asarray(x)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Uninitialised memory from the pool."""
        return self.pool.empty(shape, dtype)

    def random_words(self, key: tuple[int, int], counter: tuple[int, int, int], count: int) -> np.ndarray:
        """Random words, see ``backend.random.words``."""
        return random.words(key, counter, count)

    def contiguous(self, x: np.ndarray) -> np.ndarray:
        """``x`` in C order."""
        return x if x.flags.c_contiguous else np.ascontiguousarray(x)

    def address(self, x: np.ndarray) -> int:
        """Where the first number stands."""
        return x.ctypes.data

    def synchronize(self) -> None:
        """Nothing to wait for: NumPy computes before it returns."""

    def keep(self, arrays: Sequence[np.ndarray]) -> None:
        """None: host arrays are where they are needed."""

    def sender(self) -> Callable[[np.ndarray], np.ndarray]:
        """The identity."""
        return np.asarray

    def recorder(self) -> Recorder | None:
        """A recorder of tapes, unless they are switched off."""
        return Recorder() if config.graphs() != "off" else None

    def release(self) -> None:
        """Give the pool's free blocks back."""
        self.pool.clear()
