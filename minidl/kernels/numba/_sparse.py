"""The gradients of a convolution whose dy is mostly zero, as behind a max pool and a ReLU: only what is there is multiplied.

    dW[k, :, f] = sum over the non-zero dy[i, j, f] of an image of dy[i, j, f] times row k of the window at (i, j)
    dx at (i, j), row k of the window, += sum over the non-zero dy[i, j, f] of dy[i, j, f] W[k, :, f]

The sums are exact: what is left out is zero. Zero times infinity is not, so the caller learns where something is not
finite, and sums densely instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._gather_tile import gather_tile, gather_tile_for
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._pixels import Shape, copy_pixels, window_shape
from minidl.kernels.numba._runs import clear_run, copy_run, new_run, zero_run

LOOKED_AT = 4  # images in which the zeros are counted
ENOUGH = 1 << 15  # numbers in each of them that are looked at: lines of the image, evenly apart


def density(dy: Any) -> float:
    """The fraction of numbers that are not zero, in a few images."""
    lines, line = dy.shape[1], max(1, dy[0, 0].size) if dy.size else 1
    some = dy[:: max(1, len(dy) // LOOKED_AT), :: max(1, lines * line // ENOUGH)]
    return float(np.count_nonzero(some)) / max(some.size, 1)


def grad_W(x: Any, dy: Any, window: Window, dW: Any, shares: int) -> bool:
    """dW (kh, kw, c, f) from x (n, h, w, c) and dy (n, oh, ow, f), summed in ``shares`` parts; whether x and dW are finite."""
    kh, kw, c, f = dW.shape
    width = gather_tile_for(kw * c, x.itemsize)
    row = -(-kw * c // width[0]) * width[0]
    parts = CPU.pool.empty((shares, f * kh * row), x.dtype)
    finite = np.ones(shares, np.bool_)
    _grad_W_on_threads(width, x.reshape(-1), dy.reshape(-1), parts, window_shape(x, window, dy), finite)
    sums = sum_of(parts).reshape(f, kh, row)[:, :, : kw * c]
    dW.reshape(kh, kw * c, f)[...] = sums.transpose(1, 2, 0)
    return bool(finite.all()) and bool(np.isfinite(dW).all())


def grad_x(dy: Any, W: Any, window: Window, dx: Any) -> bool:
    """dx (n, h, w, c) from dy (n, oh, ow, f) and W (kh, kw, c, f); whether W and dy are finite."""
    if not np.isfinite(W).all():
        return False
    (kh, kw, c, f), n = W.shape, len(dy)
    width = gather_tile_for(kw * c, dy.itemsize)
    row = -(-kw * c // width[0]) * width[0]
    rows = np.zeros((kh, f, row), dy.dtype)
    rows[:, :, : kw * c] = W.reshape(kh, kw * c, f).transpose(0, 2, 1)
    finite = np.ones(n, np.bool_)
    _grad_x_on_threads(width, dy.reshape(-1), rows.reshape(-1), dx.reshape(-1), window_shape(dx, window, dy), row, finite)
    return bool(finite.all())


@inner
def _list_numbers(dy, image, places, f, step, values, offsets, starts):  # type: ignore[no-untyped-def]
    """The numbers of one image of dy that are not zero, each with its filter times ``step``; where each position's begin."""
    count = 0
    for place in range(places):
        starts[place] = count
        mine = dy[(image * places + place) * f : (image * places + place + 1) * f]
        offset = np.int32(0)
        for q in range(len(mine)):
            values[count] = mine[q]  # written in any case, counted only if it is not zero: no branch to mispredict
            offsets[count] = offset
            count += mine[q] != 0
            offset += np.int32(step)
    starts[places] = count
    return count


