"""Dropout on the GPU: the mask is drawn there, from the same numbers as on the CPU; nothing waits for the counter."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.backend.random import DROP
from minidl.kernels.cuda._module import Module, alike, blocks, width

_module = Module("dropout.cu")


def dropout(x: Any, rate: float, key: tuple[int, int], step: Any, call: int, mask_shape: tuple[int, ...]) -> Any:
    """Kernel of ``ops.dropout.dropout``."""
    if not alike(x) or step.dtype != "int64" or step.size != 1:
        return NotImplemented
    backend, count = backend_of(x), prod(mask_shape)
    mask = backend.empty(tuple(mask_shape), "bool")
    together = tuple(mask_shape) == tuple(x.shape)
    y = backend.empty(x.shape, x.dtype) if together else None
    threshold = min(round(rate * 2**32), 2**32 - 1)
    draw = (*key, call, DROP, threshold, _scale(rate))
    arrays = x if together else None, y, mask
    _module("dropout", x, blocks(-(-count // 8)), *arrays, step, *draw, count, WIDTH=width((count,), x, y, mask))
    return (y if together else dropout_grad(x, mask, rate)), mask


def dropout_grad(dy: Any, mask: Any, rate: float) -> Any:
    """Kernel of ``ops.dropout.dropout_grad``."""
    if not alike(dy) or mask.dtype != "bool":
        return NotImplemented
    backend = backend_of(dy)
    if mask.shape != dy.shape:
        mask = backend.contiguous(backend.xp.broadcast_to(mask, dy.shape))
    dx = backend.empty(dy.shape, dy.dtype)
    together = width((dy.size,), dy, mask, dx)
    groups = dy.size // together
    _module("dropout_grad", dy, blocks(groups), dy, mask, dx, _scale(rate), groups, WIDTH=together)
    return dx


def _scale(rate: float) -> float:
    return 1 / (1 - rate) if rate < 1 else 0.0
