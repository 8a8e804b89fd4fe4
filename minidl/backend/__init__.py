"""Where arrays live: devices, the memory pool, random numbers, and the way from an op to its kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl import config
from minidl.backend.base import Array, Backend
from minidl.backend.dispatch import CPU, array_namespace, backend_of, op, op_elementwise, op_of_ops, op_on_rows, register
from minidl.backend.table import ArrayTable, RowTable
from minidl.backend.threads import get_threads, set_threads, use_threads
from minidl.errors import ArgumentError, closest

__all__ = [
    "Array",
    "ArrayTable",
    "Backend",
    "RowTable",
    "array_namespace",
    "backend_of",
    "current",
    "get_threads",
    "number",
    "numbers",
    "op",
    "op_elementwise",
    "op_of_ops",
    "op_on_rows",
    "set_backend",
    "set_threads",
    "use_backend",
    "use_threads",
]

_backends: dict[str, Backend] = {"numpy": CPU}
_asked_environment = False
_said: set[str] = set()  # by "auto", which says once what it took


def current() -> Backend:
    """The backend in use: the one set, else the one named by the variable MINIDL_BACKEND, else NumPy."""
    global _asked_environment
    if not _asked_environment:
        wanted = os.environ.get("MINIDL_BACKEND")
        if wanted:
            set_backend(wanted)
        _asked_environment = True
    return _backends[config.backend()]


def set_backend(name: str) -> None:
    """Use ``"numpy"``, ``"cupy"`` or ``"auto"`` (the GPU where there is one, and a line says which was taken) from now on.

    Raises ArgumentError for another name and BackendError where the GPU cannot be used; it never falls back in silence.
    """
    global _asked_environment
    config.set_backend_name(_resolve(name))
    _asked_environment = True


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Use a backend inside the block; arguments and errors as for ``set_backend``."""
    with config.use_backend_name(_resolve(name)):
        yield


def number(x: Any) -> float:
    """One number on the host: where ``x`` lives on a GPU, this waits until it has been computed."""
    return float(x) if isinstance(x, (float, np.ndarray, np.generic)) else numbers([x])[0]


def numbers(xs: Sequence[Any]) -> list[float]:
    """Single numbers on the host, all together in one wait and one copy where they live on a GPU."""
    if all(isinstance(x, (int, float, np.generic, np.ndarray)) for x in xs):
        return [float(x) for x in xs]
    backend = backend_of(xs[0])
    return backend.to_numpy(backend.xp.stack(xs)).tolist()


def _resolve(name: str) -> str:
    if name not in ("numpy", "cupy", "auto"):
        meant = closest(name, ("numpy", "cupy", "auto"), {"cpu": "numpy", "gpu": "cupy", "cuda": "cupy"})
        raise ArgumentError("minidl.set_backend", repr(name), "'numpy', 'cupy' or 'auto'", meant=meant)
    if name == "numpy":
        return name
    from minidl.backend import gpu

    if name == "auto":
        advice = gpu.missing()
        said = f"minidl: using the {'GPU' if advice is None else f'CPU ({advice[0]})'}"
        if said not in _said:
            _said.add(said)
            print(said)
        name = "numpy" if advice else "cupy"
    if name not in _backends:
        backend = gpu.GpuBackend()
        register(backend)
        _backends[name] = backend
    return name
