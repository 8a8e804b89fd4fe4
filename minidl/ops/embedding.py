"""A table of vectors, read by row: y = W[id]; the gradient adds each dy to the row it was read from.

    y (..., units) = W[ids],   ids (...) in 0 .. rows - 1          dW[r] = sum of dy over all places where ids = r

This is x W for one-hot rows x, without the multiplications by zero. A row that does not exist is NaN, never another row.
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
    return xp.where(outside[..., None], xp.asarray(float("nan"), W.dtype), y)


@op
def embed_grad_W(ids: Array, dy: Array, rows: int, out: Array | None = None) -> Array:
    """dW (rows, units): the sum of all dy that belong to a row, in the order of the ids."""
    xp = array_namespace(dy)
    dW = xp.empty((rows, dy.shape[-1]), dy.dtype) if out is None else out
    dW[...] = 0
    inside = (ids >= 0) & (ids < rows)  # what lies outside adds 0: to select would mean to wait for the device
    xp.add.at(dW, xp.where(inside, ids, 0), xp.where(inside[..., None], dy, xp.zeros((), dy.dtype)))
    return dW