@inner
def _grad_W_share(first, last, width, x, dy, parts, shape, finite):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself: (f, kh, row)."""
    n, (h, w, c), (oh, ow, f), (kh, _), (sh, sw) = shape.images, shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    line, height = (left + w + right) * c, top + h + bottom
    row = parts.shape[1] // (f * kh)
    padded = zero_run(height * line + row, x.dtype)  # (height, line): an image with its padding
    # For each filter the list of its numbers that are not zero, and where the window stands.
    places = oh * ow
    values, offsets = new_run(f * places + 1, dy.dtype), new_run(f * places + 1, np.int32)
    counts = new_run(f, np.intp)  # how many of a filter's (f, places) are used
    # The same by position: numbers, their filters, and where each position's begin.
    listed, filters = new_run(f * places + 1, dy.dtype), new_run(f * places + 1, np.int32)
    starts = new_run(places + 1, np.intp)
    for share in range(first, last):
        S = parts[share]
        clear_run(S, 0, len(S))
        check = x.dtype.type(0)
        for image in range(share * n // len(parts), (share + 1) * n // len(parts)):
            copy_pixels(x, padded, image, h, w, c, -top, height, left, left + w + right)
            for k in range(len(padded)):
                check += padded[k] * 0
            _list_numbers(dy, image, places, f, 1, listed, filters, starts)
            for q in range(f):
                counts[q] = 0
            for i in range(oh):
                for j in range(ow):
                    place, offset = i * ow + j, i * sh * line + j * sw * c
                    for e in range(starts[place], starts[place + 1]):
                        q = filters[e]
                        values[q * places + counts[q]] = listed[e]
                        offsets[q * places + counts[q]] = offset
                        counts[q] += 1
            for k in range(kh):
                for q in range(f):
                    for p in range(0, row, width[0]):
                        begin = q * places
                        gather_tile(
                            width, count=counts[q], values=values, offsets=offsets, start=begin,
                            b=padded, b_start=k * dh * line + p, c=S, c_start=(q * kh + k) * row + p, add=1,
                        )  # fmt: skip
        finite[share] = check == 0


@compiled
def _grad_W_on_threads(width, x, dy, parts, shape, finite):  # type: ignore[no-untyped-def]
    in_parallel(_grad_W_share, len(parts), (width, x, dy, parts, Shape(*shape), finite))


@inner
def _grad_x_share(first, last, width, dy, rows, dx, shape, row, finite):  # type: ignore[no-untyped-def]
    """Images first to last - 1."""
    (h, w, c), (oh, ow, f), (kh, _), (sh, sw) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    line, height = (left + w + right) * c, top + h + bottom
    places = oh * ow
    sums = new_run(height * line + row, dy.dtype)  # (height, line): dx with its padding
    # For each position the list of its numbers that are not zero, and where their rows of W are.
    values, offsets = new_run(f * places + 1, dy.dtype), new_run(f * places + 1, np.int32)
    starts = new_run(places + 1, np.intp)
    for image in range(first, last):
        clear_run(sums, 0, len(sums))
        check = dy.dtype.type(0)
        count = _list_numbers(dy, image, places, f, row, values, offsets, starts)
        for e in range(count):
            check += values[e] * 0
        for k in range(kh):
            for p in range(0, row, width[0]):
                for place in range(places):
                    begin, end = starts[place], starts[place + 1]
                    if begin < end:
                        target = (place // ow * sh + k * dh) * line + place % ow * sw * c + p
                        gather_tile(
                            width, count=end - begin, values=values, offsets=offsets, start=begin,
                            b=rows, b_start=k * f * row + p, c=sums, c_start=target, add=1,
                        )  # fmt: skip
        for i in range(h):
            copy_run(sums, (i + top) * line + left * c, dx, (image * h + i) * w * c, w * c)
        finite[image] = check == 0


@compiled
def _grad_x_on_threads(width, dy, rows, dx, shape, row, finite):  # type: ignore[no-untyped-def]
    in_parallel(_grad_x_share, len(finite), (width, dy, rows, dx, Shape(*shape), row, finite))
