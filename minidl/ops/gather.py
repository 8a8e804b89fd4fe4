"""Rows of a data set by index, in the dtype of computation: y_i = x[index_i]."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def gather(x: Array, indices: Array, dtype: Any) -> Array:
    """Rows (len(indices), ...) of x (n, ...), cast to ``dtype``; integers keep their values (a uint8 255 becomes 255.0)."""
    return x[indices].astype(dtype, copy=False)


@op
def gather_and_look(x: Array, indices: Array, dtype: Any) -> tuple[Array, Array]:
    """The rows of ``gather``, and whether all their numbers are finite, which is seen in passing: memory is the limit."""
    y = x[indices].astype(dtype, copy=False)
    xp = array_namespace(y)
    return y, xp.asarray(xp.isfinite(y).all())
