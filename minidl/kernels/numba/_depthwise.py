"""Convolution of each channel by itself: vectors of neighbouring channels, summed over the taps of the window.

With channels last, the numbers of all channels at one pixel are consecutive, and so are those of W at one tap: the sum over
the taps of x W, channel by channel, is a sum of products of vectors, which stays in a register. W, b and the sums of dW have
whole vectors of channels, with zeros behind.

    forward   four neighbouring results at a time
    dx        the same for dy and the window turned around where strides are 1; else each dy is added where its window stood
    dW        five taps at a time, each a sum over the positions of a row

For these, the rows of x that the windows of one row of results meet are copied to a ring of rows, with zeros where the window
stands outside the image and whole vectors at each pixel. So there are no borders, and memory is read once and in its order.

Windows of three columns that slide by one do without the copy: six neighbouring results, or the three taps of a row, share
what is loaded, and positions at the borders are summed by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._runs import clear_run, copy_run, new_run
from minidl.kernels.numba._vector import LANES, load, load_all, multiply_add, prefetch, splat, store, store_all, where

RING = 1 << 17  # bytes of rows that a thread works on, about: they stay in its cache
TASKS = 16  # at least, where there are so many rows
ACROSS = 4  # neighbouring results
TAPS = 5  # at a time


def correlate(x: Any, W: Any, bias: Any, window: Window, pads: Any, y: Any, relu: bool) -> None:
    """y (n, oh, ow, c) from x (n, h, w, c) and finite W (kh, kw, c), then + bias (none: of length 0) and ReLU."""
    n, oh, ow, c = y.shape
    (_, sw), (span_h, span_w), whole = window.strides, window.spans, -(-c // LANES) * LANES
    sizes = (*x.shape, oh, ow, *W.shape[:2], *window.strides, *window.dilation, pads[0][0], pads[1][0])
    W, bias = _in_vectors(W.reshape(-1, c), whole), _in_vectors(bias.reshape(-1, c), whole)
    if _is_three(window):
        _three_on_threads(x.reshape(-1), W, bias, y.reshape(-1), relu, sizes)
        return
    across = max((RING // (span_h * whole * x.itemsize) - span_w) // sw, ACROSS) // ACROSS * ACROSS
    across = min(across, -(-ow // ACROSS) * ACROSS)
    bands = n * -(-ow // across)
    down = -(-oh // -(-TASKS // bands)) if bands < TASKS else oh
    line = (across - 1) * sw + span_w
    tasks = bands * -(-oh // down)
    _forward_on_threads(tasks, x.reshape(-1), W, bias, y.reshape(-1), relu, sizes, (down, across, line))


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
    pads, c = window.pads(x.shape[1:3]), x.shape[-1]
    sizes = (*x.shape, *dy.shape[1:3], *dW.shape[:2], *window.strides, *window.dilation, pads[0][0], pads[1][0])
    sums = CPU.pool.empty((shares, (window.taps + TAPS) * -(-c // LANES) * LANES), x.dtype)
    if _is_three(window):
        _three_W_on_threads(x.reshape(-1), dy.reshape(-1), sums, sizes)
    else:
        _backward_W_on_threads(x.reshape(-1), dy.reshape(-1), sums, sizes, window.spans)
    dW[...] = sum_of(sums).reshape(window.taps + TAPS, -1)[: window.taps, :c].reshape(dW.shape)


def _is_three(window: Window) -> bool:
    """Whether neighbouring windows share two columns of three."""
    return window.size[1] == 3 and window.strides[1] == window.dilation[1] == 1


def _in_vectors(a: Any, whole: int) -> Any:
    """(m, c) flat as (m, whole), with zeros behind; of no numbers, one row of zeros."""
    if len(a) and a.shape[1] == whole:
        return a.reshape(-1)
    padded = np.zeros((max(len(a), 1), whole), a.dtype)
    padded[: len(a), : a.shape[1]] = a
    return padded.reshape(-1)


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
def _copy_row(x, at, begin, w, c, ring, to, line, whole):  # type: ignore[no-untyped-def]
    """ring[to :] = the pixels begin to begin + line - 1 of a row of w pixels at x[at :], 0 outside, in whole vectors each."""
    first = min(max(-begin, 0), line)
    last = max(min(w - begin, line), first)
    clear_run(ring, to, first * whole)
    if c == whole:
        copy_run(x, at + (begin + first) * c, ring, to + first * c, (last - first) * c)
    else:
        for p in range(first, last):
            for b in range(0, c, LANES):
                store_all(ring, to + p * whole + b, load(x, at + (begin + p) * c + b, c - b, 0))
    clear_run(ring, to + last * whole, (line - last) * whole)


@inner
def _forward_share(first, last, x, W, bias, y, relu, sizes, band):  # type: ignore[no-untyped-def]
    """Bands of results: of an image ``down`` rows of ``across`` columns each."""
    _, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    down, across, line = band
    whole, span, bands, bands_down = -(-c // LANES) * LANES, (kh - 1) * dh + 1, -(-ow // across), -(-oh // down)
    row_step, step, zero = line * whole, sw * whole, splat(y, 0)
    ring, starts = new_run(span * row_step, x.dtype), new_run(kh, np.intp)
    for task in range(first, last):
        image = task // (bands * bands_down)
        i_first, j_first = task // bands % bands_down * down, task % bands * across
        columns, copied = min(across, ow - j_first), -top - 1
        for i in range(i_first, min(i_first + down, oh)):
            row = i * sh - top
            k_first, k_last = _inside(row, dh, h, kh)
            for r in range(max(row, copied if i > i_first else row, 0), min(row + span, h)):
                _copy_row(x, (image * h + r) * w * c, j_first * sw - left, w, c, ring, r % span * row_step, line, whole)
            copied = row + span
            for k in range(k_first, k_last):
                starts[k] = (row + k * dh) % span * row_step
            row_of_y = ((image * oh + i) * ow + j_first) * c
            for j in range(0, columns, ACROSS):
                count = min(ACROSS, columns - j)
                for block in range(0, whole, LANES):
                    s0 = load_all(bias, block)
                    s1, s2, s3 = s0, s0, s0
                    for k in range(k_first, k_last):
                        at, of_W = starts[k] + j * step + block, k * kw * whole + block
                        for _l in range(kw):
                            v = load_all(W, of_W)
                            s0 = multiply_add(load_all(ring, at), v, s0)
                            s1 = multiply_add(load_all(ring, at + step), v, s1)
                            s2 = multiply_add(load_all(ring, at + 2 * step), v, s2)
                            s3 = multiply_add(load_all(ring, at + 3 * step), v, s3)
                            at += dw * whole
                            of_W += whole
                    to, rest = row_of_y + j * c + block, c - block
                    if relu:  # NaN is not below zero
                        s0, s1 = where(s0 < 0, zero, s0), where(s1 < 0, zero, s1)
                        s2, s3 = where(s2 < 0, zero, s2), where(s3 < 0, zero, s3)
                    if rest >= LANES and count == ACROSS:
                        store_all(y, to, s0)
                        store_all(y, to + c, s1)
                        store_all(y, to + 2 * c, s2)
                        store_all(y, to + 3 * c, s3)
                    else:
                        store(y, to, rest, s0)
                        store(y, to + c, rest if count > 1 else 0, s1)
                        store(y, to + 2 * c, rest if count > 2 else 0, s2)
                        store(y, to + 3 * c, rest if count > 3 else 0, s3)


@compiled
def _forward_on_threads(tasks, x, W, bias, y, relu, sizes, band):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, tasks, (x, W, bias, y, relu, sizes, band))


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
def _backward_W_share(first, last, x, dy, sums, sizes, spans):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, h, w, c, oh, ow, kh, kw, sh, sw, dh, dw, top, left = sizes
    whole, span, line, shares = -(-c // LANES) * LANES, spans[0], (ow - 1) * sw + spans[1], len(sums)
    row_step, step, zero = line * whole, sw * whole, splat(sums, 0)
    ring, of_dy = new_run(span * row_step, x.dtype), new_run(ow * whole, x.dtype)
    taps = kh * kw
    starts = new_run(taps + TAPS, np.intp)
    for share in range(first, last):
        S = sums[share]
        clear_run(S, 0, len(S))
        for index in range(share * n // shares * oh, (share + 1) * n // shares * oh):
            image, i = index // oh, index % oh
            row = i * sh - top
            for r in range(row if i == 0 else max(row, row - sh + span), row + span):
                # x is 0 outside the image, also where dy is infinite
                at, pixels = ((image * h + r) * w * c, w) if 0 <= r < h else (0, 0)
                _copy_row(x, at, -left, pixels, c, ring, r % span * row_step, line, whole)
            _copy_row(dy, index * ow * c, 0, ow, c, of_dy, 0, ow, whole)
            for k in range(kh):
                for l in range(kw):  # noqa: E741
                    starts[k * kw + l] = (row + k * dh) % span * row_step + l * dw * whole
            for e in range(taps, taps + TAPS):
                starts[e] = starts[0]
            for block in range(0, whole, LANES):
                for t in range(0, taps, TAPS):
                    a0, a1, a2 = starts[t] + block, starts[t + 1] + block, starts[t + 2] + block
                    a3, a4 = starts[t + 3] + block, starts[t + 4] + block
                    s0, s1, s2, s3, s4 = zero, zero, zero, zero, zero
                    for j in range(ow):
                        v, at = load_all(of_dy, j * whole + block), j * step
                        s0 = multiply_add(load_all(ring, a0 + at), v, s0)
                        s1 = multiply_add(load_all(ring, a1 + at), v, s1)
                        s2 = multiply_add(load_all(ring, a2 + at), v, s2)
                        s3 = multiply_add(load_all(ring, a3 + at), v, s3)
                        s4 = multiply_add(load_all(ring, a4 + at), v, s4)
                    to = t * whole + block
                    store_all(S, to, load_all(S, to) + s0)
                    store_all(S, to + whole, load_all(S, to + whole) + s1)
                    store_all(S, to + 2 * whole, load_all(S, to + 2 * whole) + s2)
                    store_all(S, to + 3 * whole, load_all(S, to + 3 * whole) + s3)
                    store_all(S, to + 4 * whole, load_all(S, to + 4 * whole) + s4)


@compiled
def _backward_W_on_threads(x, dy, sums, sizes, spans):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_share, len(sums), (x, dy, sums, sizes, spans))


# -- windows of three columns that slide by one ------------------------------------------------------------------------


@inner
def _bring(x, row, length, part, parts):  # type: ignore[no-untyped-def]
    """Has a part of a row of so many numbers brought near, in the order of memory: sums come to it in steps as long as a pixel.

    A part at a time: more requests than a core keeps in flight would hold it up.
    """
    first, last = row * length + part * length // parts, row * length + (part + 1) * length // parts
    for at in range(first, min(last, len(x)), LANES):
        prefetch(x, at)


@inner
def _three_share(first, last, x, W, bias, y, relu, sizes):  # type: ignore[no-untyped-def]
    """Rows of results, of all images."""
    _, h, w, c, oh, ow, kh, _, sh, _, dh, _, top, left = sizes
    whole, zero = -(-c // LANES) * LANES, splat(y, 0)
    # Results whose windows lie between the borders, six together; the last six may overlap those before.
    begin, end = min(left, ow), min(ow, w - 2 + left)
    sixes = (end - begin + 5) // 6 if end - begin >= 6 else 0
    for index in range(first, last):
        row = index % oh * sh - top
        k_first, k_last = _inside(row, dh, h, kh)
        lines = (index // oh * h + row) * w
        # Behind the last channels of a pixel stand those of the next, which are summed too and not written; not behind x.
        behind = (lines + (k_last - 1) * dh * w + end + 2 - left) * c + whole - c
        in_sixes = 0 if sixes == 0 else whole if behind <= len(x) else whole - LANES
        for six in range(sixes):
            j = min(begin + 6 * six, end - 6)
            _bring(x, index // oh * h + row + (kh - 1) * dh + 1, w * c, six, sixes)
            _bring(y, index + 1, ow * c, six, sixes)
            for block in range(0, in_sixes, LANES):
                s0 = load_all(bias, block)
                s1, s2, s3, s4, s5 = s0, s0, s0, s0, s0
                at, of_W = (lines + k_first * dh * w + j - left) * c + block, 3 * k_first * whole + block
                for _k in range(k_first, k_last):
                    w0, w1, w2 = load_all(W, of_W), load_all(W, of_W + whole), load_all(W, of_W + 2 * whole)
                    v = load_all(x, at)  # each x is loaded once for three results
                    s0 = multiply_add(v, w0, s0)
                    v = load_all(x, at + c)
                    s0, s1 = multiply_add(v, w1, s0), multiply_add(v, w0, s1)
                    v = load_all(x, at + 2 * c)
                    s0, s1, s2 = multiply_add(v, w2, s0), multiply_add(v, w1, s1), multiply_add(v, w0, s2)
                    v = load_all(x, at + 3 * c)
                    s1, s2, s3 = multiply_add(v, w2, s1), multiply_add(v, w1, s2), multiply_add(v, w0, s3)
                    v = load_all(x, at + 4 * c)
                    s2, s3, s4 = multiply_add(v, w2, s2), multiply_add(v, w1, s3), multiply_add(v, w0, s4)
                    v = load_all(x, at + 5 * c)
                    s3, s4, s5 = multiply_add(v, w2, s3), multiply_add(v, w1, s4), multiply_add(v, w0, s5)
                    v = load_all(x, at + 6 * c)
                    s4, s5 = multiply_add(v, w2, s4), multiply_add(v, w1, s5)
                    s5 = multiply_add(load_all(x, at + 7 * c), w2, s5)
                    at += dh * w * c
                    of_W += 3 * whole
                if relu:  # NaN is not below zero
                    s0, s1, s2 = where(s0 < 0, zero, s0), where(s1 < 0, zero, s1), where(s2 < 0, zero, s2)
                    s3, s4, s5 = where(s3 < 0, zero, s3), where(s4 < 0, zero, s4), where(s5 < 0, zero, s5)
                to, rest = (index * ow + j) * c + block, c - block
                if rest >= LANES:
                    store_all(y, to, s0)
                    store_all(y, to + c, s1)
                    store_all(y, to + 2 * c, s2)
                    store_all(y, to + 3 * c, s3)
                    store_all(y, to + 4 * c, s4)
                    store_all(y, to + 5 * c, s5)
                else:
                    store(y, to, rest, s0)
                    store(y, to + c, rest, s1)
                    store(y, to + 2 * c, rest, s2)
                    store(y, to + 3 * c, rest, s3)
                    store(y, to + 4 * c, rest, s4)
                    store(y, to + 5 * c, rest, s5)
        for block in range(0, whole, LANES):
            rest = c - block
            alone = ow - (end - begin) if block < in_sixes else ow
            for other in range(alone):
                j = other if block >= in_sixes or other < begin else other + end - begin
                column, s0 = j - left, load_all(bias, block)
                l_first, l_last = _inside(column, 1, w, 3)
                for k in range(k_first, k_last):
                    for l in range(l_first, l_last):  # noqa: E741
                        at, of_W = (lines + k * dh * w + column + l) * c + block, (3 * k + l) * whole + block
                        s0 = multiply_add(load(x, at, rest, 0), load_all(W, of_W), s0)
                store(y, (index * ow + j) * c + block, rest, where(s0 < 0, zero, s0) if relu else s0)


@compiled
def _three_on_threads(x, W, bias, y, relu, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_three_share, sizes[0] * sizes[4], (x, W, bias, y, relu, sizes))


@inner
def _three_W_share(first, last, x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself; x is 0 outside the image, also where dy is infinite."""
    n, h, w, c, oh, ow, kh, _, sh, _, dh, _, top, left = sizes
    whole, shares, zero = -(-c // LANES) * LANES, len(sums), splat(sums, 0)
    begin, end = min(left, ow), min(ow, w - 2 + left)
    for share in range(first, last):
        S = sums[share]
        clear_run(S, 0, len(S))
        for index in range(share * n // shares * oh, (share + 1) * n // shares * oh):
            row = index % oh * sh - top
            for k in range(kh):
                inside = 0 <= row + k * dh < h
                between = inside and end > begin
                others = ow - (end - begin) if between else ow
                line = ((index // oh * h + row + k * dh) * w - left) * c
                for block in range(0, whole, LANES):
                    part, parts = (k * whole + block) // LANES, kh * whole // LANES
                    _bring(dy, index + 1, ow * c, part, parts)
                    for r in range(sh):
                        _bring(x, index // oh * h + row + (kh - 1) * dh + 1 + r, w * c, part, parts)
                    rest, of_dy, to = c - block, index * ow * c + block, 3 * k * whole + block
                    s0, s1, s2 = load_all(S, to), load_all(S, to + whole), load_all(S, to + 2 * whole)
                    if between:  # of two positions at a time all three taps: x moves on from one tap to the next
                        t0, t1, t2 = zero, zero, zero
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
                        s0, s1, s2 = s0 + t0, s1 + t1, s2 + t2
                    for other in range(others):
                        j = other if not between or other < begin else other + end - begin
                        v, column, at = load(dy, of_dy + j * c, rest, 0), j - left, line + j * c + block
                        v0 = load(x, at, rest, 0) if inside and 0 <= column < w else zero
                        v1 = load(x, at + c, rest, 0) if inside and 0 <= column + 1 < w else zero
                        v2 = load(x, at + 2 * c, rest, 0) if inside and 0 <= column + 2 < w else zero
                        s0, s1, s2 = multiply_add(v0, v, s0), multiply_add(v1, v, s1), multiply_add(v2, v, s2)
                    store_all(S, to, s0)
                    store_all(S, to + whole, s1)
                    store_all(S, to + 2 * whole, s2)


@compiled
def _three_W_on_threads(x, dy, sums, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_three_W_share, len(sums), (x, dy, sums, sizes))
