"""Attention on the GPU: products of stacks of matrices, and a warp for each row of scores."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike, blocks
from minidl.kernels.cuda._product import products
from minidl.kernels.cuda._reduce import add_shares, column_shares, partial_sums
from minidl.kernels.cuda._rows import row_blocks

_module = Module("attention.cu")


def dot_scores(q: Any, k: Any) -> Any:
    """Kernel of ``ops.attention.dot_scores``."""
    return _product(q, k, turn_b=True)


def dot_scores_grad(ds: Any, q: Any, k: Any) -> Any:
    """Kernel of ``ops.attention.dot_scores_grad``."""
    return _pair(_product(ds, k), _product(ds, q, turn_a=True))


def weighted_mean(p: Any, v: Any) -> Any:
    """Kernel of ``ops.attention.weighted_mean``."""
    return _product(p, v)


def weighted_mean_grad(dy: Any, p: Any, v: Any) -> Any:
    """Kernel of ``ops.attention.weighted_mean_grad``."""
    return _pair(_product(dy, v, turn_b=True), _product(p, dy, turn_a=True))


def masked_softmax(s: Any, mask: Any) -> Any:
    """Kernel of ``ops.attention.masked_softmax``, for at most two axes before the queries."""
    if not alike(s) or not 0 < s.ndim <= 4 or not s.shape[-1] or mask.dtype != bool or mask.ndim > s.ndim:
        return NotImplemented
    if any(m not in (1, n) for m, n in zip(mask.shape[::-1], s.shape[::-1])):
        return NotImplemented
    backend, shape = backend_of(s), (*(4 - s.ndim) * (1,), *s.shape)
    p, rows = backend.empty(s.shape, s.dtype), prod(shape[:-1])
    steps = backend.xp.broadcast_to(mask, shape).strides  # of a byte each
    _module("masked_softmax", s, row_blocks(rows), s, mask, p, rows, *shape[1:], *steps)
    return p


def additive_scores(q: Any, k: Any, w: Any) -> Any:
    """Kernel of ``ops.attention.additive_scores``."""
    d = w.size
    if not alike(q, k, w) or not _fit(q, k) or not q.shape[-1:] == k.shape[-1:] == w.shape:
        return NotImplemented
    shape = (*q.shape[:-1], k.shape[-2])
    s, t = (backend_of(q).empty(each, q.dtype) for each in (shape, (*shape, d)))
    _module("additive_scores", q, row_blocks(s.size), q, k, w, s, t, s.size, *shape[-2:], d)
    return s, t


def additive_scores_grad(ds: Any, t: Any, w: Any) -> Any:
    """Kernel of ``ops.attention.additive_scores_grad``."""
    d = w.size
    if not alike(ds, t, w) or ds.ndim < 2 or t.shape != (*ds.shape, d) or w.ndim != 1:
        return NotImplemented
    (*front, queries, keys), empty = ds.shape, backend_of(ds).empty
    dq, dk, dw = (empty(shape, ds.dtype) for shape in ((*front, queries, d), (*front, keys, d), (d,)))
    _module("additive_scores_grad_q", ds, blocks(dq.size), ds, t, w, dq, dq.size, keys, d)
    _module("additive_scores_grad_k", ds, blocks(dk.size), ds, t, w, dk, dk.size, queries, keys, d)
    grid = column_shares(ds.size, d)
    partial = partial_sums(ds, grid, d)
    _module("additive_scores_grad_w", ds, grid, ds, t, partial, ds.size, d)
    add_shares(_module, partial, dw)
    return dq, dk, dw


def _product(a: Any, b: Any, turn_a: bool = False, turn_b: bool = False) -> Any:
    """a b for all axes in front of the matrices, of which one may be turned round before."""
    if not alike(a, b) or not _fit(a, b):
        return NotImplemented
    stacks = (m.reshape(prod(m.shape[:-2]), *m.shape[-2:]) for m in (a, b))
    A, B = (m.swapaxes(1, 2) if turn else m for m, turn in zip(stacks, (turn_a, turn_b)))
    return products(A, B).reshape(*a.shape[:-2], A.shape[1], B.shape[2]) if A.shape[2] == B.shape[1] else NotImplemented


def _pair(first: Any, second: Any) -> Any:
    return NotImplemented if first is NotImplemented or second is NotImplemented else (first, second)


def _fit(a: Any, b: Any) -> bool:
    """Whether both are matrices with the same axes in front."""
    return a.ndim >= 2 and a.shape[:-2] == b.shape[:-2] and a.ndim == b.ndim
