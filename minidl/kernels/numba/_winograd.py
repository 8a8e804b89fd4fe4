"""Winograd's convolution on tiles of 6 x 6 pixels: fewer products, paid for with additions.

A window of r taps that slides over 6 numbers gives m = 7 - r results, and needs 6 products instead of m r:

    y = A^T [(G w) * (B^T x)]                 one dimension, * element by element
    y = A^T [(G w G^T) * (B^T x B)] A         two: 36 products instead of 144 (r = 3, m = 4) or 100 (r = 5, m = 2)

Summed over the channels, each of the 36 products is a matrix product (tiles x channels) (channels x filters). The gradient
with respect to w is the same sum read backwards, G^T [(A dy A^T) * (B^T x B)] G, summed over all tiles; the gradient with
respect to x is a forward convolution with the window turned around.

The matrices are polynomial interpolation at 0, +-3/4, +-3/2 and infinity: errors 5 to 8 times those of direct summation, a
third of those with the usual +-1, +-2. Numbers that are not finite would spread over their tile; whoever calls is told
that the result is not finite, and takes the direct way.

Source: Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308; points: Barabasz et al. 2020, arXiv:1803.10986.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.geometry import Window
from minidl.kernels.numba._blocking import tile_shape
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._linear_map import apply_map, linear_map
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._pixels import copy_pixels
from minidl.kernels.numba._product import product
from minidl.kernels.numba._runs import clear_run, new_run, zero_run
from minidl.kernels.numba._tile import natural_lanes, tile
from minidl.kernels.numba._vector import LANES, load, splat, total

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)  # and infinity
TILES = 24  # tiles that are worked on together: transformed, they stay in the second cache


def _matrices(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (6, m), G (6, taps) and B^T (6, 6) of the interpolation.

    A and G evaluate a polynomial at the points; B^T is what makes y_i = sum_k x_(i+k) w_k come out.
    """
    results = 7 - taps
    A, G = np.zeros((6, results)), np.zeros((6, taps))
    for j, point in enumerate(POINTS):
        A[j] = point ** np.arange(results)
        G[j] = point ** np.arange(taps) / np.prod([point - other for other in POINTS if other != point])
    A[5, -1] = G[5, -1] = 1
    products = np.einsum("ji,jk->ikj", A, G).reshape(-1, 6)
    i_plus_k = np.add.outer(np.arange(results), np.arange(taps)).reshape(-1)
    B = np.linalg.lstsq(products, (i_plus_k[:, None] == np.arange(6)).astype(float), rcond=None)[0]
    return A, G, np.round(B * 4096) / 4096  # exact: the points are multiples of 1/4


class Maps(NamedTuple):
    """The transforms for a window of so many taps, as addresses of their code."""

    gather: Any  # A^T: results from products
    spread: Any  # A
    collect: Any  # G^T
    interpolate: Any  # B^T: pixels


@lru_cache(maxsize=2)
def _maps(taps: int) -> Maps:
    A, G, B = _matrices(taps)
    return Maps(*(linear_map(tuple(map(tuple, matrix.tolist())), 4) for matrix in (A.T, A, G.T, B)))


FEWEST = 12  # channels and filters below which the transforms cost more than they save
POSITIONS = 1024  # output positions of the batch below which transforming the window does


