"""Tables of vectors on the GPU. The gradient is a sum in the order of the ids, so that the same batch gives the same bits."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike, blocks, fits

_module = Module("embedding.cu")
_WARPS = 8  # of a block of 256 threads
_MOST_ROWS = 32  # of W that a warp takes: with few, many warps read all ids; with many, few warps do all additions


def embed(ids: Any, W: Any) -> Any:
    """Kernel of ``ops.embedding.embed``; ids are int64."""
    if ids.dtype != "int64" or not alike(W):
        return NotImplemented
    rows, units = W.shape
    y = backend_of(W).empty((*ids.shape, units), W.dtype)
    _module("embed", W, blocks(y.size), ids, W, y, ids.size, rows, units)
    return y


def embed_grad_W(ids: Any, dy: Any, rows: int, out: Any = None) -> Any:
    """Kernel of ``ops.embedding.embed_grad_W``; ids are int64."""
    units = dy.shape[-1]
    if ids.dtype != "int64" or not alike(dy, out) or not fits(out, (rows, units)):
        return NotImplemented
    dW = backend_of(dy).empty((rows, units), dy.dtype) if out is None else out
    rows_of_warp = _rows_of_a_warp(rows)
    grid = -(-rows // (_WARPS * rows_of_warp)), -(-units // 32)
    _module("embed_grad_W", dy, grid, ids, dy, dW, ids.size, rows, units, rows_of_warp)
    return dW


def _rows_of_a_warp(rows: int) -> int:
    """Of the size of W alone, so that the bits are the same.

    >>> _rows_of_a_warp(50), _rows_of_a_warp(10_000), _rows_of_a_warp(10**6)
    (1, 9, 32)
    """
    return max(1, min(_MOST_ROWS, rows // 1024))
