"""Numbers on another scale, in one pass."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel

CHUNK = 1 << 14  # numbers of one task


@replays
def rescale(x: Any, scale: float, offset: float) -> Any:
    """Kernel of ``ops.rescaling.rescale``."""
    if x.dtype not in FLOATS or not x.size:
        return NotImplemented
    y = CPU.pool.empty(x.shape, x.dtype)
    _on_threads(x.reshape(-1), y.reshape(-1), x.dtype.type(scale), x.dtype.type(offset))
    return y


@inner
def _share(first, last, x, y, scale, offset):  # type: ignore[no-untyped-def]
    x, y = x[first * CHUNK : last * CHUNK], y[first * CHUNK : last * CHUNK]
    for i in range(len(x)):
        y[i] = x[i] * scale + offset


@compiled
def _on_threads(x, y, scale, offset):  # type: ignore[no-untyped-def]
    in_parallel(_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, scale, offset))
