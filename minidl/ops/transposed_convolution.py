"""Transposed convolution: what a convolution does to gradients, done to images, which it makes larger.

A convolution with the kernel W and its window is the linear map C(u) = U(u) W (``minidl/ops/convolution.py``), which takes
images u (n, *out, f) to smaller ones. Its transpose takes images of the small size to the large one:

    y  = C^T(x) + b = U^T(x W^T) + b      every x_i puts its share W x_i down where the window stands, and shares add up
    dx = C(dy) = U(dy) W                  the transpose of the transpose is the convolution itself
    dW = U(dy)^T x                        the convolution's gradient in W, with dy in the place of its input and x of its dy

Shapes: x (n, *spatial, c), W (*size, f, c), b (f,), y (n, *out, f), where the window makes ``spatial`` of ``out``. So both
gradients are ops that exist: ``convolve(dy, W, None, window)`` and ``convolve_grad_W(dy, x, window)``.
Sources: Zeiler et al. 2010; Dumoulin and Visin 2016.
"""

from __future__ import annotations

from minidl.backend import Array, op
from minidl.geometry import Window
from minidl.ops.activation import relu
from minidl.ops.convolution import convolve_grad_x


@op
def convolve_transposed(
    x: Array, W: Array, b: Array | None, out: tuple[int, ...], window: Window, activation: str = "linear"
) -> Array:
    """y = U^T(x W^T) + b: (n, *spatial, c) -> (n, *out, f); with ``activation="relu"`` its positive part, as for ``dense``."""
    y = convolve_grad_x(x, W, out, window)
    if b is not None:
        y += b
    return relu(y) if activation == "relu" else y
