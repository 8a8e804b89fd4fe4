"""Convolution: as a matrix product, by Winograd's algorithm or directly, whichever is least work.

A window of one pixel is a matrix product, with strides one of the pixels that are seen. Windows of 3 x 3 and 5 x 5 that
slide by one pixel over enough channels are convolved by ``_winograd``, except for images whose results would not be finite,
or would be spoiled by far larger numbers beside them. Those, everything else, and double precision are summed directly by
``_direct``, dW of many channels from few images by a product for each tap. Where dy is mostly zero,
``_sparse`` leaves the zeros out of the gradients. A sequence is an image of one row (or of one column, where that suits
better), and volumes are summed directly by ``_volumes``, groups of one channel by ``_depthwise``. Declined, and left to
the reference: other groups, gaps along the last axis of windows over images and volumes (dilation), and dx of volumes with
strides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.tape import again
from minidl.geometry import Window
from minidl.kernels.numba import _depthwise, _direct, _sparse, _volumes, _winograd, linear
from minidl.kernels.numba._jit import FLOATS, replays

SHARES, MOST = 16, 1 << 22  # partial sums of dW at the most, and numbers in them all together
DENSE, DENSE_5, DENSE_3 = 0.5, 0.12, 0.1  # of dy is not zero, at most: beside direct summation, Winograd's 5 x 5 and 3 x 3
WIDE = 32  # channels and filters from which the product of one tap is worth it where sums have no shares
LONG = 48  # numbers in a row of the window below which sums over lists are slow
SMALL = 1 << 14  # multiply-adds below which the reference is as quick
_NO_BIAS = {dtype: np.empty(0, dtype) for dtype in FLOATS}


@replays
def convolve(x: Any, W: Any, b: Any, window: Window, groups: int = 1, activation: str = "linear") -> Any:
    """Kernel of ``ops.convolution.convolve``."""
    if groups > 1:
        return again(_convolve_channels, x, W, b, window, groups, activation == "relu")
    if (
        not _takes(x, W, window, groups)
        or x.shape[-1] != W.shape[-2]
        or (b is not None and (b.shape, b.dtype) != (W.shape[-1:], x.dtype))
    ):
        return NotImplemented
    if _is_product(window, x.shape[1:-1]):
        seen = x if max(window.strides) == 1 else again(_seen, x, window)
        return linear.dense(seen, W.reshape(W.shape[-2:]), b, activation)
    if window.rank == 1:
        gaps = window.dilation[0] != 1  # with them W is looked at
        return (
            again(_convolve_sequence, x, W, b, window, activation) if gaps else _convolve_sequence(x, W, b, window, activation)
        )
    n, *spatial, _ = x.shape
    out = window.output_shape(spatial)
    f = W.shape[-1]
    if n * prod(out) * W.size < SMALL or not x.size:
        return NotImplemented
    y = CPU.pool.empty((n, *out, f), x.dtype)
    bias, relu = _NO_BIAS[x.dtype] if b is None else b, activation == "relu"
    if window.rank == 3:
        again(_volumes.correlate, x, W, bias, window, window.pads(spatial), y, relu)
    elif _winograd.takes(W, window, n, out, x.dtype):
        again(_convolve_fast, x, W, bias, window, y, relu)
    else:
        _direct.correlate(x, W, bias, window, y, relu)
    return y


def _convolve_fast(x: Any, W: Any, bias: Any, window: Window, y: Any, relu: bool) -> None:
    """``convolve`` by Winograd's algorithm, except for the images that it leaves."""
    left = _winograd.correlate(x, W, bias, window.pads(x.shape[1:-1]), y, relu)
    _each_or_all(left, x, y, lambda some_x, some_y: _direct.correlate(some_x, W, bias, window, some_y, relu))


