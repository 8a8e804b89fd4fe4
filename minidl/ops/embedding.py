"""A table of vectors, read by row: y = W[id]; the gradient adds each dy to the row it was read from.

    y (..., units) = W[ids],   ids (...) in 0 .. rows - 1          dW[r] = sum of dy over all places where ids = r

This is x W for one-hot rows x, without the multiplications by zero. A row that does not exist is NaN, never another row.
Most rows of dW are 0 where the table is large: ``embed_grad_rows`` gives only those that ids name.
Source: Bengio et al. 2003.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op


@op
def embed(ids: Array, W: Array) -> Array:
    """y = W[ids]: (...) -> (..., units)."""
    xp = array_namespace(W)
    y = W[xp.clip(ids, 0, max(len(W) - 1, 0))]
    outside = (ids < 0) | (ids >= len(W))
    return xp.where(outside[..., None], xp.full((), float("nan"), W.dtype), y)


@op
def embed_grad_W(ids: Array, dy: Array, rows: int, out: Array | None = None) -> Array:
    """dW (rows, units): the sum of all dy that belong to a row, in the order of the ids."""
    xp = array_namespace(dy)
    dW = xp.empty((rows, dy.shape[-1]), dy.dtype) if out is None else out
    dW[...] = 0
    inside = (ids >= 0) & (ids < rows)
    xp.add.at(dW, xp.where(inside, ids, 0), xp.where(inside[..., None], dy, 0))  # adds 0 where no row is meant
    return dW


@op
def embed_grad_rows(ids: Array, dy: Array, rows: int) -> tuple[Array, Array]:
    """r (named,), the ids that have a row, each once and as they first occur, and dW[r] (named, units)."""
    xp = array_namespace(dy)
    inside = (ids >= 0) & (ids < rows)
    r, first, places = xp.unique(ids[inside], return_index=True, return_inverse=True)
    order = xp.argsort(first)
    rank = xp.argsort(order)  # of each r in that order
    return r[order], embed_grad_W(rank[places], dy[inside], len(r))
