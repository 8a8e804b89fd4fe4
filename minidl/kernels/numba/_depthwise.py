"""Convolution of each channel by itself: vectors of neighbouring channels, summed over the taps that stand inside the image.

With channels last, the numbers of all channels at one pixel are consecutive, and so are those of W at one tap: the sum over
the taps of x W, channel by channel, is a sum of products of vectors, which stays in a register.

    forward   four neighbouring results at a time, which share the loaded weights
    dx        the same for dy and the window turned around where strides are 1; else each dy is added where its window stood
    dW        for each tap a sum over the positions of a row, four partial sums at a time
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._runs import clear_run
from minidl.kernels.numba._vector import LANES, load, splat, store, where


def correlate(x: Any, W: Any, bias: Any, window: Window, pads: Any, y: Any, relu: bool) -> None:
    """y (n, oh, ow, c) from x (n, h, w, c) and finite W (kh, kw, c), then + bias (none: of length 0) and ReLU."""
    sizes = (*x.shape, *y.shape[1:3], *W.shape[:2], *window.strides, *window.dilation, pads[0][0], pads[1][0])
    bias = bias if len(bias) else np.zeros(x.shape[-1], x.dtype)
    _forward_on_threads(x.reshape(-1), W.reshape(-1), bias, y.reshape(-1), relu, sizes)


def grad_x(dy: Any, W: Any, window: Window, no_bias: Any, dx: Any) -> None:
    """dx (n, h, w, c) from dy (n, oh, ow, c) and finite W (kh, kw, c)."""
    pads = window.pads(dx.shape[1:3])
    if window.strides == (1, 1):
        turned = np.ascontiguousarray(W[::-1, ::-1])
        pads = tuple((e - 1 - before, e - 1 - behind) for e, (before, behind) in zip(window.spans, pads))
        correlate(dy, turned, no_bias, window, pads, dx, relu=False)
        return
    sizes = (*dx.shape, *dy.shape[1:3], *W.shape[:2], *window.strides, *window.dilation, pads[0][0], pads[1][0])
    _backward_x_on_threads(dy.reshape(-1), W.reshape(-1), dx.reshape(-1), sizes)


def grad_W(x: Any, dy: Any, window: Window, dW: Any, shares: int) -> None:
    """dW (kh, kw, c) from x (n, h, w, c) and dy (n, oh, ow, c), summed in ``shares`` parts."""
    pads = window.pads(x.shape[1:3])
    sizes = (*x.shape, *dy.shape[1:3], *dW.shape[:2], *window.strides, *window.dilation, pads[0][0], pads[1][0])
    sums = CPU.pool.empty((shares, dW.size), x.dtype)
    _backward_W_on_threads(x.reshape(-1), dy.reshape(-1), sums, sizes)
    dW[...] = sum_of(sums).reshape(dW.shape)


@inner
def _inside(at, step, length, taps):  # type: ignore[no-untyped-def]
    """The taps, from the first to before the last, that stand inside an axis of this length."""
    first, last = 0, taps
    while first < taps and at + first * step < 0:
        first += 1
    while last > first and at + (last - 1) * step >= length:
        last -= 1
    return first, last


@inner
def _forward_share(first, last, x, W, bias, y, relu, sizes):  # type: ignore[no-untyped-def]
    """Rows of results, of all images."""
    _, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    for index in range(first, last):
        image, row = index // oh, index % oh * sh - top
        k_first, k_last = _inside(row, dh, h, kh)
        j = 0
        while j < ow:
            column = j * sw - left
            l_first, l_last = _inside(column, dw, w, kw)
            four = j + 4 <= ow and l_first == 0 and column + 3 * sw + (kw - 1) * dw < w
            step = sw * c if four else 0
            for block in range(0, c, LANES):
                rest = c - block
                s0 = load(bias, block, rest, 0)
                s1, s2, s3 = s0, s0, s0
                for k in range(k_first, k_last):
                    line = ((image * h + row + k * dh) * w + column) * c + block
                    for l in range(l_first, l_last):  # noqa: E741
                        v, at = load(W, (k * kw + l) * c + block, rest, 0), line + l * dw * c
                        s0 = s0 + load(x, at, rest, 0) * v
                        if four:
                            s1 = s1 + load(x, at + step, rest, 0) * v
                            s2 = s2 + load(x, at + 2 * step, rest, 0) * v
                            s3 = s3 + load(x, at + 3 * step, rest, 0) * v
                if relu:
                    s0, s1 = where(s0 < 0, splat(y, 0), s0), where(s1 < 0, splat(y, 0), s1)  # NaN is not below zero
                    s2, s3 = where(s2 < 0, splat(y, 0), s2), where(s3 < 0, splat(y, 0), s3)
                to = (index * ow + j) * c + block
                store(y, to, rest, s0)
                if four:
                    store(y, to + c, rest, s1)
                    store(y, to + 2 * c, rest, s2)
                    store(y, to + 3 * c, rest, s3)
            j += 4 if four else 1


@compiled
def _forward_on_threads(x, W, bias, y, relu, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, sizes[0] * sizes[4], (x, W, bias, y, relu, sizes))


@inner
def _backward_x_share(first, last, dy, W, dx, sizes):  # type: ignore[no-untyped-def]
    """Images."""
    _, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    for image in range(first, last):
        clear_run(dx, image * h * w * c, h * w * c)
        for i in range(oh):
            row = i * sh - top
            k_first, k_last = _inside(row, dh, h, kh)
            for j in range(ow):
                column, at = j * sw - left, ((image * oh + i) * ow + j) * c
                l_first, l_last = _inside(column, dw, w, kw)
                for k in range(k_first, k_last):
                    for l in range(l_first, l_last):  # noqa: E741
                        to, of_W = ((image * h + row + k * dh) * w + column + l * dw) * c, (k * kw + l) * c
                        for b in range(0, c, LANES):
                            sums = load(dx, to + b, c - b, 0) + load(dy, at + b, c - b, 0) * load(W, of_W + b, c - b, 0)
                            store(dx, to + b, c - b, sums)


@compiled
def _backward_x_on_threads(dy, W, dx, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_backward_x_share, sizes[0], (dy, W, dx, sizes))


@inner
def _backward_W_row(index, x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    """Adds what one row of dy gives to (kh, kw, c); x is 0 outside the image, also where dy is infinite."""
    _, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    image, row = index // oh, index % oh * sh - top
    for k in range(kh):
        inside = 0 <= row + k * dh < h
        line = ((image * h + row + k * dh) * w - left) * c
        for l in range(kw):  # noqa: E741
            j_first, j_last = 0, ow if inside else 0  # the positions at which this tap stands inside the image
            while j_first < j_last and j_first * sw - left + l * dw < 0:
                j_first += 1
            while j_last > j_first and (j_last - 1) * sw - left + l * dw >= w:
                j_last -= 1
            for block in range(0, c, LANES):
                rest, at, of_dy = c - block, line + l * dw * c + block, index * ow * c + block
                zero = splat(sums, 0)
                s0, s1, s2, s3 = zero, zero, zero, zero
                for j in range(j_first):
                    s0 = s0 + load(dy, of_dy + j * c, rest, 0) * zero
                for j in range(j_last, ow):
                    s0 = s0 + load(dy, of_dy + j * c, rest, 0) * zero
                j = j_first
                while j + 4 <= j_last:
                    s0 = s0 + load(x, at + j * sw * c, rest, 0) * load(dy, of_dy + j * c, rest, 0)
                    s1 = s1 + load(x, at + (j + 1) * sw * c, rest, 0) * load(dy, of_dy + (j + 1) * c, rest, 0)
                    s2 = s2 + load(x, at + (j + 2) * sw * c, rest, 0) * load(dy, of_dy + (j + 2) * c, rest, 0)
                    s3 = s3 + load(x, at + (j + 3) * sw * c, rest, 0) * load(dy, of_dy + (j + 3) * c, rest, 0)
                    j += 4
                while j < j_last:
                    s0 = s0 + load(x, at + j * sw * c, rest, 0) * load(dy, of_dy + j * c, rest, 0)
                    j += 1
                to = (k * kw + l) * c + block
                store(sums, to, rest, load(sums, to, rest, 0) + ((s0 + s1) + (s2 + s3)))


@inner
def _backward_W_share(first, last, x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, oh, shares = sizes[0], sizes[4], len(sums)
    for s in range(first, last):
        mine = sums[s]
        clear_run(mine, 0, len(mine))
        for index in range(s * n // shares * oh, (s + 1) * n // shares * oh):
            _backward_W_row(index, x, dy, mine, sizes)


@compiled
def _backward_W_on_threads(x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_share, len(sums), (x, dy, sums, sizes))
