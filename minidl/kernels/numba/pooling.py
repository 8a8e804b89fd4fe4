"""Pooling in one pass over the images: windows outside, inside them vectors of channels, kept in registers over the taps.

The loops are written for two spatial axes. A pool over time is one over images of one row; an axis along which nothing is
pooled is one of more images where it stands in front, and of more channels where it stands behind. The largest number of a
window over three axes is the largest over the first axis of those over the other two; what else pools three axes is declined.
Where all windows are of 2 x 2 neighbours within the image, the usual case, kernels of their own compile in half the time.
"""

from __future__ import annotations

import functools
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.tape import again
from minidl.geometry import Window
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._two_by_two import larger, pool_row, spread_row
from minidl.kernels.numba._vector import LANES, load, splat, store, where

_NO_WINNERS = np.empty(0, np.uint8)


@replays
def max_pool(x: Any, window: Window) -> Any:
    """Kernel of ``ops.pooling.max_pool``; declines windows of more than 256 taps."""
    if (merge := _merging(window, x.ndim)) is not None:
        result = max_pool(merge.images(x), merge.window)
        shape = _shape_of_y(x, window)
        return result if result is NotImplemented else (result[0].reshape(shape), result[1].reshape(shape))
    if window.rank == 3 and x.ndim == 5 and window.taps <= 256 and x.dtype in FLOATS and window.padding in ("valid", "same"):
        return again(_largest_of_three_axes, x, window)
    if window.rank != 2 or x.ndim != 4 or window.taps > 256 or x.dtype not in FLOATS:
        return NotImplemented
    n, h, w, channels = x.shape
    out = window.output_shape((h, w))
    y = CPU.pool.empty((n, *out, channels), x.dtype)
    winners = CPU.pool.empty(y.shape, np.uint8)
    arrays = x.reshape(-1), y.reshape(-1), winners.reshape(-1), n, (h, w, channels, *out)
    if _are_of_four(window, (h, w), out):
        _of_four(*arrays, window.strides)
    else:
        _largest(*arrays, _sizes(window, (h, w)))
    return y, winners


