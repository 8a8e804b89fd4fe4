"""Direct convolution without patches in memory: each image is padded into scratch that stays in the cache, tiles slide over it.

With channels last, a window's row of k_w c numbers is contiguous, so that

    forward   a tile is some output positions of one row times some filters, summed over the window's rows and k_w c
    dx        a tile is some output rows times the k_w c numbers of one window row, added where the window stood
    dW        a tile is some filters times the k_w c numbers of one window row, summed over all positions of an image

Images of one channel with few filters, which would leave most of a tile idle, are ``_one_channel``'s.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.frozen import prepared
from minidl.geometry import Window
from minidl.kernels.numba import _one_channel
from minidl.kernels.numba._blocking import tile_cost, tile_shape
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled, inner, threads
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._pixels import Shape, copy_pixels, window_shape
from minidl.kernels.numba._runs import clear_run, copy_run, new_run, zero_run
from minidl.kernels.numba._tile import finished_tile, tile

MANY = 8  # images for each thread, from which on one more or less does not matter
SLACK = 512  # numbers behind scratch that vectors may reach


def correlate(x: Any, W: Any, bias: Any, window: Window, y: Any, relu: bool) -> None:
    """y (n, oh, ow, f) from x (n, h, w, c) and W (kh, kw, c, f), then + bias (none: of length 0) and ReLU."""
    n = len(x)
    _, oh, ow, f = y.shape
    blocks = min(oh, threads() // gcd(n, threads())) if n < MANY * threads() else 1  # of an image, for equal shares
    if _one_channel.takes(window, x.shape[-1], f, x.itemsize):
        _one_channel.correlate(x, W, bias, window, y, relu, blocks)
        return
    size = tile_shape(ow, f, x.itemsize)
    assert size is not None
    packed = in_panels(W, size[1])
    shape = window_shape(x, window, y)
    _forward_on_threads(size, int(relu), x.reshape(-1), packed, bias, y.reshape(-1), shape, blocks)


def in_panels(W: Any, width: int) -> Any:
    """W (..., f) as panels (panels, depth, width) of so many filters, flat, zeros behind the last filter."""
    return prepared(W, ("in panels", width), lambda: _pack(W, width))


def _pack(W: Any, width: int) -> Any:
    f = W.shape[-1]
    depth = W.size // f
    packed = CPU.pool.empty((-(-f // width) * depth * width,), W.dtype)
    _pack_forward(W.reshape(-1), depth, f, width, finisher(False, False, W.itemsize), packed)
    return packed


def grad_x(dy: Any, W: Any, window: Window, dx: Any) -> None:
    """dx (n, h, w, c) from dy (n, oh, ow, f) and W (kh, kw, c, f)."""
    _, oh, _, f = dy.shape
    size = tile_shape(oh, W.shape[1] * W.shape[2], dy.itemsize)
    assert size is not None
    kh, kw, c, _ = W.shape
    packed = _pack_backward(W.reshape(-1), kh, kw * c, f, size[1])
    _backward_x_on_threads(
        size, dy.reshape(-1), packed, bool(np.isfinite(W).all()), dx.reshape(-1), window_shape(dx, window, dy)
    )


def grad_W(x: Any, dy: Any, window: Window, dW: Any, shares: int) -> bool:
    """dW (kh, kw, c, f) from x (n, h, w, c) and dy (n, oh, ow, f), summed in ``shares`` parts; False where f is too small."""
    kh, kw, c, f = dW.shape
    if _one_channel.takes(window, c, f, x.itemsize):
        _one_channel.grad_W(x, dy, window, dW, shares)
        return True
    taps = kw * c
    size, turned = tile_shape(f, taps, x.itemsize, fewest_rows=True), tile_shape(taps, f, x.itemsize)
    assert turned is not None
    by_taps = size is None or tile_cost(turned, taps, f, x.itemsize) < tile_cost(size, f, taps, x.itemsize)
    if by_taps:
        rows, width, _ = turned
        tiles, panels = -(-taps // rows), -(-f // width)
        sums = CPU.pool.empty((shares, kh * tiles * panels * rows * width), x.dtype)
        _backward_W_by_taps_on_threads(turned, x.reshape(-1), dy.reshape(-1), sums, window_shape(x, window, dy))
        by_tile = sum_of(sums).reshape(kh, tiles, panels, rows, width).transpose(0, 1, 3, 2, 4)
        dW.reshape(kh, taps, f)[...] = by_tile.reshape(kh, tiles * rows, panels * width)[:, :taps, :f]
        return True
    assert size is not None
    rows, width, _ = size
    panels, tiles = -(-taps // width), -(-f // rows)
    sums = CPU.pool.empty((shares, kh * panels * tiles * rows * width), x.dtype)
    _backward_W_on_threads(size, x.reshape(-1), dy.reshape(-1), sums, window_shape(x, window, dy))
    by_tile = sum_of(sums).reshape(kh, panels, tiles, rows, width).transpose(0, 1, 4, 2, 3)
    by_tile = by_tile.reshape(kh, panels * width, tiles, rows)[:, :taps]
    by_filter = dW.reshape(kh, taps, f)
    by_filter[:, :, : (tiles - 1) * rows] = by_tile[:, :, :-1].reshape(kh, taps, -1)
    by_filter[:, :, f - rows :] = by_tile[:, :, -1]  # the last tile overlaps the one before it
    return True


@compiled
def _pack_forward(W, depth, f, width, copy, packed):  # type: ignore[no-untyped-def]
    """See ``in_panels``."""
    panels = (f + width - 1) // width
    clear_run(packed, (panels - 1) * depth * width, depth * width)
    for p in range(panels):
        finish(
            copy, sums=W, s_start=p * width, s_row_step=f, y=packed, y_start=p * depth * width, y_row_step=width,
            rows=depth, columns=min(width, f - p * width), bias=W, b_start=0,
        )  # fmt: skip


@inner
def _forward_rows(size, relu, image, i0, i1, x, packed, bias, y, shape):  # type: ignore[no-untyped-def]
    """Output rows i0 to i1 of one image."""
    rows, width, _ = size
    (h, w, c), (oh, ow, f), (kh, kw), (sh, sw) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, _), (left, right)) = shape.row_dilation, shape.pads
    line = (left + w + right) * c
    count = (i1 - i0 - 1) * sh + (kh - 1) * dh + 1
    slack = rows * sw * c  # what a last, partial tile reads
    padded = new_run(count * line + slack, x.dtype)  # (count, line): the rows of x that the windows see
    clear_run(padded, count * line, slack)
    copy_pixels(x, padded, image, h, w, c, i0 * sh - top, count, left, left + w + right)
    tiles = (ow + rows - 1) // rows
    sums = new_run(rows * width, x.dtype)  # (rows, width): results at some positions, some filters
    panels, depth = (f + width - 1) // width, kw * c
    biases = zero_run(panels * width, x.dtype)
    copy_run(bias, 0, biases, 0, len(bias))
    begin, end = (image * oh + i0) * ow * f, (image * oh + i1) * ow * f
    # A tile whose lanes or positions are not all wanted may write the rest where later tiles write, but not behind the end.
    in_place = panels == 1 or f % width == 0
    for p in range(panels):
        columns = min(width, f - p * width)
        for i in range(i1 - i0):
            for t in range(tiles):
                start = t * rows  # the last tile may run into the slack; what it finds there is overwritten, or not written
                at = begin + (i * ow + start) * f + p * width
                direct = in_place and at + (rows - 1) * f + width <= end
                target, to, step = (y, at, f) if direct else (sums, 0, width)
                finished_tile(
                    size, outer=kh, depth=depth,
                    a=padded, a_start=i * sh * line + start * sw * c, a_row_step=sw * c, a_outer_step=dh * line, a_k_step=1,
                    b=packed, b_start=p * kh * depth * width, b_outer_step=depth * width, b_k_step=width,
                    c=target, c_start=to, c_row_step=step, add=0,
                    bias=biases, bias_start=p * width, add_bias=len(bias), relu=relu,
                )  # fmt: skip
                if not direct:
                    for r in range(min(rows, ow - start)):
                        copy_run(sums, r * width, y, at + r * f, columns)


@inner
def _forward_share(first, last, size, relu, x, packed, bias, y, shape, blocks):  # type: ignore[no-untyped-def]
    """Blocks of output rows, ``blocks`` of them in each image."""
    oh = shape.y[0]
    for index in range(first, last):
        image, block = index // blocks, index % blocks
        i0, i1 = block * oh // blocks, (block + 1) * oh // blocks
        _forward_rows(size, relu, image, i0, i1, x, packed, bias, y, shape)


@compiled
def _forward_on_threads(size, relu, x, packed, bias, y, shape, blocks):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, shape[0] * blocks, (size, relu, x, packed, bias, y, Shape(*shape), blocks))


@compiled
def _pack_backward(W, kh, depth, f, width):  # type: ignore[no-untyped-def]
    """W (kh, depth, f) transposed to panels (kh, panels, f, width), zeros behind the last column."""
    panels = (depth + width - 1) // width
    packed = zero_run(kh * panels * f * width, W.dtype)
    for k in range(kh):
        for q in range(depth):
            at = (k * panels + q // width) * f * width + q % width
            for j in range(f):
                packed[at + j * width] = W[(k * depth + q) * f + j]
    return packed


@inner
def _backward_x_image(size, image, dy, packed, finite, dx, shape):  # type: ignore[no-untyped-def]
    """One image."""
    rows, width, _ = size
    (h, w, c), (oh, ow, f), (kh, kw), (sh, sw) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    line, depth = (left + w + right) * c, kw * c
    panels, tiles = (depth + width - 1) // width, (oh + rows - 1) // rows
    used = (top + h + bottom) * line
    below = ((tiles * rows - 1) * sh + (kh - 1) * dh + 1) * line  # rows a last, partial tile reaches
    sums = zero_run(max(used, below) + SLACK, dy.dtype)  # (rows, line): dx with its padding, and rows nobody reads
    whole = oh // rows
    rest = zero_run(rows * ow * f, dy.dtype)  # (rows, ow, f): the last rows of dy, zeros below them
    if whole < tiles:
        first = (image * oh + whole * rows) * ow * f
        for k in range((oh - whole * rows) * ow * f):
            rest[k] = dy[first + k]
    # Idle lanes and rows multiply by zero and add the result to other pixels: nothing, unless it is 0 times an infinity.
    check = dy.dtype.type(0)
    mine = dy[image * oh * ow * f : (image + 1) * oh * ow * f]
    for k in range(len(mine)):
        check += mine[k] * 0
    careful = not (check == 0 and finite)
    part = new_run(rows * width, dy.dtype)  # (rows, width): a tile of which only a part is added
    for t in range(tiles):
        for j in range(ow):
            for k in range(kh):
                for p in range(panels):
                    out = (t * rows * sh + k * dh) * line + j * sw * c + p * width
                    at, columns = (k * panels + p) * f * width, min(width, depth - p * width)
                    start = ((image * oh + t * rows) * ow + j) * f
                    if careful and (t >= whole or columns < width):
                        if t < whole:
                            tile(
                                size, outer=1, depth=f, a=dy, a_start=start, a_row_step=ow * f, a_outer_step=0, a_k_step=1,
                                b=packed, b_start=at, b_outer_step=0, b_k_step=width,
                                c=part, c_start=0, c_row_step=width, add=0,
                            )  # fmt: skip
                        else:
                            tile(
                                size, outer=1, depth=f, a=rest, a_start=j * f, a_row_step=ow * f, a_outer_step=0, a_k_step=1,
                                b=packed, b_start=at, b_outer_step=0, b_k_step=width,
                                c=part, c_start=0, c_row_step=width, add=0,
                            )  # fmt: skip
                        for r in range(min(rows, oh - t * rows)):
                            for q in range(columns):
                                sums[out + r * sh * line + q] += part[r * width + q]
                    elif t < whole:
                        tile(
                            size, outer=1, depth=f, a=dy, a_start=start, a_row_step=ow * f, a_outer_step=0, a_k_step=1,
                            b=packed, b_start=at, b_outer_step=0, b_k_step=width,
                            c=sums, c_start=out, c_row_step=sh * line, add=1,
                        )  # fmt: skip
                    else:
                        tile(
                            size, outer=1, depth=f, a=rest, a_start=j * f, a_row_step=ow * f, a_outer_step=0, a_k_step=1,
                            b=packed, b_start=at, b_outer_step=0, b_k_step=width,
                            c=sums, c_start=out, c_row_step=sh * line, add=1,
                        )  # fmt: skip
    for i in range(h):
        copy_run(sums, (i + top) * line + left * c, dx, (image * h + i) * w * c, w * c)


@inner
def _backward_x_share(first, last, size, dy, packed, finite, dx, shape):  # type: ignore[no-untyped-def]
    """Images first to last - 1."""
    for image in range(first, last):
        _backward_x_image(size, image, dy, packed, finite, dx, shape)


@compiled
def _backward_x_on_threads(size, dy, packed, finite, dx, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_x_share, shape[0], (size, dy, packed, finite, dx, Shape(*shape)))


@inner
def _backward_W_images(size, first, last, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Images first to last, summed into (kh, panels, tiles, rows, width)."""
    rows, width, _ = size
    (h, w, c), (oh, ow, f), (kh, kw), (sh, sw) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    line, depth, height = (left + w + right) * c, kw * c, top + h + bottom
    panels, tiles = (depth + width - 1) // width, (f + rows - 1) // rows
    padded = zero_run(height * line + SLACK, x.dtype)  # (height, line): an image with its padding
    for image in range(first, last):
        copy_pixels(x, padded, image, h, w, c, -top, height, left, left + w + right)
        for k in range(kh):
            for p in range(panels):
                for t in range(tiles):
                    start = image * oh * ow * f + min(t * rows, f - rows)  # the last tile overlaps the one before it
                    tile(
                        size, outer=oh, depth=ow,
                        a=dy, a_start=start, a_row_step=1, a_outer_step=ow * f, a_k_step=f,
                        b=padded, b_start=k * dh * line + p * width, b_outer_step=sh * line, b_k_step=sw * c,
                        c=sums, c_start=((k * panels + p) * tiles + t) * rows * width, c_row_step=width, add=image - first,
                    )  # fmt: skip