@replays
def convolve_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_x``."""
    if groups > 1:
        return again(_convolve_channels_grad_x, dy, W, spatial, window, groups)
    if not _takes(dy, W, window, groups) or dy.shape[-1] != W.shape[-1] or dy.shape[1:-1] != window.output_shape(spatial):
        return NotImplemented
    if _is_product(window, spatial):
        dx = linear.dense_grad_x(dy, W.reshape(W.shape[-2:]))
        return dx if dx is NotImplemented or dx.shape[1:-1] == spatial else again(_spread, dx, spatial, window)
    if window.rank == 1:  # a column: tiles of dx are some rows of results high
        ones = (*spatial, 1)
        return _without(1, convolve_grad_x(_with(1, dy), _with(0, W), ones, _of_images(window, 1), groups))
    if len(dy) * prod(dy.shape[1:-1]) * W.size < SMALL or not dy.size:
        return NotImplemented
    dx = CPU.pool.empty((len(dy), *spatial, W.shape[-2]), dy.dtype)
    return dx if again(_grad_x_into, dy, W, window, dx) else NotImplemented


def _grad_x_into(dy: Any, W: Any, window: Window, dx: Any) -> bool:
    """``convolve_grad_x`` of images and volumes; False where it is declined."""
    n, spatial = len(dy), dx.shape[1:-1]
    if window.rank == 3:
        taken = window.strides == (1, 1, 1) and bool(np.isfinite(W).all())
        if taken:
            _volumes.grad_x(dy, W, window, spatial, _NO_BIAS[dy.dtype], dx)
        return taken
    turned_pads = tuple(
        (taps - 1 - before, taps - 1 - after) for taps, (before, after) in zip(window.size, window.pads(spatial))
    )
    fast = _winograd.takes(W, window, n, spatial, dy.dtype)
    if _sparse_enough(dy, window, W.shape[2], fast) and _sparse.grad_x(dy, W, window, dx):
        return True
    left = _winograd.correlate(dy, W, _NO_BIAS[dy.dtype], turned_pads, dx, relu=False, turned=True) if fast else None
    _each_or_all(left, dy, dx, lambda some_dy, some_dx: _direct.grad_x(some_dy, W, window, some_dx))
    return True


@replays
def convolve_grad_W(x: Any, dy: Any, window: Window, groups: int = 1, out: Any = None) -> Any:
    """Kernel of ``ops.convolution.convolve_grad_W``."""
    if groups > 1:
        dW = again(_convolve_channels_grad_W, x, dy, window, groups)
        return dW if dW is NotImplemented or out is None else again(_written, dW, out)
    c, f = x.shape[-1], dy.shape[-1]
    if not _suits(x, window, groups) or dy.size * window.taps * c < SMALL:
        return NotImplemented
    if x.dtype != dy.dtype or dy.shape[:-1] != (len(x), *window.output_shape(x.shape[1:-1])):
        return NotImplemented
    if out is not None and (out.shape, out.dtype) != ((*window.size, c, f), x.dtype):
        return NotImplemented
    if _is_product(window, x.shape[1:-1]):
        if out is not None and not out.flags.c_contiguous:
            return NotImplemented
        seen = x if max(window.strides) == 1 else again(_seen, x, window)
        dW = linear.dense_grad_W(seen, dy, out=None if out is None else out.reshape(c, f))
        return dW if dW is NotImplemented else dW.reshape(*window.size, c, f) if out is None else out
    if not dy.size:
        return NotImplemented
    if window.rank == 1:
        axis = int(window.dilation[0] != 1)
        into = None if out is None else _with(axis - 1, out)
        dW = convolve_grad_W(_with(axis, x), _with(axis, dy), _of_images(window, axis), groups, into)
        return _without(axis - 1, dW) if out is None or dW is NotImplemented else out
    if out is None or not out.flags.c_contiguous:
        dW = CPU.pool.empty((*window.size, c, f), x.dtype)
    else:
        dW = out
    if not again(_grad_W_into, x, dy, window, dW):
        return NotImplemented
    return dW if out is None or dW is out else again(_written, dW, out)


def _grad_W_into(x: Any, dy: Any, window: Window, dW: Any) -> bool:
    """``convolve_grad_W`` of images and volumes; False where it is declined."""
    c, f = dW.shape[-2:]
    # Partial sums, each on one thread: as many as the sizes allow, so that the bits do not depend on the number of threads.
    shares = max(1, min(SHARES, len(x), MOST // (window.taps * c * f)))
    if window.rank == 3:
        _volumes.grad_W(x, dy, window, dW, shares)
        return True
    fast = _winograd.takes(dW, window, len(x), dy.shape[1:3], x.dtype)
    done = _sparse_enough(dy, window, c, fast) and _sparse.grad_W(x, dy, window, dW, shares)
    done = done or (fast and _winograd.grad_W(x, dy, window.pads(x.shape[1:3]), dW, shares))
    done = done or (shares == 1 and min(c, f) >= WIDE and _grad_W_by_taps(x, dy, window, dW))
    return done or _direct.grad_W(x, dy, window, dW, shares)


def _grad_W_by_taps(x: Any, dy: Any, window: Window, dW: Any) -> bool:
    """dW, a product for each tap of the window, which all threads share; whether products take these sizes."""
    pads, (sh, sw), (dh, dw) = window.pads(x.shape[1:3]), window.strides, window.dilation
    n, oh, ow, _ = dy.shape
    around = np.pad(x, ((0, 0), *pads, (0, 0)))
    seen = CPU.pool.empty((n, oh, ow, x.shape[-1]), x.dtype)
    for i, j in np.ndindex(*window.size):
        top, left = i * dh, j * dw
        seen[...] = around[:, top : top + (oh - 1) * sh + 1 : sh, left : left + (ow - 1) * sw + 1 : sw]
        if linear.dense_grad_W(seen, dy, out=dW[i, j]) is NotImplemented:
            return False
    return True


def _written(dW: Any, out: Any) -> Any:
    """``out`` with the numbers of dW."""
    out[...] = dW
    return out


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


def _is_product(window: Window, spatial: tuple[int, ...]) -> bool:
    """Whether each output position sees one input position: then the convolution is a matrix product of what is seen."""
    return window.taps == 1 and not any(map(any, window.pads(spatial)))


def _seen(x: Any, window: Window) -> Any:
    """The positions (n, *out, c) of x that windows of one position see, where strides leave some out."""
    seen = x[(slice(None), *(slice(None, None, stride) for stride in window.strides))]
    copied = CPU.pool.empty(seen.shape, x.dtype)
    copied[...] = seen
    return copied


def _spread(dx: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """The gradient of x (n, *spatial, c) from that of the positions which were seen; 0 between them."""
    spread = CPU.pool.empty((len(dx), *spatial, dx.shape[-1]), dx.dtype)
    spread[...] = 0
    spread[(slice(None), *(slice(None, None, stride) for stride in window.strides))] = dx
    return spread


def _suits(x: Any, window: Window, groups: int) -> bool:
    if groups != 1 or window.rank > 3 or (window.rank > 1 and window.dilation[-1] != 1):
        return False
    return x.ndim == window.rank + 2 and x.dtype in FLOATS


def _takes(x: Any, W: Any, window: Window, groups: int) -> bool:
    if not _suits(x, window, groups) or W.ndim != x.ndim:
        return False
    return W.dtype == x.dtype and W.shape[:-2] == window.size and W.flags.c_contiguous


# -- channel by channel ------------------------------------------------------------------------------------------------


def _convolve_channels(x: Any, W: Any, b: Any, window: Window, groups: int, relu: bool) -> Any:
    """``convolve`` with as many groups as channels; with m filters for each, x is repeated m times."""
    if not _takes_channels(x, W, window) or x.shape[-1] != groups:
        return NotImplemented
    if b is not None and (b.shape, b.dtype) != (W.shape[-1:], x.dtype):
        return NotImplemented
    out = window.output_shape(x.shape[1:-1])
    if len(x) * prod(out) * W.size < SMALL or not x.size:
        return NotImplemented
    y = CPU.pool.empty((len(x), *out, W.shape[-1]), x.dtype)
    image, of_image, taps, on_images = _as_image(_repeated(x, W.shape[-1]), y, W, window)
    pads = on_images.pads(image.shape[1:3])
    _depthwise.correlate(image, taps, _NO_BIAS[x.dtype] if b is None else b, on_images, pads, of_image, relu)
    return y


def _convolve_channels_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int) -> Any:
    """``convolve_grad_x`` likewise."""
    f = W.shape[-1]
    if not _takes_channels(dy, W, window) or dy.shape[-1] != f or f % groups:
        return NotImplemented
    if dy.shape[1:-1] != window.output_shape(spatial) or dy.size * window.taps < SMALL or not dy.size:
        return NotImplemented
    dx = CPU.pool.empty((len(dy), *spatial, f), dy.dtype)
    of_dx, image, taps, on_images = _as_image(dx, dy, W, window)
    _depthwise.grad_x(image, taps, on_images, _NO_BIAS[dy.dtype], of_dx)
    return dx if f == groups else dx.reshape(*dx.shape[:-1], groups, f // groups).sum(axis=-1)


def _convolve_channels_grad_W(x: Any, dy: Any, window: Window, groups: int) -> Any:
    """``convolve_grad_W`` likewise."""
    f = dy.shape[-1]
    if window.rank > 2 or x.ndim != window.rank + 2 or x.dtype not in FLOATS or x.dtype != dy.dtype:
        return NotImplemented
    if x.shape[-1] != groups or f % groups or dy.shape[:-1] != (len(x), *window.output_shape(x.shape[1:-1])):
        return NotImplemented
    if dy.size * window.taps < SMALL or not dy.size:
        return NotImplemented
    dW = CPU.pool.empty((*window.size, 1, f), x.dtype)
    image, of_image, taps, on_images = _as_image(_repeated(x, f), dy, dW, window)
    _depthwise.grad_W(image, of_image, on_images, taps, min(SHARES, len(x)))
    return dW


def _takes_channels(x: Any, W: Any, window: Window) -> bool:
    """Whether types and shapes suit, and W is finite: taps in the padding are left out."""
    if window.rank > 2 or x.ndim != window.rank + 2 or W.ndim != x.ndim or x.dtype not in FLOATS or W.dtype != x.dtype:
        return False
    return W.shape[:-1] == (*window.size, 1) and W.flags.c_contiguous and bool(np.isfinite(W).all())


def _repeated(x: Any, filters: int) -> Any:
    """x with each channel as often as it has filters."""
    return x if x.shape[-1] == filters else np.repeat(x, filters // x.shape[-1], axis=-1)


def _as_image(x: Any, y: Any, W: Any, window: Window) -> tuple[Any, Any, Any, Window]:
    """x and y as images, W as (kh, kw, f), and the window on them; sequences are images of one row. Views."""
    if window.rank == 2:
        return x, y, W[:, :, 0], window
    return _with(0, x), _with(0, y), W[None, :, 0], _of_images(window, 0)


# -- sequences as images -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _of_images(window: Window, axis: int) -> Window:
    """The window of a sequence that is an image of one row (axis 0) or of one column (axis 1)."""

    def with_one(values: tuple[Any, ...], one: Any) -> Any:
        return (one, *values) if axis == 0 else (*values, one)

    padding = window.padding if isinstance(window.padding, str) else with_one(window.padding, (0, 0))
    return Window(with_one(window.size, 1), with_one(window.strides, 1), padding, with_one(window.dilation, 1))


@lru_cache(maxsize=1024)
def _turned(window: Window, steps: int) -> Window:
    """The window whose gradient is the convolution of a sequence with ``window``, of stride 1, and the kernel turned around."""
    ((before, behind),), (span,) = window.pads((steps,)), window.spans
    return Window(window.size, (1,), ((span - 1 - before, span - 1 - behind),), window.dilation)


def _convolve_sequence(x: Any, W: Any, b: Any, window: Window, activation: str) -> Any:
    """``convolve`` along a sequence."""
    axis = int(window.dilation[0] != 1)
    if axis == 1 and window.strides == (1,) and np.isfinite(W).all():
        return _convolve_with_gaps(x, W, b, window, activation == "relu")
    return _without(axis, convolve(_with(axis, x), _with(axis - 1, W), b, _of_images(window, axis), 1, activation))


def _convolve_with_gaps(x: Any, W: Any, b: Any, window: Window, relu: bool) -> Any:
    """``convolve`` along a sequence whose taps stand apart, computed as dx, whose tiles are as high as a column."""
    out = window.output_shape(x.shape[1:-1])
    y = convolve_grad_x(x, np.ascontiguousarray(W[::-1].swapaxes(1, 2)), out, _turned(window, x.shape[1]))
    if y is NotImplemented:
        return y
    with np.errstate(all="ignore"):  # compiled sums do not warn either
        if b is not None:
            y += b
        return np.maximum(y, 0, out=y) if relu else y


def _with(axis: int, a: Any) -> Any:
    """(n, steps, ...) with an axis of length 1 before the steps (0) or behind them (1); of kernels (-1, 0). A view."""
    return np.expand_dims(a, axis + 1)


def _without(axis: int, y: Any) -> Any:
    """The inverse for results, which may be NotImplemented."""
    return y if y is NotImplemented else np.squeeze(y, axis + 1)
