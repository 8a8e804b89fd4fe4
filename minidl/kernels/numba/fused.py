"""Dense and convolution kernels with ReLU fused: the same kernels, with ReLU switched on."""

from __future__ import annotations

from typing import Any

from minidl.geometry import Window
from minidl.kernels.numba import convolution, linear


def dense_relu(x: Any, W: Any, b: Any = None) -> Any:
    """Kernel of ``ops.fused.dense_relu``."""
    return linear._affine(x, W, b, relu=True)


def convolve_relu(x: Any, W: Any, b: Any, window: Window, groups: int = 1) -> Any:
    """Kernel of ``ops.fused.convolve_relu``."""
    return convolution._correlate(x, W, b, window, groups, relu=True)
