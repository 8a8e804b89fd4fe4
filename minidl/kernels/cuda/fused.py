"""ReLU together with the sums it is taken of: y is written once."""

from __future__ import annotations

from typing import Any

from minidl.geometry import Window
from minidl.kernels.cuda import convolution, linear


def dense_relu(x: Any, W: Any, b: Any = None) -> Any:
    """Twin of ``ops.fused.dense_relu``."""
    return linear._dense(x, W, b, relu=True)


def convolve_relu(x: Any, W: Any, b: Any, window: Window, groups: int = 1) -> Any:
    """Twin of ``ops.fused.convolve_relu``."""
    return convolution._convolve(x, W, b, window, groups, relu=True)
