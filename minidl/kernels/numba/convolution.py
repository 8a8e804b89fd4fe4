"""Convolution of images: as a matrix product, by Winograd's algorithm or directly, whichever is least work.

A window of one pixel is a matrix product. Windows of 3 x 3 and 5 x 5 that slide by one pixel over enough channels are
convolved by ``_winograd``, except for images whose results would not be finite, or would be spoiled by far larger numbers
beside them. Those, everything else, and double precision are summed directly by ``_direct``. Where dy is mostly zero,
``_sparse`` leaves the zeros out of the gradients. Declined, and left to the reference: groups, gaps along the rows of the
window (dilation), and ranks other than two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba import _direct, _sparse, _winograd, linear
from minidl.kernels.numba._jit import FLOATS

SHARES, MOST = 16, 1 << 22  # partial sums of dW at the most, and numbers in them all together
DENSE, DENSE_5, DENSE_3 = 0.5, 0.12, 0.1  # of dy is not zero, at most: beside direct summation, Winograd's 5 x 5 and 3 x 3
LONG = 48  # numbers in a row of the window below which sums over lists are slow
SMALL = 1 << 14  # multiply-adds below which the reference is as quick
_NO_BIAS = {dtype: np.empty(0, dtype) for dtype in FLOATS}


def convolve(x: Any, W: Any, b: Any, window: Window, groups: int = 1, activation: str = "linear") -> Any:
    """Kernel of ``ops.convolution.convolve``."""
    if (
        not _takes(x, W, window, groups)
        or x.shape[3] != W.shape[2]
        or (b is not None and (b.shape, b.dtype) != (W.shape[3:], x.dtype))
    ):
        return NotImplemented
    if _is_product(window):
        return linear.dense(x, W.reshape(W.shape[2:]), b, activation)
    n, h, w, _ = x.shape
    oh, ow = window.output_shape((h, w))
    f = W.shape[-1]
    if n * oh * ow * W.size < SMALL or not x.size:
        return NotImplemented
    y = CPU.pool.empty((n, oh, ow, f), x.dtype)
    bias, relu = _NO_BIAS[x.dtype] if b is None else b, activation == "relu"
    fast = _winograd.takes(W, window, n, (oh, ow), x.dtype)
    left = _winograd.correlate(x, W, bias, window.pads((h, w)), y, relu) if fast else None
    _each_or_all(left, x, y, lambda some_x, some_y: _direct.correlate(some_x, W, bias, window, some_y, relu))
    return y


def convolve_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_x``."""
    if not _takes(dy, W, window, groups) or dy.shape[3] != W.shape[3] or dy.shape[1:3] != window.output_shape(spatial):
        return NotImplemented
    if _is_product(window):
        return linear.dense_grad_x(dy, W.reshape(W.shape[2:]))
    n, oh, ow, _ = dy.shape
    if n * oh * ow * W.size < SMALL or not dy.size:
        return NotImplemented
    dx = CPU.pool.empty((n, *spatial, W.shape[2]), dy.dtype)
    turned_pads = tuple(
        (taps - 1 - before, taps - 1 - after) for taps, (before, after) in zip(window.size, window.pads(spatial))
    )
    fast = _winograd.takes(W, window, n, spatial, dy.dtype)
    if _sparse_enough(dy, window, W.shape[2], fast) and _sparse.grad_x(dy, W, window, dx):
        return dx
    left = _winograd.correlate(dy, W, _NO_BIAS[dy.dtype], turned_pads, dx, relu=False, turned=True) if fast else None
    _each_or_all(left, dy, dx, lambda some_dy, some_dx: _direct.grad_x(some_dy, W, window, some_dx))
    return dx


def convolve_grad_W(x: Any, dy: Any, window: Window, groups: int = 1, out: Any = None) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_W``."""
    c, f = x.shape[-1], dy.shape[-1]
    if groups != 1 or window.rank != 2 or window.dilation[1] != 1 or dy.size * window.taps * c < SMALL:
        return NotImplemented
    if (
        x.ndim != 4
        or x.dtype not in FLOATS
        or x.dtype != dy.dtype
        or dy.shape[:3] != (len(x), *window.output_shape(x.shape[1:3]))
    ):
        return NotImplemented
    if out is not None and (out.shape, out.dtype) != ((*window.size, c, f), x.dtype):
        return NotImplemented
    if _is_product(window):
        if out is not None and not out.flags.c_contiguous:
            return NotImplemented
        dW = linear.dense_grad_W(x, dy, out=None if out is None else out.reshape(c, f))
        return dW if dW is NotImplemented else dW.reshape(1, 1, c, f) if out is None else out
    if not dy.size:
        return NotImplemented
    if out is None or not out.flags.c_contiguous:
        dW = CPU.pool.empty((*window.size, c, f), x.dtype)
    else:
        dW = out
    # Partial sums, each on one thread: as many as the sizes allow, so that the bits do not depend on the number of threads.
    shares = max(1, min(SHARES, len(x), MOST // (window.taps * c * f)))
    fast = _winograd.takes(dW, window, len(x), dy.shape[1:3], x.dtype)
    done = _sparse_enough(dy, window, c, fast) and _sparse.grad_W(x, dy, window, dW, shares)
    done = done or (fast and _winograd.grad_W(x, dy, window.pads(x.shape[1:3]), dW, shares))
    if not done and not _direct.grad_W(x, dy, window, dW, shares):
        return NotImplemented
    if out is not None and dW is not out:
        out[...] = dW
        return out
    return dW


def _each_or_all(images: Any, source: Any, target: Any, compute: Callable[[Any, Any], None]) -> None:
    """``compute(source, target)`` for these images only, or for all where ``images`` is None."""
    if images is None or len(images) == len(source):
        compute(source, target)
    elif len(images):
        some = CPU.pool.empty((len(images), *target.shape[1:]), target.dtype)
        compute(source[images], some)
        target[images] = some


def _sparse_enough(dy: Any, window: Window, channels: int, fast: bool) -> bool:
    """Whether leaving the zeros of dy out is quicker; a row of the window must fill some vectors."""
    below = 0.0 if window.size[1] * channels < LONG else DENSE if not fast else DENSE_5 if window.size == (5, 5) else DENSE_3
    return below > 0 and _sparse.density(dy) < below


def _is_product(window: Window) -> bool:
    """Whether each output position sees one input position: then the convolution is a matrix product as it stands."""
    return window.size == window.strides == (1, 1)


def _takes(x: Any, W: Any, window: Window, groups: int) -> bool:
    if groups != 1 or window.rank != 2 or window.dilation[1] != 1:
        return False
    return x.ndim == 4 and x.dtype in FLOATS and W.dtype == x.dtype and W.shape[:2] == window.size and W.flags.c_contiguous
