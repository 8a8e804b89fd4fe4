"""Convolution of each channel by itself: vectors of neighbouring channels, summed over the taps that stand inside the image.

With channels last, the numbers of all channels at one pixel are consecutive, and so are those of W at one tap: the sum over
the taps of x W, channel by channel, is a sum of products of vectors, which stays in a register.

    forward   for windows of three columns six neighbouring results at a time, which share what is loaded
    dx        the same for dy and the window turned around where strides are 1; else each dy is added where its window stood
    dW        for each tap a sum over the positions of a row; of three columns all three at once
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._runs import clear_run
from minidl.kernels.numba._vector import LANES, load, multiply_add, splat, store, where


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
    # Results whose windows of three columns lie between the borders, six together; the last six may overlap those before.
    begin, end = min(left, ow), min(ow, w - 2 + left)
    sixes = (end - begin + 5) // 6 if kw == 3 and sw == 1 and dw == 1 and end - begin >= 6 else 0
    others = ow - (end - begin) if sixes else ow
    for index in range(first, last):
        row = index % oh * sh - top
        k_first, k_last = _inside(row, dh, h, kh)
        lines = (index // oh * h + row) * w
        for block in range(0, c, LANES):
            rest, to = c - block, index * ow * c + block
            start, zero = load(bias, block, rest, 0), splat(y, 0)
            for six in range(sixes):
                j = min(begin + 6 * six, end - 6)
                s0, s1, s2, s3, s4, s5 = start, start, start, start, start, start
                for k in range(k_first, k_last):
                    at, of_W = (lines + k * dh * w + j - left) * c + block, 3 * k * c + block
                    w0, w1, w2 = load(W, of_W, rest, 0), load(W, of_W + c, rest, 0), load(W, of_W + 2 * c, rest, 0)
                    v = load(x, at, rest, 0)  # each x is loaded once for three results
                    s0 = multiply_add(v, w0, s0)
                    v = load(x, at + c, rest, 0)
                    s0, s1 = multiply_add(v, w1, s0), multiply_add(v, w0, s1)
                    v = load(x, at + 2 * c, rest, 0)
                    s0, s1, s2 = multiply_add(v, w2, s0), multiply_add(v, w1, s1), multiply_add(v, w0, s2)
                    v = load(x, at + 3 * c, rest, 0)
                    s1, s2, s3 = multiply_add(v, w2, s1), multiply_add(v, w1, s2), multiply_add(v, w0, s3)
                    v = load(x, at + 4 * c, rest, 0)
                    s2, s3, s4 = multiply_add(v, w2, s2), multiply_add(v, w1, s3), multiply_add(v, w0, s4)
                    v = load(x, at + 5 * c, rest, 0)
                    s3, s4, s5 = multiply_add(v, w2, s3), multiply_add(v, w1, s4), multiply_add(v, w0, s5)
                    v = load(x, at + 6 * c, rest, 0)
                    s4, s5 = multiply_add(v, w2, s4), multiply_add(v, w1, s5)
                    s5 = multiply_add(load(x, at + 7 * c, rest, 0), w2, s5)
                if relu:  # NaN is not below zero
                    s0, s1, s2 = where(s0 < 0, zero, s0), where(s1 < 0, zero, s1), where(s2 < 0, zero, s2)
                    s3, s4, s5 = where(s3 < 0, zero, s3), where(s4 < 0, zero, s4), where(s5 < 0, zero, s5)
                at = to + j * c
                store(y, at, rest, s0)
                store(y, at + c, rest, s1)
                store(y, at + 2 * c, rest, s2)
                store(y, at + 3 * c, rest, s3)
                store(y, at + 4 * c, rest, s4)
                store(y, at + 5 * c, rest, s5)
            for other in range(others):
                j = other if sixes == 0 or other < begin else other + end - begin
                column, s0 = j * sw - left, start
                l_first, l_last = _inside(column, dw, w, kw)
                for k in range(k_first, k_last):
                    for l in range(l_first, l_last):  # noqa: E741
                        at, of_W = (lines + k * dh * w + column + l * dw) * c + block, (k * kw + l) * c + block
                        s0 = multiply_add(load(x, at, rest, 0), load(W, of_W, rest, 0), s0)
                store(y, to + j * c, rest, where(s0 < 0, zero, s0) if relu else s0)


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
                            share = load(dy, at + b, c - b, 0), load(W, of_W + b, c - b, 0)
                            store(dx, to + b, c - b, multiply_add(*share, load(dx, to + b, c - b, 0)))


@compiled
def _backward_x_on_threads(dy, W, dx, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_backward_x_share, sizes[0], (dy, W, dx, sizes))


@inner
def _backward_W_row(index, x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    """Adds what one row of dy gives to (kh, kw, c); x is 0 outside the image, also where dy is infinite."""
    _, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    row, zero = index % oh * sh - top, splat(sums, 0)
    begin, end = min(left, ow), min(ow, w - 2 + left)
    for k in range(kh):
        inside = 0 <= row + k * dh < h
        between = inside and kw == 3 and sw == 1 and dw == 1 and end > begin
        others = ow - (end - begin) if between else ow
        line = ((index // oh * h + row + k * dh) * w - left) * c
        for block in range(0, c, LANES):
            rest, of_dy, to = c - block, index * ow * c + block, k * kw * c + block
            if between:  # of two positions at a time all three taps: x moves on from one tap to the next
                s0, s1, s2, t0, t1, t2 = zero, zero, zero, zero, zero, zero
                at, j = line + block, begin
                x0, x1 = load(x, at + j * c, rest, 0), load(x, at + (j + 1) * c, rest, 0)
                while j + 2 <= end:
                    x2, x3 = load(x, at + (j + 2) * c, rest, 0), load(x, at + (j + 3) * c, rest, 0)
                    v, u = load(dy, of_dy + j * c, rest, 0), load(dy, of_dy + (j + 1) * c, rest, 0)
                    s0, s1, s2 = multiply_add(x0, v, s0), multiply_add(x1, v, s1), multiply_add(x2, v, s2)
                    t0, t1, t2 = multiply_add(x1, u, t0), multiply_add(x2, u, t1), multiply_add(x3, u, t2)
                    x0, x1 = x2, x3
                    j += 2
                if j < end:
                    v, x2 = load(dy, of_dy + j * c, rest, 0), load(x, at + (j + 2) * c, rest, 0)
                    s0, s1, s2 = multiply_add(x0, v, s0), multiply_add(x1, v, s1), multiply_add(x2, v, s2)
                store(sums, to, rest, load(sums, to, rest, 0) + (s0 + t0))
                store(sums, to + c, rest, load(sums, to + c, rest, 0) + (s1 + t1))
                store(sums, to + 2 * c, rest, load(sums, to + 2 * c, rest, 0) + (s2 + t2))
            for l in range(kw):  # noqa: E741
                s0 = zero
                for other in range(others):
                    j = other if not between or other < begin else other + end - begin
                    column, v = j * sw - left + l * dw, load(dy, of_dy + j * c, rest, 0)
                    if inside and 0 <= column < w:
                        s0 = multiply_add(load(x, line + (left + column) * c + block, rest, 0), v, s0)
                    else:
                        s0 = multiply_add(v, zero, s0)
                store(sums, to + l * c, rest, load(sums, to + l * c, rest, 0) + s0)


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
