"""Numbers on another scale: y = scale x + offset, so that dx = scale dy."""

from __future__ import annotations

from minidl.backend import Array, op_elementwise


@op_elementwise
def rescale(x: Array, scale: float, offset: float) -> Array:
    """y = scale x + offset, of the shape of x, and of its dtype where that is floating and the two are Python's numbers."""
    y = x * scale
    return y + offset if offset else y
