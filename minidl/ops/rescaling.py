"""Numbers on another scale: y = scale x + offset, so that dx = scale dy."""

from __future__ import annotations

from minidl.backend import Array, op_elementwise


@op_elementwise
def rescale(x: Array, scale: float, offset: float) -> Array:
    """y = scale x + offset, of the shape and dtype of x."""
    y = x * scale
    return y + offset if offset else y
