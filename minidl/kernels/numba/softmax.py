"""Softmax over the last axis, row by row: the logits are read from memory once."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._softmax import CHUNK, scratch_of, softmax_rows
from minidl.kernels.numba._vector import LANES, load, splat, store, total


@replays
def softmax(x: Any) -> Any:
    """Kernel of ``ops.softmax.softmax``."""
    if x.dtype not in FLOATS or not x.ndim or not x.size:
        return NotImplemented
    y = CPU.pool.empty(x.shape, x.dtype)
    classes = x.shape[-1]
    _softmax_on_threads(x.reshape(-1), y.reshape(-1), classes, max(CHUNK // classes, 1))
    return y


@replays
def softmax_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.softmax.softmax_grad``."""
    if dy.dtype not in FLOATS or dy.dtype != y.dtype or dy.shape != y.shape or not dy.ndim or not dy.size:
        return NotImplemented
    dx = CPU.pool.empty(dy.shape, dy.dtype)
    classes = dy.shape[-1]
    _gradient_on_threads(dy.reshape(-1), y.reshape(-1), dx.reshape(-1), classes, max(CHUNK // classes, 1))
    return dx


@inner
def _softmax_share(first, last, x, y, classes, rows):  # type: ignore[no-untyped-def]
    scratch = scratch_of(x, rows, classes)
    for block in range(first, last):
        softmax_rows(x, y, block * rows, min((block + 1) * rows, len(x) // classes), classes, scratch)


@compiled
def _softmax_on_threads(x, y, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_softmax_share, (len(x) // classes + rows - 1) // rows, (x, y, classes, rows))


@inner
def _gradient_share(first, last, dy, y, dx, classes, rows):  # type: ignore[no-untyped-def]
    few = classes % LANES
    for row in range(first * rows, min(last * rows, len(dy) // classes)):
        part, stop = splat(dy, 0), (row + 1) * classes - few
        for at in range(row * classes, stop, LANES):
            part = part + load(dy, at, LANES, 0) * load(y, at, LANES, 0)
        if few:
            part = part + load(dy, stop, few, 0) * load(y, stop, few, 0)
        mean = total(part)
        for at in range(row * classes, stop, LANES):
            store(dx, at, LANES, load(y, at, LANES, 0) * (load(dy, at, LANES, 0) - mean))
        if few:
            store(dx, stop, few, load(y, stop, few, 0) * (load(dy, stop, few, 0) - mean))


@compiled
def _gradient_on_threads(dy, y, dx, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_gradient_share, (len(dy) // classes + rows - 1) // rows, (dy, y, dx, classes, rows))
