"""A strict stand-in for CuPy on NumPy: it refuses what CuPy refuses, and more, so that code for the GPU is tried without one.

* Host arrays, lists and implicit conversions (``float(x)``, ``if x:``, ``for row in x``) are refused where a device array is
  meant; what has to wait for the device is counted, and refused while ``device.no_waiting()`` holds.
* Names that CuPy 14 lacks are missing here too (names.txt, ndarray_names.txt).
* Memory is poisoned with NaN and fenced; the n-th allocation can be made to fail.
* ``RawModule`` compiles the real kernels with g++ and runs them on the CPU (tests/gpu/on_cpu.py).

``with stand_in():`` makes it the module ``cupy`` of this process.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.gpu.on_cpu import RawModule
from tests.gpu.strict_cupy.array import call, ndarray, upload
from tests.gpu.strict_cupy.device import OutOfMemoryError, device
from tests.gpu.strict_cupy.streams import cuda

HERE = Path(__file__).parent
NAMES = {line for line in (HERE / "names.txt").read_text().splitlines() if not line.startswith("#")}
HOST_VALUES = (type, np.dtype, float, int, type(None), np.generic)  # float32, inf, pi, newaxis


class StrictModule(types.ModuleType):
    """The module ``cupy``."""

    __version__ = "14.2.0"
    ndarray = ndarray
    RawModule = RawModule
    cuda = cuda
    finfo, iinfo, dtype = np.finfo, np.iinfo, np.dtype

    def __getattr__(self, name: str) -> Any:
        if name not in NAMES:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        value = getattr(np, name, None)
        if name == "newaxis" or isinstance(value, HOST_VALUES[:4]):
            return value
        if not callable(value):
            raise NotImplementedError(f"the stand-in has no {name} yet")

        def function(*args: Any, **kwargs: Any) -> Any:
            return call(value, args, kwargs)

        if name in ("add", "subtract", "maximum", "minimum"):  # the ufuncs whose ``at`` CuPy has
            function.at = lambda *args: call(value.at, args, {})  # type: ignore[attr-defined]
        return function

    def is_available(self) -> bool:
        return True

    def empty(self, shape: Any, dtype: Any = float) -> ndarray:
        return ndarray(device.allocate(shape if isinstance(shape, tuple) else (shape,), dtype))

    def empty_like(self, x: ndarray, dtype: Any = None) -> ndarray:
        return self.empty(x.shape, x.dtype if dtype is None else dtype)

    def asarray(self, x: Any, dtype: Any = None) -> ndarray:
        if isinstance(x, ndarray):
            return x if dtype is None else x.astype(dtype, copy=False)
        return upload(np.asarray(x, dtype))

    array = asarray

    def get_default_memory_pool(self) -> Any:
        def free_all_blocks() -> None:
            device.released += 1

        return types.SimpleNamespace(free_all_blocks=free_all_blocks)

    def asnumpy(self, x: ndarray) -> np.ndarray:
        return x.get()


cupy = StrictModule("cupy")
cupy.__spec__ = importlib.machinery.ModuleSpec("cupy", None)


@contextmanager
def stand_in() -> Iterator[StrictModule]:
    """Let ``import cupy`` find the stand-in, and forget at the end what minidl made with it."""
    from minidl import backend
    from minidl.backend import dispatch

    before = sys.modules.get("cupy")
    known, types_known = dict(backend._backends), dict(dispatch._backend_of_type)
    sys.modules["cupy"] = cupy
    backend._backends.pop("cupy", None)
    device.reset()
    try:
        yield cupy
    finally:
        device.reset()
        for table, content in ((backend._backends, known), (dispatch._backend_of_type, types_known)):
            table.clear()
            table.update(content)
        if before is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = before


__all__ = ["NAMES", "OutOfMemoryError", "RawModule", "StrictModule", "cuda", "cupy", "device", "ndarray", "stand_in"]