@replays
def max_pool_grad(dy: Any, winners: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Kernel of ``ops.pooling.max_pool_grad``."""
    if (merge := _merging(window, dy.ndim)) is not None and dy.shape[1:-1] == window.output_shape(spatial):
        result = max_pool_grad(merge.images(dy), merge.images(winners), merge.spatial(spatial), merge.window)
        return result if result is NotImplemented else result.reshape(len(dy), *spatial, dy.shape[-1])
    if _misfit(dy, spatial, window) or winners.dtype != np.uint8 or winners.shape != dy.shape:
        return NotImplemented
    return _backwards(dy, winners.reshape(-1), spatial, window)


@replays
def average_pool(x: Any, window: Window) -> Any:
    """Kernel of ``ops.pooling.average_pool``."""
    if (merge := _merging(window, x.ndim)) is not None:
        result = average_pool(merge.images(x), merge.window)
        return result if result is NotImplemented else result.reshape(_shape_of_y(x, window))
    if window.rank != 2 or x.ndim != 4 or x.dtype not in FLOATS:
        return NotImplemented
    n, h, w, channels = x.shape
    out = window.output_shape((h, w))
    y = CPU.pool.empty((n, *out, channels), x.dtype)
    arrays = x.reshape(-1), y.reshape(-1), _NO_WINNERS, n, (h, w, channels, *out)
    if _are_of_four(window, (h, w), out):
        _of_four(*arrays, window.strides)
    else:
        _mean(*arrays, _sizes(window, (h, w)))
    return y


@replays
def average_pool_grad(dy: Any, spatial: tuple[int, ...], window: Window) -> Any:
    """Kernel of ``ops.pooling.average_pool_grad``."""
    if (merge := _merging(window, dy.ndim)) is not None and dy.shape[1:-1] == window.output_shape(spatial):
        result = average_pool_grad(merge.images(dy), merge.spatial(spatial), merge.window)
        return result if result is NotImplemented else result.reshape(len(dy), *spatial, dy.shape[-1])
    if _misfit(dy, spatial, window):
        return NotImplemented
    return _backwards(dy, _NO_WINNERS, spatial, window)


def _largest_of_three_axes(x: Any, window: Window) -> Any:
    """y and the winners: pool the last two axes, then the first; its winner says which of theirs has won."""
    (k, *plane), (s, *steps), (d, *gaps) = window.size, window.strides, window.dilation
    y, in_plane = max_pool(x, Window((1, *plane), (1, *steps), window.padding, (1, *gaps)))
    along = Window((k, 1, 1), (s, 1, 1), window.padding, (d, 1, 1))
    length, before = x.shape[1], along.pads(y.shape[1:-1])[0][0]
    y, planes = max_pool(y, along)
    winners = CPU.pool.empty(y.shape, np.uint8)
    for tap in range(k):
        first, end = _outputs_that_meet(before - tap * d, length, s, y.shape[1])
        met = in_plane[:, first * s - before + tap * d :: s][:, : end - first]  # that this tap meets at first .. end - 1
        won = planes[:, first:end] == tap
        np.copyto(winners[:, first:end], met + np.uint8(tap * prod(plane)), where=won)
    return y, winners


def _outputs_that_meet(shift: int, length: int, stride: int, outputs: int) -> tuple[int, int]:
    """The outputs i, from the first on and before the end, for which i stride - shift is a position of the input."""
    first = max(-(-shift // stride), 0)
    return first, max(min((length - 1 + shift) // stride + 1, outputs), first)


class _Merge(NamedTuple):
    """How a pool of one or three axes is one of images: axes before ``first`` make more of them, from ``last`` on channels."""

    first: int
    last: int
    window: Window

    def spatial(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Height and width."""
        middle = sizes[self.first : self.last]
        return (1,) * (2 - len(middle)) + tuple(middle)

    def images(self, x: Any) -> Any:
        """x (n, *spatial, c) as (images, height, width, channels)."""
        n, *sizes, c = x.shape
        return x.reshape(n * prod(sizes[: self.first]), *self.spatial(tuple(sizes)), prod(sizes[self.last :]) * c)


def _merging(window: Window, axes: int) -> _Merge | None:
    """How arrays with so many axes are images for ``window``; None where they are as they stand, or cannot be."""
    return None if window.rank == 2 or axes != window.rank + 2 else _merged(window)


@functools.lru_cache(maxsize=1024)
def _merged(window: Window) -> _Merge | None:
    pooled = [axis for axis, sizes in enumerate(zip(window.size, window.strides)) if sizes != (1, 1)] or [0]
    first, last = pooled[0], pooled[-1] + 1
    if last - first > 2 or window.padding not in ("valid", "same"):
        return None
    whole = _Merge(first, last, window)
    size, strides, dilation = map(whole.spatial, (window.size, window.strides, window.dilation))
    return whole._replace(window=Window(size, strides, window.padding, dilation))


def _shape_of_y(x: Any, window: Window) -> tuple[int, ...]:
    return (len(x), *window.output_shape(x.shape[1:-1]), x.shape[-1])


def _backwards(dy: Any, winners: Any, spatial: tuple[int, ...], window: Window) -> Any:
    n, *out, channels = dy.shape
    dx = CPU.pool.empty((n, *spatial, channels), dy.dtype)
    arrays, disjoint = (dy.reshape(-1), winners, dx.reshape(-1), n), _one_window_each(out, spatial, window)
    if disjoint and _are_of_four(window, spatial, out):
        _to_four(*arrays, (channels, *out))
    else:
        _back(*arrays, (*spatial, channels, *out), _sizes(window, spatial), disjoint)
    return dx


def _are_of_four(window: Window, spatial: tuple[int, ...], out: Any) -> bool:
    """Whether all windows are of two by two neighbours within the image: kernels of their own are compiled in half the time."""
    reached = [(n - 1) * stride + 2 for n, stride in zip(out, window.strides)]
    inside = reached[0] <= spatial[0] and reached[1] <= spatial[1] and not any(map(any, window.pads(spatial)))
    return inside and window.size == (2, 2) and window.dilation == (1, 1)


def _misfit(dy: Any, spatial: tuple[int, ...], window: Window) -> bool:
    return window.rank != 2 or dy.ndim != 4 or dy.dtype not in FLOATS or dy.shape[1:3] != window.output_shape(spatial)


def _one_window_each(out: list[int], spatial: tuple[int, ...], window: Window) -> bool:
    """Whether each position of the input lies in one window, so that its gradient is written and need not be added to."""
    reached = [n * stride - before for n, stride, (before, _) in zip(out, window.strides, window.pads(spatial))]
    return window.strides == window.size and window.dilation == (1, 1) and reached[0] >= spatial[0] and reached[1] >= spatial[1]


def _sizes(window: Window, spatial: tuple[int, ...]) -> tuple[int, ...]:
    (top, _), (left, _) = window.pads(spatial)
    return (*window.size, *window.strides, *window.dilation, top, left)


@inner
def _taps_inside(start, length, taps, step):  # type: ignore[no-untyped-def]
    """The first tap of a window from ``start`` on that is inside 0 .. length - 1, and the one behind the last."""
    if start >= 0 and start + (taps - 1) * step < length:
        return 0, taps
    first = (max(-start, 0) + step - 1) // step
    return first, max(first, min(taps, (length - start + step - 1) // step))


@compiled
def _of_four(x, y, winners, images, shape, strides):  # type: ignore[no-untyped-def]
    in_parallel(_of_four_share, images, (x, y, winners, shape, strides))


@inner
def _of_four_share(first_image, last_image, x, y, winners, shape, strides):  # type: ignore[no-untyped-def]
    """The largest of four neighbours, and which it is; without ``winners`` their mean."""
    (h, w, channels, oh, ow), (sh, sw) = shape, strides
    end = last_image * oh * ow * channels
    for image in range(first_image, last_image):
        for i in range(oh):
            corner, to = (image * h + i * sh) * w * channels, (image * oh + i) * ow * channels
            pool_row(x, corner, w * channels, sw * channels, channels, ow, y, winners, to, end)


@compiled
def _to_four(dy, winners, dx, images, shape):  # type: ignore[no-untyped-def]
    in_parallel(_to_four_share, images, (dy, winners, dx, shape))


@inner
def _to_four_share(first_image, last_image, dy, winners, dx, shape):  # type: ignore[no-untyped-def]
    """dy to the winner of four; where there are no ``winners``, a quarter to each."""
    channels, oh, ow = shape
    line = 2 * ow * channels
    for row in range(first_image * oh, last_image * oh):
        spread_row(dy, winners, row * ow * channels, dx, 2 * row * line, line, channels, ow, last_image * oh * 2 * line)


@compiled
def _largest(x, y, winners, images, shape, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_largest_share, images, (x, y, winners, shape, sizes))


@inner
def _windows_inside(length, outputs, stride, before):  # type: ignore[no-untyped-def]
    """The first of the windows of two neighbours that stand inside 0 .. length - 1, and the one behind the last."""
    first = (before + stride - 1) // stride
    return first, max(first, min(outputs, (length - 2 + before) // stride + 1))


@inner
def _largest_share(first_image, last_image, x, y, winners, shape, sizes):  # type: ignore[no-untyped-def]
    kh, kw, sh, sw, dh, dw, top, left = sizes
    h, w, channels, oh, ow = shape
    down, right = dh * w * channels, dw * channels  # from tap to tap
    j0, j1 = _windows_inside(w, ow, sw, left)
    for image in range(first_image, last_image):
        for i in range(oh):
            row = i * sh - top
            r0, r1 = _taps_inside(row, h, kh, dh)
            between = 0
            if kh == 2 and kw == 2 and dw == 1 and r1 - r0 == 2:
                between, to = j1 - j0, ((image * oh + i) * ow + j0) * channels
                corner = ((image * h + row) * w + j0 * sw - left) * channels
                end = last_image * oh * ow * channels
                pool_row(x, corner, down, sw * channels, channels, between, y, winners, to, end)
            for other in range(ow - between):  # after those between the borders, which may write over them
                j = other if between == 0 or other < j0 else other + between
                column = j * sw - left
                s0, s1 = _taps_inside(column, w, kw, dw)
                corner = ((image * h + row) * w + column) * channels
                to = ((image * oh + i) * ow + j) * channels
                for c in range(0, channels, LANES):
                    at, count = corner + c, channels - c
                    best, winner = splat(x, -np.inf), splat(winners, 0)  # what a window without a tap inside the input gives
                    if r0 < r1 and s0 < s1:
                        best = load(x, at + r0 * down + s0 * right, count, 0)
                        winner = splat(winners, r0 * kw + s0)
                        for r in range(r0, r1):
                            for s in range(s0, s1):
                                candidate = load(x, at + r * down + s * right, count, 0)
                                best, winner = larger(best, winner, candidate, r * kw + s)
                    store(y, to + c, count, best)
                    store(winners, to + c, count, winner)


@compiled
def _mean(x, y, no_winners, images, shape, sizes):  # type: ignore[no-untyped-def]
    in_parallel(_mean_share, images, (x, y, no_winners, shape, sizes))


@inner
def _mean_share(first_image, last_image, x, y, no_winners, shape, sizes):  # type: ignore[no-untyped-def]
    kh, kw, sh, sw, dh, dw, top, left = sizes
    h, w, channels, oh, ow = shape
    down, right = dh * w * channels, dw * channels
    j0, j1 = _windows_inside(w, ow, sw, left)
    for image in range(first_image, last_image):
        for i in range(oh):
            row = i * sh - top
            r0, r1 = _taps_inside(row, h, kh, dh)
            between = 0
            if kh == 2 and kw == 2 and dw == 1 and r1 - r0 == 2:
                between, to = j1 - j0, ((image * oh + i) * ow + j0) * channels
                corner = ((image * h + row) * w + j0 * sw - left) * channels
                end = last_image * oh * ow * channels
                pool_row(x, corner, down, sw * channels, channels, between, y, no_winners, to, end)
            for other in range(ow - between):
                j = other if between == 0 or other < j0 else other + between
                column = j * sw - left
                s0, s1 = _taps_inside(column, w, kw, dw)
                corner = ((image * h + row) * w + column) * channels
                to = ((image * oh + i) * ow + j) * channels
                inside = (r1 - r0) * (s1 - s0)
                share = 1 / inside if inside else np.nan
                for c in range(0, channels, LANES):
                    total = splat(x, 0)
                    for r in range(r0, r1):
                        for s in range(s0, s1):
                            total = total + load(x, corner + r * down + s * right + c, channels - c, 0)
                    store(y, to + c, channels - c, total * share)


@compiled
def _back(dy, winners, dx, images, shape, sizes, one_window_each):  # type: ignore[no-untyped-def]
    in_parallel(_back_share, images, (dy, winners, dx, shape, sizes, one_window_each))


@inner
def _back_share(first_image, last_image, dy, winners, dx, shape, sizes, one_window_each):  # type: ignore[no-untyped-def]
    """dy to the winner of its window; where there are no ``winners``, in equal parts to all positions inside the image."""
    kh, kw, sh, sw, dh, dw, top, left = sizes
    h, w, channels, oh, ow = shape
    down, right = dh * w * channels, dw * channels
    size, to_all = h * w * channels, len(winners) == 0
    everywhere = splat(winners, 1 if to_all else 0) == 1
    j0, j1 = _windows_inside(w, ow, sw, left)
    for image in range(first_image, last_image):
        if not one_window_each:
            dx[image * size : (image + 1) * size] = 0
        for i in range(oh):
            row = i * sh - top
            r0, r1 = _taps_inside(row, h, kh, dh)
            between = 0
            if one_window_each and kh == 2 and kw == 2 and r1 - r0 == 2:
                between, of = j1 - j0, ((image * oh + i) * ow + j0) * channels
                corner = ((image * h + row) * w + j0 * sw - left) * channels
                spread_row(dy, winners, of, dx, corner, down, channels, between, last_image * size)
            for other in range(ow - between):
                j = other if between == 0 or other < j0 else other + between
                column = j * sw - left
                s0, s1 = _taps_inside(column, w, kw, dw)
                corner = ((image * h + row) * w + column) * channels
                of = ((image * oh + i) * ow + j) * channels
                for c in range(0, channels, LANES):
                    at, count = corner + c, channels - c
                    d, winner = load(dy, of + c, count, 0), splat(winners, 0)
                    if to_all:
                        d = d * (1 / max((r1 - r0) * (s1 - s0), 1))
                    else:
                        winner = load(winners, of + c, count, 0)
                    for r in range(r0, r1):
                        for s in range(s0, s1):
                            to = at + r * down + s * right
                            part = where(everywhere | (winner == r * kw + s), d, 0)
                            store(dx, to, count, part if one_window_each else part + load(dx, to, count, 0))