def takes(W: Any, window: Window, n: int, outputs: tuple[int, ...], dtype: Any) -> bool:
    """Whether fewer products outweigh the transforms, and the numbers are float32 (double precision is summed directly)."""
    if dtype != np.float32 or window.size not in ((3, 3), (5, 5)) or window.strides != (1, 1) or window.dilation != (1, 1):
        return False
    m = 7 - window.size[0]
    products = 36 * prod(-(-size // m) for size in outputs)
    large = min(W.shape[2:]) >= FEWEST and n * prod(outputs) >= POSITIONS
    return large and 3 * products < 2 * window.taps * prod(outputs)


def correlate(x: Any, W: Any, bias: Any, pads: tuple[tuple[int, int], ...], y: Any, relu: bool, turned: bool = False) -> bool:
    """y (n, oh, ow, f) from x (n, h, w, c) and W (r, r, c, f), then + bias and ReLU; whether the sums are finite.

    ``turned``: W is (r, r, f, c) and turned around, for the gradient with respect to x.
    """
    taps, outputs = W.shape[0], 7 - W.shape[0]
    n, h, w, c = x.shape
    _, oh, ow, f = y.shape
    size = tile_shape(TILES, f, x.itemsize)
    assert size is not None
    width = size[1]
    across, down = -(-ow // outputs), -(-oh // outputs)
    rows_of_tiles = max(1, min(down, TILES // across))
    lanes = natural_lanes(x.itemsize)
    (top, _), (left, _) = pads
    shape = (n, h, w, c, oh, ow, f, taps, top, left, across, down, rows_of_tiles, -(-c // lanes) * lanes)
    maps, after = _maps(taps), finisher(len(bias) > 0, relu, x.itemsize)
    U = _at_the_points(W[::-1, ::-1].transpose(0, 1, 3, 2) if turned else W, width)
    tasks = n * -(-down // rows_of_tiles)
    finite = np.ones(tasks, np.bool_)
    _forward_on_threads(size, maps.gather, maps.interpolate, x.reshape(-1), U, bias, after, y.reshape(-1), shape, finite)
    return bool(finite.all())


def _at_the_points(W: Any, width: int) -> Any:
    """U (36, panels, c, width) = G W G^T of W (r, r, c, f), zeros behind the last filter; flat."""
    r, _, c, f = W.shape
    panels = -(-f // width)
    filled, U = (CPU.pool.empty((rows, c * panels * width), W.dtype) for rows in (r * r, 36))
    columns = filled.reshape(r, r, c, panels * width)
    columns[..., :f], columns[..., f:] = W, 0
    both = _evaluate_both(r)
    product(36, c * panels * width, r * r, both, r * r, 1, filled.reshape(-1), c * panels * width, 1, U.reshape(-1))
    if panels == 1:
        return U.reshape(-1)
    by_panel = CPU.pool.empty((36, panels, c, width), W.dtype)
    by_panel[...] = U.reshape(36, c, panels, width).transpose(0, 2, 1, 3)
    return by_panel.reshape(-1)


@lru_cache(maxsize=2)
def _evaluate_both(taps: int) -> Any:
    """G along the rows and along the columns in one matrix (36, taps taps), flat."""
    G = _matrices(taps)[1]
    return np.kron(G, G).astype(np.float32).reshape(-1)


def grad_W(x: Any, dy: Any, pads: tuple[tuple[int, int], ...], dW: Any, shares: int) -> bool:
    """dW (r, r, c, f) from x (n, h, w, c) and dy (n, oh, ow, f), summed in ``shares`` parts; whether it is finite."""
    taps, outputs = dW.shape[0], 7 - dW.shape[0]
    n, h, w, c = x.shape
    _, oh, ow, f = dy.shape
    size = tile_shape(c, f, x.itemsize)
    assert size is not None
    rows, width, _ = size
    across, down = -(-ow // outputs), -(-oh // outputs)
    rows_of_tiles = max(1, min(down, 2 * TILES // across))
    lanes = natural_lanes(x.itemsize)
    (top, _), (left, _) = pads
    c_padded, f_padded = -(-c // rows) * rows, -(-f // width) * width
    shape = (n, h, w, c, oh, ow, f, taps, top, left, across, down, rows_of_tiles, -(-c // lanes) * lanes)
    maps = _maps(taps)
    parts = CPU.pool.empty((shares, taps * taps * c_padded * f_padded + lanes), x.dtype)
    _grad_W_on_threads(size, maps.spread, maps.collect, maps.interpolate, x.reshape(-1), dy.reshape(-1), parts, shape)
    sums = sum_of(parts)[: parts.shape[1] - lanes].reshape(taps, taps, c_padded, f_padded)
    dW[...] = sums[:, :, :c, :f]
    return bool(np.isfinite(dW).all())


@inner
def _transform_tiles(both, padded, line, scratch, step, tile_rows, across, hop, pixel, result, row, tiles):  # type: ignore[no-untyped-def]
    """result (36, tiles, row) = M x M^T of all tiles of a band of pixels: down the columns, then along the rows.

    ``line`` numbers make a row of pixels, ``pixel`` one pixel; neighbouring tiles stand ``hop`` pixels apart.
    """
    for t in range(tile_rows):
        apply_map(both, padded, t * hop * line, line, scratch, 0, step, line)
        for i in range(6):
            for s in range(across):
                at = (i * 6 * tiles + t * across + s) * row
                apply_map(both, scratch, i * step + s * hop * pixel, pixel, result, at, tiles * row, pixel)


@inner
def _forward_share(first, last, size, gather, interpolate, x, U, bias, after, y, shape, finite):  # type: ignore[no-untyped-def]
    """Bands of tile rows, image after image."""
    _, h, w, c, oh, ow, f, taps, top, left, across, down, rows_of_tiles, c_row = shape
    rows, width, _ = size
    m = 7 - taps
    bands, panels = (down + rows_of_tiles - 1) // rows_of_tiles, (f + width - 1) // width
    f_row = panels * width
    most = rows_of_tiles * across  # tiles of a band
    columns = across * m + taps - 1
    line, slack = columns * c, 64
    padded = zero_run((rows_of_tiles * m + taps - 1) * line + slack, x.dtype)
    scratch = zero_run(6 * (line + slack), x.dtype)
    V = zero_run((36 * most + rows) * c_row + slack, x.dtype)
    M = new_run((36 * most + rows) * f_row, x.dtype)
    half, band = new_run(6 * m * f_row, x.dtype), new_run(m * across * m * f_row, x.dtype)
    for index in range(first, last):
        image, t0 = index // bands, (index % bands) * rows_of_tiles
        tile_rows = min(rows_of_tiles, down - t0)
        tiles = tile_rows * across
        copy_pixels(x, padded, image, h, w, c, t0 * m - top, tile_rows * m + taps - 1, left, columns)
        _transform_tiles(interpolate, padded, line, scratch, line + slack, tile_rows, across, m, c, V, c_row, tiles)
        for p in range(36):
            for q in range(panels):
                for t in range(0, tiles, rows):  # a last, partial tile writes where the next product will
                    tile(
                        size, 1, c, V, (p * tiles + t) * c_row, c_row, 0, 1,
                        U, (p * panels + q) * c * width, 0, width, M, (p * tiles + t) * f_row + q * width, f_row, 0,
                    )  # fmt: skip
        check = splat(x, 0)
        for t in range(tile_rows):
            for s in range(across):
                for i in range(6):
                    at = (i * 6 * tiles + t * across + s) * f_row
                    apply_map(gather, M, at, tiles * f_row, half, i * m * f_row, f_row, f)
                apply_map(gather, half, 0, m * f_row, band, s * m * f_row, across * m * f_row, m * f_row)
            for a in range(min(m, oh - (t0 + t) * m)):
                at = a * across * m * f_row
                for j in range(ow):
                    for k in range(0, f, LANES):
                        check = check + load(band, at + j * f_row + k, f - k, 0) * 0
                finish(after, band, at, f_row, y, ((image * oh + (t0 + t) * m + a) * ow) * f, f, ow, f, bias, 0)
        finite[index] = total(check) == 0


@compiled
def _forward_on_threads(size, gather, interpolate, x, U, bias, after, y, shape, finite):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, len(finite), (size, gather, interpolate, x, U, bias, after, y, shape, finite))


@inner
def _grad_W_share(first, last, size, spread, collect, interpolate, x, dy, parts, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself: (taps, taps, c_padded, f_padded)."""
    n, h, w, c, oh, ow, f, taps, top, left, across, down, rows_of_tiles, c_row = shape
    rows, width, _ = size
    m = 7 - taps
    panels, c_padded = (f + width - 1) // width, (c + rows - 1) // rows * rows
    f_row = panels * width
    most = rows_of_tiles * across
    columns = across * m + taps - 1
    line, dy_line, slack = columns * c, across * m * f, 64
    padded = zero_run((rows_of_tiles * m + taps - 1) * line + slack, x.dtype)
    dy_padded = zero_run(rows_of_tiles * m * dy_line + slack, x.dtype)
    scratch = zero_run(6 * (max(line, dy_line) + slack), x.dtype)
    V = zero_run(36 * most * c_row + rows + slack, x.dtype)
    Y = zero_run(36 * most * f_row + slack, x.dtype)
    S, half = new_run(36 * c_padded * f_row, x.dtype), new_run(taps * 6 * c_padded * f_row, x.dtype)
    block = c_padded * f_row
    for share in range(first, last):
        clear_run(S, 0, len(S))
        for image in range(share * n // len(parts), (share + 1) * n // len(parts)):
            for t0 in range(0, down, rows_of_tiles):
                tile_rows = min(rows_of_tiles, down - t0)
                tiles = tile_rows * across
                copy_pixels(x, padded, image, h, w, c, t0 * m - top, tile_rows * m + taps - 1, left, columns)
                _transform_tiles(interpolate, padded, line, scratch, line + slack, tile_rows, across, m, c, V, c_row, tiles)
                copy_pixels(dy, dy_padded, image, oh, ow, f, t0 * m, tile_rows * m, 0, across * m)
                _transform_tiles(spread, dy_padded, dy_line, scratch, dy_line + slack, tile_rows, across, m, f, Y, f_row, tiles)
                for p in range(36):
                    for q in range(panels):
                        for k in range(0, c, rows):
                            tile(
                                size, 1, tiles, V, p * tiles * c_row + k, 1, 0, c_row,
                                Y, p * tiles * f_row + q * width, 0, f_row, S, p * block + k * f_row + q * width, f_row, 1,
                            )  # fmt: skip
        apply_map(collect, S, 0, 6 * block, half, 0, 6 * block, 6 * block)
        for k in range(taps):
            apply_map(collect, half, k * 6 * block, block, parts[share], k * taps * block, block, block)


@compiled
def _grad_W_on_threads(size, spread, collect, interpolate, x, dy, parts, shape):  # type: ignore[no-untyped-def]
    in_parallel(_grad_W_share, len(parts), (size, spread, collect, interpolate, x, dy, parts, shape))
