"""The GPU: CuPy arrays. Every op runs there through its reference; fast twins are looked for in ``minidl.kernels.cuda``."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend import random
from minidl.backend.base import door
from minidl.errors import BackendError

Advice = tuple[str, str]
"""What is missing, and the command that mends it."""


def missing() -> Advice | None:
    """What keeps the GPU from being used, with the command that mends it; None where it can be used."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed", "pip install 'minidl[cuda13]' (or 'minidl[cuda12]' for an older driver)"
    cupy = importlib.import_module("cupy")
    if not cupy.is_available():
        return "CuPy finds no NVIDIA GPU or driver", "install NVIDIA's driver, or use minidl.set_backend('numpy')"
    return None


class GpuBackend:
    """CuPy on the current CUDA device. Raises BackendError where it cannot be used."""

    name = "cupy"
    kernels = "minidl.kernels.cuda"

    def __init__(self) -> None:
        advice = missing()
        if advice:
            raise BackendError("The GPU cannot be used", advice[0], "CuPy and an NVIDIA GPU", advice[1])
        self.xp: ModuleType = importlib.import_module("cupy")
        self.array_type: Any = self.xp.ndarray

    @property
    def device(self) -> str:
        """One line for people."""
        properties = self.xp.cuda.runtime.getDeviceProperties(self.xp.cuda.Device().id)
        return f"GPU ({properties['name'].decode()}, CuPy {self.xp.__version__})"

    def asarray(self, x: Any, dtype: Any = None, where: str = "x") -> Any:
        """``x`` on the GPU: device arrays stay, host arrays pass the same door as on the CPU and travel."""
        if isinstance(x, self.array_type):
            return x if dtype is None else x.astype(dtype, copy=False)
        return self.xp.asarray(door(x, dtype, where))

    def to_numpy(self, x: Any) -> np.ndarray:
        """``x`` copied to the host."""
        return self.xp.asnumpy(x)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Uninitialised memory; CuPy's own pool recycles it."""
        return self.xp.empty(shape, dtype)

    def random_words(self, key: tuple[int, int], counter: tuple[int, int, int], count: int) -> Any:
        """The host's words, copied: the same draws on every device."""
        return self.xp.asarray(random.words(key, counter, count))

    def contiguous(self, x: Any) -> Any:
        """``x`` in C order."""
        return self.xp.ascontiguousarray(x) if x.ndim else x

    def synchronize(self) -> None:
        """Wait for the current stream."""
        self.xp.cuda.get_current_stream().synchronize()