@inner
def _backward_W_share(first, last, size, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, shares = shape.images, len(sums)
    for s in range(first, last):
        _backward_W_images(size, s * n // shares, (s + 1) * n // shares, x, dy, sums[s], shape)


@compiled
def _backward_W_on_threads(size, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_share, len(sums), (size, x, dy, sums, Shape(*shape)))


@inner
def _backward_W_by_taps(size, first, last, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """The same with tiles the other way round, some taps times the filters: into (kh, tiles, panels, rows, width)."""
    rows, width, _ = size
    (h, w, c), (oh, ow, f), (kh, kw), (sh, sw) = shape.x, shape.y, shape.window, shape.strides
    dh, ((top, bottom), (left, right)) = shape.row_dilation, shape.pads
    line, taps, height = (left + w + right) * c, kw * c, top + h + bottom
    tiles, panels, count = (taps + rows - 1) // rows, (f + width - 1) // width, oh * ow * f
    padded = zero_run(height * line + SLACK, x.dtype)  # (height, line): an image with its padding
    results = zero_run(count + SLACK, x.dtype)  # (oh, ow, f): the last dy, behind which tiles read what they do not use
    for image in range(first, last):
        copy_pixels(x, padded, image, h, w, c, -top, height, left, left + w + right)
        of_image, begin = dy, image * count
        if begin + count + SLACK > len(dy):
            copy_run(dy, begin, results, 0, count)
            of_image, begin = results, 0
        for k in range(kh):
            for t in range(tiles):
                for p in range(panels):
                    tile(
                        size, outer=oh, depth=ow,
                        a=padded, a_start=k * dh * line + t * rows, a_row_step=1, a_outer_step=sh * line, a_k_step=sw * c,
                        b=of_image, b_start=begin + p * width, b_outer_step=ow * f, b_k_step=f,
                        c=sums, c_start=((k * tiles + t) * panels + p) * rows * width, c_row_step=width, add=image - first,
                    )  # fmt: skip


@inner
def _backward_W_by_taps_share(first, last, size, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, shares = shape.images, len(sums)
    for s in range(first, last):
        _backward_W_by_taps(size, s * n // shares, (s + 1) * n // shares, x, dy, sums[s], shape)


@compiled
def _backward_W_by_taps_on_threads(size, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_by_taps_share, len(sums), (size, x, dy, sums, Shape(*shape)))
