"""Direct convolution of volumes: the lines of x that a row of results sees are gathered, then tiles slide along them.

A result row (i, j) of a volume sees one line of x for each pair (k, l) of the window's first two axes. Gathered into scratch,
with the padding around them, they stand one below the other however the window is strided, dilated or cut off there, and
the rest is a convolution along the line. With channels last a window's run of k_w c numbers is contiguous, so that

    forward   a tile is some positions of a row times some filters, summed over the lines and k_w c
    dx        the same for dy and the kernel turned around, where all strides are 1; of one channel, which would be a tile of
              one filter, some taps times some results of a row, added where the taps stand
    dW        a tile is some of the k_w c numbers of one line times some filters, summed over the positions of a row

Gathering copies each number k_h k_l times, and each of the copies is used k_w times the number of filters. Lines that lie
in the padding are left out where that cannot be seen: where no weight is infinite.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._blocking import tile_shape
from minidl.kernels.numba._direct import SLACK, in_panels
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._matrix import Matrix
from minidl.kernels.numba._panels import pack_b, packer
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._runs import clear_run, copy_run, new_run, zero_run
from minidl.kernels.numba._tile import tile
from minidl.kernels.numba._vector import LANES, load, store


class Volume(NamedTuple):
    """All sizes of a convolution of volumes that its kernels need; three axes each, then channels or filters."""

    images: int
    x: Any
    y: Any
    window: Any
    strides: Any
    dilation: Any  # the last is 1
    pads: Any  # pairs of zeros before and behind


def correlate(x: Any, W: Any, bias: Any, window: Window, pads: Any, y: Any, relu: bool) -> None:
    """y (n, *out, f) from x (n, *spatial, c) and W (*size, c, f), then + bias (none: of length 0) and ReLU."""
    f = W.shape[-1]
    size = tile_shape(y.shape[3], f, x.itemsize)
    assert size is not None
    after = finisher(len(bias) > 0, relu, x.itemsize)
    packed = in_panels(W, size[1])
    shape = (len(x), x.shape[1:], y.shape[1:], window.size, window.strides, window.dilation, pads)
    finite = bool(np.isfinite(W).all())
    _forward_on_threads(size, after, x.reshape(-1), packed, finite, bias, y.reshape(-1), shape)


def grad_x(dy: Any, W: Any, window: Window, spatial: Any, no_bias: Any, dx: Any) -> None:
    """dx (n, *spatial, c) from dy (n, *out, f) and W (*size, c, f), all strides 1 and W finite: a convolution as well."""
    if W.shape[3] == 1:
        _grad_x_of_one_channel(dy, W, window, dx)
        return
    turned = np.ascontiguousarray(W[::-1, ::-1, ::-1].swapaxes(3, 4))
    pads = tuple((e - 1 - before, e - 1 - behind) for e, (before, behind) in zip(window.spans, window.pads(spatial)))
    correlate(dy, turned, no_bias, window, pads, dx, relu=False)


def _grad_x_of_one_channel(dy: Any, W: Any, window: Window, dx: Any) -> None:
    """The same where a convolution would have one filter: a row of dy times all taps, added where the taps stand."""
    f, taps = W.shape[-1], window.taps
    size = tile_shape(taps, dy.shape[3], dy.itemsize)
    assert size is not None
    rows_of_taps = np.zeros((-(-taps // size[0]) * size[0], f), W.dtype)  # zeros fill the last tile
    rows_of_taps[:taps] = W.reshape(taps, f)
    shape = (len(dy), dx.shape[1:], dy.shape[1:], window.size, window.strides, window.dilation, window.pads(dx.shape[1:4]))
    code = size, packer(size[1], dy.itemsize)
    _backward_x_on_threads(*code, dy.reshape(-1), rows_of_taps.reshape(-1), dx.reshape(-1), shape)


def grad_W(x: Any, dy: Any, window: Window, dW: Any, shares: int) -> None:
    """dW (*size, c, f) from x (n, *spatial, c) and dy (n, *out, f), summed in ``shares`` parts."""
    (*_, k3, c, f), lines = dW.shape, dW.shape[0] * dW.shape[1]
    size = tile_shape(k3 * c, f, x.itemsize)
    assert size is not None
    rows, width, _ = size
    tiles, panels = -(-k3 * c // rows), -(-f // width)
    sums = CPU.pool.empty((shares, lines * tiles * panels * rows * width), x.dtype)
    shape = (len(x), x.shape[1:], dy.shape[1:], window.size, window.strides, window.dilation, window.pads(x.shape[1:4]))
    copy = finisher(False, False, x.itemsize)
    _backward_W_on_threads(size, copy, x.reshape(-1), dy.reshape(-1), sums, shape)
    by_tile = sum_of(sums).reshape(lines, tiles, panels, rows, width).transpose(0, 1, 3, 2, 4)
    dW.reshape(lines, k3 * c, f)[...] = by_tile.reshape(lines, tiles * rows, panels * width)[:, : k3 * c, :f]


@inner
def _gather(x, lines, image, i, j, shape):  # type: ignore[no-untyped-def]
    """The lines of an image of x that result row (i, j) sees: (k1 k2, line)."""
    (h1, h2, w, c), (k1, k2, _), (s1, s2, _), (d1, d2, _) = shape.x, shape.window, shape.strides, shape.dilation
    (front, _), (top, _), (left, right) = shape.pads
    line = (left + w + right) * c
    for k in range(k1):
        at1 = i * s1 + k * d1 - front
        for l in range(k2):  # noqa: E741
            at2, to = j * s2 + l * d2 - top, (k * k2 + l) * line
            if at1 < 0 or at1 >= h1 or at2 < 0 or at2 >= h2:
                clear_run(lines, to, line)
                continue
            clear_run(lines, to, left * c)
            copy_run(x, ((image * h1 + at1) * h2 + at2) * w * c, lines, to + left * c, w * c)
            clear_run(lines, to + (left + w) * c, right * c)


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
def _forward_share(first, last, size, after, x, packed, finite, bias, y, shape):  # type: ignore[no-untyped-def]
    """Planes of results, of all images: rows (i, j) for one i."""
    rows, width, _ = size
    (h1, h2, w, c), (o1, o2, ow, f), (k1, k2, k3), (s1, s2, sw) = shape.x, shape.y, shape.window, shape.strides
    line = (shape.pads[2][0] + w + shape.pads[2][1]) * c
    slack = rows * sw * c  # what a last, partial tile reads
    lines = new_run(k1 * k2 * line + slack, x.dtype)  # (k1 k2, line)
    clear_run(lines, k1 * k2 * line, slack)
    sums = new_run(rows * width, x.dtype)  # (rows, width): some positions, some filters
    panels, depth = (f + width - 1) // width, k3 * c
    for index in range(first, last):
        for j in range(o2):
            _gather(x, lines, index // o1, index % o1, j, shape)
            k_first, k_last = _inside(index % o1 * s1 - shape.pads[0][0], shape.dilation[0], h1, k1)
            l_first, l_last = _inside(j * s2 - shape.pads[1][0], shape.dilation[1], h2, k2)
            if not finite or (k_last - k_first) * (l_last - l_first) in (0, k1 * k2):
                turns, outer, begin = 1, k1 * k2, 0  # all lines at once
            else:
                turns, outer, begin = k_last - k_first, l_last - l_first, k_first * k2 + l_first
            for p in range(panels):
                columns = min(width, f - p * width)
                for start in range(0, ow, rows):  # the last tile may run into the slack; what it finds there is not written
                    for turn in range(turns):
                        at = begin + turn * k2
                        tile(
                            size, outer=outer, depth=depth,
                            a=lines, a_start=at * line + start * sw * c, a_row_step=sw * c, a_outer_step=line, a_k_step=1,
                            b=packed, b_start=(p * k1 * k2 + at) * depth * width, b_outer_step=depth * width, b_k_step=width,
                            c=sums, c_start=0, c_row_step=width, add=turn,
                        )  # fmt: skip
                    finish(
                        after, sums=sums, s_start=0, s_row_step=width,
                        y=y, y_start=((index * o2 + j) * ow + start) * f + p * width, y_row_step=f,
                        rows=min(rows, ow - start), columns=columns, bias=bias, b_start=p * width,
                    )  # fmt: skip


@compiled
def _forward_on_threads(size, after, x, packed, finite, bias, y, shape):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, shape[0] * shape[2][0], (size, after, x, packed, finite, bias, y, Volume(*shape)))


@inner
def _backward_x_share(first, last, size, pack, dy, W, dx, shape):  # type: ignore[no-untyped-def]
    """Images first to last - 1, of one channel."""
    rows, width, _ = size
    (h1, h2, w, _), (o1, o2, ow, f), (k1, k2, k3), (d1, d2, _) = shape.x, shape.y, shape.window, shape.dilation
    (front, _), (top, _), (left, right) = shape.pads
    line, tiles, panels = left + w + right, len(W) // f // rows, (ow + width - 1) // width
    across = panels * width
    packed = new_run(f * across, dy.dtype)  # (panels, f, width): a row of results on its side
    parts = new_run(tiles * rows * across, dy.dtype)  # (taps, across): what each result of the row gives to each tap
    sums = new_run(h1 * h2 * line, dy.dtype)  # (h1, h2, line): an image with its padding along the last axis
    for image in range(first, last):
        clear_run(sums, 0, h1 * h2 * line)
        for index in range(o1 * o2):
            i, j = index // o2, index % o2
            row = Matrix(dy[(image * o1 * o2 + index) * ow * f :], f, ow, 1, f)
            pack_b(pack, row, 0, 0, f, ow, packed)
            for t in range(tiles):
                for p in range(panels):
                    tile(
                        size, outer=1, depth=f,
                        a=W, a_start=t * rows * f, a_row_step=f, a_outer_step=0, a_k_step=1,
                        b=packed, b_start=p * f * width, b_outer_step=0, b_k_step=width,
                        c=parts, c_start=t * rows * across + p * width, c_row_step=across, add=0,
                    )  # fmt: skip
            for k in range(k1 * k2):
                at1, at2 = i + k // k2 * d1 - front, j + k % k2 * d2 - top
                if 0 <= at1 < h1 and 0 <= at2 < h2:
                    for q in range(k3):
                        to, start = (at1 * h2 + at2) * line + q, (k * k3 + q) * across
                        for v in range(0, ow, LANES):
                            part = load(parts, start + v, ow - v, 0)
                            store(sums, to + v, ow - v, load(sums, to + v, ow - v, 0) + part)
        for r in range(h1 * h2):
            copy_run(sums, r * line + left, dx, (image * h1 * h2 + r) * w, w)


@compiled
def _backward_x_on_threads(size, pack, dy, W, dx, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_x_share, shape[0], (size, pack, dy, W, dx, Volume(*shape)))


@inner
def _backward_W_images(size, copy, first, last, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Images first to last, summed into (lines, tiles, panels, rows, width)."""
    rows, width, _ = size
    (_, _, w, c), (o1, o2, ow, f), (k1, k2, k3), (_, _, sw) = shape.x, shape.y, shape.window, shape.strides
    line = (shape.pads[2][0] + w + shape.pads[2][1]) * c
    lines = zero_run(k1 * k2 * line + SLACK, x.dtype)  # (k1 k2, line)
    panels, tiles = (f + width - 1) // width, (k3 * c + rows - 1) // rows
    padded = zero_run(panels * ow * width, x.dtype)  # (panels, ow, width): a row of dy, zeros behind the last filter
    clear_run(sums, 0, k1 * k2 * tiles * panels * rows * width)
    for index in range(first * o1 * o2, last * o1 * o2):
        _gather(x, lines, index // (o1 * o2), index // o2 % o1, index % o2, shape)
        for p in range(panels):
            finish(
                copy, sums=dy, s_start=index * ow * f + p * width, s_row_step=f,
                y=padded, y_start=p * ow * width, y_row_step=width,
                rows=ow, columns=min(width, f - p * width), bias=dy, b_start=0,
            )  # fmt: skip
        for k in range(k1 * k2):
            for t in range(tiles):  # the last tile may read the line below; its sums there are not used
                for p in range(panels):
                    tile(
                        size, outer=1, depth=ow,
                        a=lines, a_start=k * line + t * rows, a_row_step=1, a_outer_step=0, a_k_step=sw * c,
                        b=padded, b_start=p * ow * width, b_outer_step=0, b_k_step=width,
                        c=sums, c_start=((k * tiles + t) * panels + p) * rows * width, c_row_step=width, add=1,
                    )  # fmt: skip


@inner
def _backward_W_share(first, last, size, copy, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself."""
    n, shares = shape.images, len(sums)
    for s in range(first, last):
        _backward_W_images(size, copy, s * n // shares, (s + 1) * n // shares, x, dy, sums[s], shape)


@compiled
def _backward_W_on_threads(size, copy, x, dy, sums, shape):  # type: ignore[no-untyped-def]
    in_parallel(_backward_W_share, len(sums), (size, copy, x, dy, sums, Volume(*shape)))
