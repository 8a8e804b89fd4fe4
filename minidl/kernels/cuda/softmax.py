"""Softmax on the GPU: a warp for each row, or a part of it where rows are short."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike
from minidl.kernels.cuda._rows import lanes, row_blocks

_module = Module("softmax.cu")


def softmax(x: Any) -> Any:
    """Kernel of ``ops.softmax.softmax``."""
    if not alike(x) or not x.ndim or not x.shape[-1]:
        return NotImplemented
    rows = prod(x.shape[:-1])
    y = backend_of(x).empty(x.shape, x.dtype)
    together = lanes(x.shape[-1])
    _module("softmax", x, row_blocks(rows, together), x, y, rows, x.shape[-1], LANES=together)
    return y


def softmax_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.softmax.softmax_grad``."""
    if not alike(dy, y) or dy.shape != y.shape or not y.ndim or not y.shape[-1]:
        return NotImplemented
    rows = prod(y.shape[:-1])
    dx = backend_of(y).empty(y.shape, y.dtype)
    together = lanes(y.shape[-1])
    _module("softmax_grad", y, row_blocks(rows, together), dy, y, dx, rows, y.shape[-1], LANES=together)
    return dx
