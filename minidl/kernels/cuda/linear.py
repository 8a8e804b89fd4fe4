"""Dense layers on the GPU: one matrix product each, and a sum over rows for the bias."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import alike, fits
from minidl.kernels.cuda._product import _module, product, product_and_sums
from minidl.kernels.cuda._reduce import add_shares, column_shares, partial_sums, side_by_side


def dense(x: Any, W: Any, b: Any = None, activation: str = "linear") -> Any:
    """Kernel of ``ops.linear.dense``."""
    return _dense(x, W, b, relu=activation == "relu")


def dense_grad_x(dy: Any, W: Any) -> Any:
    """Kernel of ``ops.linear.dense_grad_x``."""
    depth, units = W.shape
    if not alike(dy, W) or dy.shape[-1] != units:
        return NotImplemented
    rows = prod(dy.shape[:-1])
    dx = backend_of(dy).empty((*dy.shape[:-1], depth), dy.dtype)
    product(dy.reshape(rows, units), W.T, dx.reshape(rows, depth))
    return dx


def dense_grad_W(x: Any, dy: Any, out: Any = None) -> Any:
    """Kernel of ``ops.linear.dense_grad_W``."""
    depth, units = x.shape[-1], dy.shape[-1]
    if not alike(x, dy, out) or x.shape[:-1] != dy.shape[:-1] or not fits(out, (depth, units)):
        return NotImplemented
    rows = prod(x.shape[:-1])
    dW = backend_of(x).empty((depth, units), x.dtype) if out is None else out
    product(x.reshape(rows, depth).T, dy.reshape(rows, units), dW)
    return dW


def dense_grads(x: Any, dy: Any, out: tuple[Any, Any] = (None, None)) -> Any:
    """Kernel of ``ops.linear.dense_grads``: one product, whose kernel sums the rows of dy as it reads them."""
    depth, units = x.shape[-1], dy.shape[-1]
    shapes = (depth, units), (units,)
    if not alike(x, dy, *out) or x.shape[:-1] != dy.shape[:-1] or not all(map(fits, out, shapes)):
        return NotImplemented
    rows, empty = prod(x.shape[:-1]), backend_of(x).empty
    dW, db = (empty(shape, x.dtype) if given is None else given for given, shape in zip(out, shapes, strict=True))
    done = product_and_sums(x.reshape(rows, depth).T, dy.reshape(rows, units), dW, db)
    return (dW, db) if done else NotImplemented


def bias_grad(dy: Any, out: Any = None) -> Any:
    """Kernel of ``ops.linear.bias_grad``."""
    units = dy.shape[-1]
    rows = prod(dy.shape[:-1])
    if not alike(dy, out) or not fits(out, (units,)):
        return NotImplemented
    db = backend_of(dy).empty((units,), dy.dtype) if out is None else out
    beside = side_by_side(rows, units) if dy.flags.c_contiguous else 1
    grid = column_shares(rows // beside, units * beside)
    partial = partial_sums(dy, grid, units * beside) if grid[1] * beside > 1 else None
    _module("bias_grad", dy, grid, dy, partial, db, rows // beside, units * beside)
    if partial is not None:
        add_shares(_module, partial.reshape(-1, units), db)
    return db


def _dense(x: Any, W: Any, b: Any, relu: bool) -> Any:
    depth, units = W.shape
    if not alike(x, W, b) or x.shape[-1] != depth or (b is not None and b.shape != (units,)):
        return NotImplemented
    rows = prod(x.shape[:-1])
    y = backend_of(x).empty((*x.shape[:-1], units), x.dtype)
    product(x.reshape(rows, depth), W, y.reshape(rows, units), bias=b, relu=relu)
    return y
