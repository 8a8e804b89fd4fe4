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
    if x.dtype not in FLOATS or not all(type(number) in (float, int) for number in (scale, offset)):
        return NotImplemented  # NumPy's own numbers bring a type with them
    y = CPU.pool.empty(x.shape, x.dtype)
    _on_threads(x.reshape(-1), y.reshape(-1), float(scale), float(offset))
    return y


@inner
def _share(first, last, x, y, scale, offset):  # type: ignore[no-untyped-def]
    x, y = x[first * CHUNK : last * CHUNK], y[first * CHUNK : last * CHUNK]
    for i in range(len(x)):
        y[i] = x[i] * scale + offset


@compiled
def _on_threads(x, y, scale, offset):  # type: ignore[no-untyped-def]
    number = x.dtype.type  # here, where one that is too large is infinite without a word
    in_parallel(_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, number(scale), number(offset)))
