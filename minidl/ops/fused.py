"""Two ops in one pass over memory: each is the composition it says, and a fast twin computes it without storing the middle.

    dense_relu(x, W, b)       = relu(dense(x, W, b))
    convolve_relu(x, W, b)    = relu(convolve(x, W, b))

Their gradients are those of the parts: the derivative of ReLU follows from its result.
"""

from __future__ import annotations

from minidl.backend import Array, op
from minidl.geometry import Window
from minidl.ops.activation import relu
from minidl.ops.convolution import convolve
from minidl.ops.linear import dense


@op
def dense_relu(x: Array, W: Array, b: Array | None = None) -> Array:
    """y = relu(x W + b): (..., in) -> (..., out)."""
    return relu(dense(x, W, b))


@op
def convolve_relu(x: Array, W: Array, b: Array | None, window: Window, groups: int = 1) -> Array:
    """y = relu(x * W + b): (n, *spatial, c) -> (n, *out, f)."""
    return relu(convolve(x, W, b, window, groups))
