"""Dropout in one pass: random words for a share at a time, used while they are in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.random import DROP
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._philox import philox
from minidl.kernels.numba._runs import new_run

CHUNK = 1 << 12  # elements of one task: half as many random numbers of 64 bits, and a multiple of the eight of a block


@replays
def dropout(x: Any, rate: float, key: tuple[int, int], step: Any, call: int, mask_shape: tuple[int, ...]) -> Any:
    """Kernel of ``ops.dropout.dropout``; a mask that is shared along an axis is left to the reference."""
    if x.dtype not in FLOATS or tuple(mask_shape) != x.shape or not x.size:
        return NotImplemented
    y, mask = CPU.pool.empty(x.shape, x.dtype), CPU.pool.empty(x.shape, np.bool_)
    threshold = np.uint32(min(round(rate * 2**32), 2**32 - 1))
    address = (np.uint64(key[0]), np.uint64(key[1])), step, np.uint64(call)
    _on_threads(x.reshape(-1), y.reshape(-1), mask.reshape(-1), *address, threshold, _factor(rate, x))
    return y, mask


@replays
def dropout_grad(dy: Any, mask: Any, rate: float) -> Any:
    """Kernel of ``ops.dropout.dropout_grad``."""
    if dy.dtype not in FLOATS or mask.dtype != np.bool_ or mask.shape != dy.shape:
        return NotImplemented
    dx = CPU.pool.empty(dy.shape, dy.dtype)
    arguments = dy.reshape(-1), mask.reshape(-1), dx.reshape(-1), _factor(rate, dy)
    _grad_on_threads(*arguments)
    return dx


def _factor(rate: float, x: Any) -> Any:
    return x.dtype.type(1 / (1 - rate) if rate < 1 else 0.0)


@inner
def _share(first, last, x, y, mask, key, counter, threshold, factor):  # type: ignore[no-untyped-def]
    numbers = new_run(CHUNK // 2, np.uint64)
    words = numbers.view(np.uint32)  # the low half of each first
    for chunk in range(first, last):
        begin, end = chunk * CHUNK, (chunk + 1) * CHUNK
        x_part, y_part, mask_part = x[begin:end], y[begin:end], mask[begin:end]
        blocks = (len(x_part) + 7) // 8
        philox(chunk * (CHUNK // 8), numbers[: 4 * blocks], key, counter)
        for i in range(len(x_part)):
            keep, scaled = words[i] >= threshold, x_part[i] * factor
            mask_part[i] = keep
            y_part[i] = scaled if keep else 0


@compiled
def _on_threads(x, y, mask, key, step, call, threshold, factor):  # type: ignore[no-untyped-def]
    counter = np.uint64(step[0]), call, np.uint64(DROP)  # of the step that is made now: a recorded one is called again
    in_parallel(_share, (len(x) + CHUNK - 1) // CHUNK, (x, y, mask, key, counter, threshold, factor))


@inner
def _grad_share(first, last, dy, mask, dx, factor):  # type: ignore[no-untyped-def]
    begin, end = first * CHUNK, last * CHUNK
    dy, mask, dx = dy[begin:end], mask[begin:end], dx[begin:end]
    for i in range(len(dy)):
        scaled = dy[i] * factor
        dx[i] = scaled if mask[i] else 0


@compiled
def _grad_on_threads(dy, mask, dx, factor):  # type: ignore[no-untyped-def]
    in_parallel(_grad_share, (len(dy) + CHUNK - 1) // CHUNK, (dy, mask, dx, factor))
