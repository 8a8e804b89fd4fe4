"""Max pooling in one pass over the images, windows outside and channels inside, where the vectors are."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._jit import FLOATS, compiled
from minidl.kernels.numba._parallel import in_parallel


def max_pool(x: Any, window: Window) -> Any:
    """Twin of ``ops.pooling.max_pool``; declines other ranks than two and windows of more than 256 taps."""
    if window.rank != 2 or x.ndim != 4 or window.taps > 256 or x.dtype not in FLOATS:
        return NotImplemented
    n, h, w, c = x.shape
    oh, ow = window.output_shape((h, w))
    y = CPU.pool.empty((n, oh, ow, c), x.dtype)
    winners = CPU.pool.empty((n, oh, ow, c), np.uint8)
    _forward(x, y, winners, _sizes(window, h, w))
    return y, winners


def max_pool_grad(dy: Any, winners: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Twin of ``ops.pooling.max_pool_grad``."""
    if window.rank != 2 or dy.ndim != 4 or winners.dtype != np.uint8 or dy.dtype not in FLOATS:
        return NotImplemented
    if winners.shape != dy.shape or dy.shape[1:3] != window.output_shape(spatial):
        return NotImplemented
    h, w = spatial
    dx = CPU.pool.empty((dy.shape[0], h, w, dy.shape[3]), dy.dtype)
    _backward(dy, winners, dx, _sizes(window, h, w))
    return dx


def _sizes(window: Window, h: int, w: int) -> tuple[int, ...]:
    (top, _), (left, _) = window.pads((h, w))
    return (*window.size, *window.strides, *window.dilation, top, left)


@compiled
def _forward(x, y, winners, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, len(x), (x, y, winners, sizes))


@compiled
def _forward_share(first_image, last_image, x, y, winners, sizes):  # type: ignore[no-untyped-def]
    kh, kw, sh, sw, dh, dw, top, left = sizes
    _, h, w, channels = x.shape
    _, oh, ow, _ = y.shape
    for image in range(first_image, last_image):
        for i in range(oh):
            for j in range(ow):
                first = True
                for c in range(channels):
                    y[image, i, j, c] = -np.inf  # what a window without a tap inside the input gives
                    winners[image, i, j, c] = 0
                for tap in range(kh * kw):
                    row, column = i * sh - top + (tap // kw) * dh, j * sw - left + (tap % kw) * dw
                    if row < 0 or row >= h or column < 0 or column >= w:
                        continue
                    if first:
                        for c in range(channels):
                            y[image, i, j, c] = x[image, row, column, c]
                            winners[image, i, j, c] = tap
                        first = False
                        continue
                    for c in range(channels):
                        candidate, best = x[image, row, column, c], y[image, i, j, c]
                        better = candidate > best or (candidate != candidate and best == best)  # a NaN beats every number
                        y[image, i, j, c] = candidate if better else best
                        winners[image, i, j, c] = tap if better else winners[image, i, j, c]


@compiled
def _backward(dy, winners, dx, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_backward_share, len(dx), (dy, winners, dx, sizes))


@compiled
def _backward_share(first_image, last_image, dy, winners, dx, sizes):  # type: ignore[no-untyped-def]
    kh, kw, sh, sw, dh, dw, top, left = sizes
    _, h, w, channels = dx.shape
    _, oh, ow, _ = dy.shape
    for image in range(first_image, last_image):
        for i in range(h):
            for j in range(w):
                for c in range(channels):
                    dx[image, i, j, c] = 0
        for i in range(oh):
            for j in range(ow):
                for tap in range(kh * kw):
                    row, column = i * sh - top + (tap // kw) * dh, j * sw - left + (tap % kw) * dw
                    if row < 0 or row >= h or column < 0 or column >= w:
                        continue
                    for c in range(channels):
                        if winners[image, i, j, c] == tap:
                            dx[image, row, column, c] += dy[image, i, j, c]
