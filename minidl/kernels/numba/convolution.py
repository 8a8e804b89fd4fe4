"""Convolution without patches in memory: each image is padded into scratch that stays in the cache, and tiles slide over it.

With channels last, a window's row of k_w c numbers is contiguous, so that

    forward   a tile is some output positions of one row times some filters, summed over the window's rows and k_w c
    dx        a tile is some output rows times the k_w c numbers of one window row, added where the window stood
    dW        a tile is some filters times the k_w c numbers of one window row, summed over all positions of an image

Declined, and left to the reference: groups, gaps along the rows of the window (dilation), and ranks other than two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba import linear
from minidl.kernels.numba._blocking import tile_shape
from minidl.kernels.numba._jit import FLOATS, compiled, threads
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._tile import tile

SHARES, MOST = 16, 1 << 22  # partial sums of dW at the most, and numbers in them all together
SLACK = 512  # numbers behind scratch that vectors may reach
SMALL = 1 << 20  # multiply-adds below which the reference is as quick


def convolve(x: Any, W: Any, b: Any, window: Window, groups: int = 1) -> Any:
    """Twin of ``ops.convolution.convolve``."""
    if (
        not _takes(x, W, window, groups)
        or x.shape[3] != W.shape[2]
        or (b is not None and (b.shape, b.dtype) != (W.shape[3:], x.dtype))
    ):
        return NotImplemented
    if _is_product(window):
        return linear.dense(x, W.reshape(W.shape[2:]), b)
    n, h, w, _ = x.shape
    oh, ow = window.output_shape((h, w))
    f = W.shape[-1]
    if n * oh * ow * W.size < SMALL or not x.size:
        return NotImplemented
    y = CPU.pool.empty((n, oh, ow, f), x.dtype)
    size = tile_shape(ow, f, x.itemsize)
    assert size is not None
    blocks = max(1, min(oh, -(-2 * threads() // n))) if n < 2 * threads() else 1
    bias = np.empty(0, x.dtype) if b is None else b
    packed = _pack_forward(W.reshape(-1), W.size // f, f, len(size[1]) * len(size[2]))
    sizes = _shape(x, window)
    _forward_on_threads(size, x.reshape(-1), packed, bias, y.reshape(-1), sizes, oh, ow, f, -(-oh // blocks), blocks)
    return y


def convolve_grad_x(dy: Any, W: Any, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Any:
    """Twin of ``ops.convolution.convolve_grad_x``."""
    if not _takes(dy, W, window, groups) or dy.shape[3] != W.shape[3] or dy.shape[1:3] != window.output_shape(spatial):
        return NotImplemented
    if _is_product(window):
        return linear.dense_grad_x(dy, W.reshape(W.shape[2:]))
    n, oh, ow, f = dy.shape
    if n * oh * ow * W.size < SMALL or not dy.size:
        return NotImplemented
    dx = CPU.pool.empty((n, *spatial, W.shape[2]), dy.dtype)
    size = tile_shape(oh, W.shape[1] * W.shape[2], dy.itemsize)
    assert size is not None
    kh, kw, c, _ = W.shape
    packed = _pack_backward(W.reshape(-1), kh, kw * c, f, len(size[1]) * len(size[2]))
    _backward_x_on_threads(
        size, dy.reshape(-1), packed, bool(np.isfinite(W).all()), dx.reshape(-1), _shape(dx, window), oh, ow, f
    )
    return dx


def convolve_grad_W(x: Any, dy: Any, window: Window, groups: int = 1, out: Any = None) -> Any:
    """Twin of ``ops.convolution.convolve_grad_W``."""
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
    size = tile_shape(f, window.size[1] * c, x.itemsize, fewest_rows=True)
    if size is None or not dy.size:
        return NotImplemented
    if out is None or not out.flags.c_contiguous:
        dW = CPU.pool.empty((*window.size, c, f), x.dtype)
    else:
        dW = out
    # Partial sums, each on one thread: as many as the sizes allow, so that the bits do not depend on the number of threads.
    shares = max(1, min(SHARES, len(x), MOST // (window.taps * c * f)))
    kh, depth = window.size[0], window.size[1] * c
    rows, width = len(size[0]), len(size[1]) * len(size[2])
    sums = CPU.pool.empty((shares, kh * -(-depth // width) * width * -(-f // rows) * rows), x.dtype)
    _backward_W_on_threads(size, x.reshape(-1), dy.reshape(-1), sums, _shape(x, window), dy.shape[1], dy.shape[2], f)
    _add_shares(sums, dW.reshape(-1), kh, depth, f, rows, width)
    if out is not None and dW is not out:
        out[...] = dW
        return out
    return dW


def _is_product(window: Window) -> bool:
    """Whether each output position sees one input position: then the convolution is a matrix product as it stands."""
    return window.size == window.strides == (1, 1)


def _takes(x: Any, W: Any, window: Window, groups: int) -> bool:
    if groups != 1 or window.rank != 2 or window.dilation[1] != 1:
        return False
    return x.ndim == 4 and x.dtype in FLOATS and W.dtype == x.dtype and W.shape[:2] == window.size and W.flags.c_contiguous


def _shape(x: Any, window: Window) -> tuple[int, ...]:
    """All sizes a kernel needs, as one tuple: n, h, w, c, window rows and columns, strides, row dilation, padding."""
    (top, bottom), (left, right) = window.pads(x.shape[1:3])
    return (*x.shape, *window.size, *window.strides, window.dilation[0], top, bottom, left, right)


@compiled
def _copy_padded(x, padded, image, shape, first, count):  # type: ignore[no-untyped-def]
    """Rows first .. first + count of one padded image, (count, padded width, c), zeros where the image ends."""
    _, h, w, c, _, _, _, _, _, top, _, left, right = shape
    width = (left + w + right) * c
    for r in range(count):
        at, row = r * width, first + r - top
        if row < 0 or row >= h:
            for k in range(width):
                padded[at + k] = 0
        else:
            for k in range(left * c):
                padded[at + k] = 0
            source = (image * h + row) * w * c
            for k in range(w * c):
                padded[at + left * c + k] = x[source + k]
            for k in range((left + w) * c, width):
                padded[at + k] = 0


@compiled
def _pack_forward(W, depth, f, width):  # type: ignore[no-untyped-def]
    """W (depth, f) as panels (panels, depth, width), zeros behind the last filter."""
    panels = (f + width - 1) // width
    packed = np.zeros(panels * depth * width, W.dtype)
    for p in range(panels):
        columns = min(width, f - p * width)
        for k in range(depth):
            for j in range(columns):
                packed[(p * depth + k) * width + j] = W[k * f + p * width + j]
    return packed


@compiled
def _forward_rows(size, image, i0, i1, x, packed, bias, y, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    """Output rows i0 to i1 of one image."""
    rows, width = len(size[0]), len(size[1]) * len(size[2])
    _, _, w, c, kh, kw, sh, sw, dh, _, _, left, right = shape
    line = (left + w + right) * c
    count = (i1 - i0 - 1) * sh + (kh - 1) * dh + 1
    padded = np.zeros(count * line + rows * sw * c, x.dtype)
    _copy_padded(x, padded, image, shape, i0 * sh, count)
    tiles = (ow + rows - 1) // rows
    sums = np.empty(tiles * rows * width, x.dtype)
    panels, depth = (f + width - 1) // width, kw * c
    for p in range(panels):
        columns = min(width, f - p * width)
        for i in range(i1 - i0):
            for t in range(tiles):
                start = t * rows  # the last tile may run into the slack; what it finds there is not written
                tile(
                    size, kh, depth, padded, i * sh * line + start * sw * c, sw * c, dh * line, 1,
                    packed, p * kh * depth * width, depth * width, width, sums, t * rows * width, width, 0,
                )  # fmt: skip
                for r in range(min(rows, ow - start)):
                    at = (t * rows + r) * width
                    out = ((image * oh + i0 + i) * ow + start + r) * f + p * width
                    if len(bias):
                        for j in range(columns):
                            y[out + j] = sums[at + j] + bias[p * width + j]
                    else:
                        for j in range(columns):
                            y[out + j] = sums[at + j]


@compiled
def _forward_share(first, last, size, x, packed, bias, y, shape, oh, ow, f, block, blocks):  # type: ignore[no-untyped-def]
    """Blocks of output rows, ``blocks`` of them in each image."""
    for index in range(first, last):
        i0 = (index % blocks) * block
        if i0 < oh:
            _forward_rows(size, index // blocks, i0, min(i0 + block, oh), x, packed, bias, y, shape, oh, ow, f)


@compiled
def _forward_on_threads(size, x, packed, bias, y, shape, oh, ow, f, block, blocks):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, shape[0] * blocks, (size, x, packed, bias, y, shape, oh, ow, f, block, blocks))


@compiled
def _pack_backward(W, kh, depth, f, width):  # type: ignore[no-untyped-def]
    """W (kh, depth, f) transposed to panels (kh, panels, f, width), zeros behind the last column."""
    panels = (depth + width - 1) // width
    packed = np.zeros(kh * panels * f * width, W.dtype)
    for k in range(kh):
        for q in range(depth):
            at = (k * panels + q // width) * f * width + q % width
            for j in range(f):
                packed[at + j * width] = W[(k * depth + q) * f + j]
    return packed


@compiled
def _backward_x_image(size, image, dy, packed, finite, dx, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    """One image."""
    rows, width = len(size[0]), len(size[1]) * len(size[2])
    _, h, w, c, kh, kw, sh, sw, dh, top, bottom, left, right = shape
    line, depth = (left + w + right) * c, kw * c
    panels, tiles = (depth + width - 1) // width, (oh + rows - 1) // rows
    used = (top + h + bottom) * line
    below = ((tiles * rows - 1) * sh + (kh - 1) * dh + 1) * line  # rows a last, partial tile reaches
    sums = np.zeros(max(used, below) + SLACK, dy.dtype)
    whole = oh // rows
    rest = np.zeros(rows * ow * f, dy.dtype)  # the last rows of dy, zeros below them
    if whole < tiles:
        first = (image * oh + whole * rows) * ow * f
        for k in range((oh - whole * rows) * ow * f):
            rest[k] = dy[first + k]
    # Idle lanes and rows multiply by zero and add the result to other pixels: nothing, unless it is 0 times an infinity.
    check = dy.dtype.type(0)
    for k in range(image * oh * ow * f, (image + 1) * oh * ow * f):
        check += dy[k] * 0
    careful = not (check == 0 and finite)
    part = np.empty(rows * width, dy.dtype)
    for t in range(tiles):
        for j in range(ow):
            for k in range(kh):
                for p in range(panels):
                    out = (t * rows * sh + k * dh) * line + j * sw * c + p * width
                    at, columns = (k * panels + p) * f * width, min(width, depth - p * width)
                    start = ((image * oh + t * rows) * ow + j) * f
                    if careful and (t >= whole or columns < width):
                        if t < whole:
                            tile(size, 1, f, dy, start, ow * f, 0, 1, packed, at, 0, width, part, 0, width, 0)
                        else:
                            tile(size, 1, f, rest, j * f, ow * f, 0, 1, packed, at, 0, width, part, 0, width, 0)
                        for r in range(min(rows, oh - t * rows)):
                            for q in range(columns):
                                sums[out + r * sh * line + q] += part[r * width + q]
                    elif t < whole:
                        tile(size, 1, f, dy, start, ow * f, 0, 1, packed, at, 0, width, sums, out, sh * line, 1)
                    else:
                        tile(size, 1, f, rest, j * f, ow * f, 0, 1, packed, at, 0, width, sums, out, sh * line, 1)
    for i in range(h):
        at, out = (i + top) * line + left * c, (image * h + i) * w * c
        for k in range(w * c):
            dx[out + k] = sums[at + k]


@compiled
def _backward_x_share(first, last, size, dy, packed, finite, dx, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    """Images first to last - 1."""
    for image in range(first, last):
        _backward_x_image(size, image, dy, packed, finite, dx, shape, oh, ow, f)


@compiled
def _backward_x_on_threads(size, dy, packed, finite, dx, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    in_parallel(_backward_x_share, shape[0], (size, dy, packed, finite, dx, shape, oh, ow, f))


@compiled
def _backward_W_images(size, first, last, x, dy, sums, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    """Images first to last, summed into (kh, panels, tiles, rows, width)."""
    rows, width = len(size[0]), len(size[1]) * len(size[2])
    _, h, w, c, kh, kw, sh, sw, dh, top, bottom, left, right = shape
    line, depth, height = (left + w + right) * c, kw * c, top + h + bottom
    panels, tiles = (depth + width - 1) // width, (f + rows - 1) // rows
    padded = np.zeros(height * line + SLACK, x.dtype)
    for image in range(first, last):
        _copy_padded(x, padded, image, shape, 0, height)
        for k in range(kh):
            for p in range(panels):
                for t in range(tiles):
                    start = image * oh * ow * f + min(t * rows, f - rows)  # the last tile overlaps the one before it
                    tile(
                        size, oh, ow, dy, start, 1, ow * f, f,
                        padded, k * dh * line + p * width, sh * line, sw * c,
                        sums, ((k * panels + p) * tiles + t) * rows * width, width, image - first,
                    )  # fmt: skip


@compiled
def _backward_W_share(first, last, size, x, dy, sums, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, shares = shape[0], len(sums)
    for s in range(first, last):
        _backward_W_images(size, s * n // shares, (s + 1) * n // shares, x, dy, sums[s], shape, oh, ow, f)


@compiled
def _backward_W_on_threads(size, x, dy, sums, shape, oh, ow, f):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_share, len(sums), (size, x, dy, sums, shape, oh, ow, f))


@compiled
def _add_shares(sums, dW, kh, depth, f, rows, width):  # type: ignore[no-untyped-def]
    """dW (kh, depth, f) from the shares' sums (shares, kh, panels, tiles, rows, width)."""
    panels, tiles = (depth + width - 1) // width, (f + rows - 1) // rows
    for k in range(kh):
        for t in range(tiles):
            for r in range(rows):
                column = min(t * rows, f - rows) + r
                for q in range(depth):
                    at = (((k * panels + q // width) * tiles + t) * rows + r) * width + q % width
                    total = sums[0, at]
                    for s in range(1, len(sums)):
                        total += sums[s, at]
                    dW[(k * depth + q) * f + column] = total
