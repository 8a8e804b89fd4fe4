"""The GPU: CuPy arrays. The kernels of the ops are looked for in ``minidl.kernels.cuda``; other ops run their references."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minidl import config
from minidl.backend import random
from minidl.backend.base import host_array
from minidl.backend.graphs import Recorder
from minidl.backend.staging import Stager
from minidl.errors import BackendError

Advice = tuple[str, str]
"""What is missing, and the command that mends it."""

_KEEP = 0.25  # of the memory that is free: how much of it a data set may take
_INSTALL = "pip install 'minidl[cuda13]' (or 'minidl[cuda12]' for a driver of CUDA 12)"
_USE_CPU = "or minidl.set_backend('numpy')"


def missing() -> Advice | None:
    """What keeps the GPU from being used, with the command that mends it; None where it can be used."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed", _INSTALL
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        return f"CuPy cannot be imported ({' '.join(str(error).split())})", f"{_INSTALL}, with --force-reinstall"
    runtime = cupy.cuda.runtime
    driver, built_for = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if driver == 0:
        return "NVIDIA's driver is not installed", f"install it (https://www.nvidia.com/drivers), {_USE_CPU}"
    if driver // 1000 < built_for // 1000:
        return f"the driver is of CUDA {_version(driver)}, CuPy of CUDA {_version(built_for)}", (
            f"pip install 'minidl[cuda{driver // 1000}]', or update the driver"
        )
    if not cupy.is_available():
        return "the driver finds no NVIDIA GPU", f"nvidia-smi shows what it sees; {_USE_CPU}"
    try:
        cupy.cuda.nvrtc.getVersion()
    except Exception as error:  # of the library that looks for it, which is not imported here
        return f"CUDA's compiler NVRTC is not found ({type(error).__name__})", _INSTALL
    return None


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def name() -> str:
    """What the current device is called."""
    cupy = importlib.import_module("cupy")
    found: str = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    return found


class GpuBackend:
    """CuPy on the current CUDA device. Raises BackendError where it cannot be used."""

    name = "cupy"
    kernels = "minidl.kernels.cuda"
    precisions: tuple[str, ...] = ("float32", "tf32", "bf16")
    task_size = 1 << 11  # a block of 256 threads takes eight numbers each; a small model still fills several processors
    immediate = False

    def __init__(self) -> None:
        advice = missing()
        if advice:
            raise BackendError(f"The GPU cannot be used: {advice[0]}", fix=advice[1])
        self.xp: ModuleType = importlib.import_module("cupy")
        self.array_type: Any = self.xp.ndarray

    @property
    def device(self) -> str:
        """One line for people."""
        return f"GPU ({name()}, CuPy {self.xp.__version__})"

    def asarray(self, x: Any, dtype: Any = None, where: str = "x") -> Any:
        """``x`` on the GPU: device arrays stay, host arrays are validated as on the CPU and copied."""
        if isinstance(x, self.array_type):
            return x if dtype is None else x.astype(dtype, copy=False)
        return self.xp.asarray(host_array(x, dtype, where))

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

    def address(self, x: Any) -> int:
        """Where the first number stands on the device."""
        return int(x.data.ptr)

    def synchronize(self) -> None:
        """Wait for the current stream."""
        self.xp.cuda.get_current_stream().synchronize()

    def keep(self, arrays: Sequence[np.ndarray]) -> list[Any] | None:
        """A data set's arrays on the device, where they take no more than a quarter of the memory that is free."""
        free, _ = self.xp.cuda.runtime.memGetInfo()
        if sum(a.nbytes for a in arrays) > _KEEP * free:
            return None
        try:
            return [self.xp.asarray(np.ascontiguousarray(a)) for a in arrays]
        except MemoryError:  # free, but in pieces
            return None

    def sender(self) -> Callable[[np.ndarray], Any]:
        """What carries batches to the device while it computes; see ``Stager``."""
        return Stager(self.xp).send

    def recorder(self) -> Recorder | None:
        """A recorder of CUDA graphs, unless they are switched off; "on": also of steps that may do more than launch kernels."""
        return None if config.graphs() == "off" else Recorder(self.xp, all_steps=config.graphs() == "on")

    def release(self) -> None:
        """Give unused memory back, so that another size of batch may find room."""
        self.xp.get_default_memory_pool().free_all_blocks()
