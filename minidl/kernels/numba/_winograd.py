"""Winograd's convolution on small tiles of pixels: fewer products, paid for with additions.

A window of r taps that slides over s numbers gives m = s + 1 - r results, and needs s products instead of m r:

    y = A^T [(G w) * (B^T x)]                 one dimension, * element by element
    y = A^T [(G w G^T) * (B^T x B)] A         two: 36 products instead of 144 (r = 3, s = 6), 49 instead of 225 (r = 5, s = 7)

Summed over the channels, each of the s s products is a matrix product (tiles x channels) (channels x filters). The gradient
with respect to w is the same sum read backwards, G^T [(A dy A^T) * (B^T x B)] G, summed over all tiles; the gradient with
respect to x is a forward convolution with the window turned around.

The matrices are polynomial interpolation at s - 1 points and infinity. They enlarge the rounding of a direct sum 5 times
(r = 3) and 10 times (r = 5), the usual points 11 and 17 times. Numbers that are not finite, or far larger than others,
would spread over their tile (``_magnitude``); the caller learns which images must be summed directly.

Source: Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308; points: Barabasz et al. 2020, arXiv:1803.10986.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from minidl import config
from minidl.backend.dispatch import CPU
from minidl.backend.frozen import is_frozen, prepared
from minidl.geometry import Window
from minidl.kernels.numba._along_depth import pair_along_depth, sum_columns
from minidl.kernels.numba._blocking import few_rows_shape, tile_cost, tile_shape
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._largest import find_largest
from minidl.kernels.numba._linear_map import apply_map, linear_map
from minidl.kernels.numba._magnitude import (
    SPREAD,
    add_products,
    are_trusted,
    is_evenly_sized,
    is_uneven,
    pixel_magnitudes,
    window_magnitudes,
)
from minidl.kernels.numba._matrix import in_rows
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._pixels import copy_pixels
from minidl.kernels.numba._product import CLEARLY, product, spare_columns
from minidl.kernels.numba._runs import clear_run, new_run, zero_run
from minidl.kernels.numba._tile import natural_lanes, tile
from minidl.kernels.numba._vector import LANES, load, splat, total

POINTS = {3: (0.0, 0.75, -0.75, 1.5, -1.5), 5: (0.375, -0.375, 0.875, -0.875, 1.75, -1.75)}  # by taps; and infinity
FEWEST_BANDS = 4  # of all images, so that threads have something to share, however many there are: bits follow from the bands
TILES = 25  # tiles that are worked on together: transformed, they stay in the second cache
MOST_SPARE = 4  # columns of dW that are summed as rows: tiles of more rows would be compiled for this alone


def _matrices(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (s, m), G (s, taps) and B^T (s, s) of the interpolation at s points.

    A and G evaluate a polynomial at the points; row j of B^T are the coefficients of the polynomial that is zero at all
    other points, and is divided by its value at the point j, which G does.
    """
    points = POINTS[taps]
    side = len(points) + 1
    results = side + 1 - taps
    A, G, B = np.zeros((side, results)), np.zeros((side, taps)), np.zeros((side, side))
    for j, point in enumerate(points):
        others = [other for other in points if other != point]
        A[j] = point ** np.arange(results)
        G[j] = point ** np.arange(taps) / np.prod([point - other for other in others])
        B[j, :-1] = np.poly(others)[::-1]
    A[-1, -1] = G[-1, -1] = 1
    B[-1] = np.poly(points)[::-1]
    return A, G, B


class Maps(NamedTuple):
    """The transforms for a window of so many taps, as addresses of their code."""

    gather: Any  # A^T: results from products
    spread: Any  # A
    collect: Any  # G^T
    interpolate: Any  # B^T: pixels
    find: int  # not a transform: the largest number of a run


class Bands(NamedTuple):
    """All sizes of a convolution by tiles, a few rows of which make a band that one thread works on."""

    images: int
    x: Any  # rows, columns and channels of an image of x
    y: Any  # rows, columns and filters of an image of y
    taps: int  # along an edge of the window
    side: int  # pixels along an edge of a tile of x
    top: int  # rows of zeros above x
    left: int  # columns of zeros before x
    across: int  # tiles in a row of them
    down: int  # tiles in a column
    rows_of_tiles: int  # in a band, the last of which may have fewer
    c_row: int  # channels, rounded up to whole vectors
    f_row: int  # filters, rounded up to whole tiles or vectors
    spare: int  # the last filters, which would not fill a vector: tiles leave them out


@lru_cache(maxsize=2)
def _maps(taps: int) -> Maps:
    A, G, B = _matrices(taps)
    gather, spread, collect, interpolate = (linear_map(tuple(map(tuple, M.tolist())), 4) for M in (A.T, A, G.T, B))
    return Maps(gather, spread, collect, interpolate, find_largest(4))


FEWEST = 12  # channels and filters below which the transforms cost more than they save
POSITIONS = 1024  # output positions of the batch below which transforming the window does
FEW_POSITIONS = 300  # the same where the window was transformed before


def takes(W: Any, window: Window, n: int, outputs: tuple[int, ...], dtype: Any) -> bool:
    """Whether fewer products outweigh the transforms, and the numbers are float32 (double precision is summed directly)."""
    if dtype != np.float32 or window.size not in ((3, 3), (5, 5)) or window.strides != (1, 1) or window.dilation != (1, 1):
        return False
    side = len(POINTS[window.size[0]]) + 1
    m = side + 1 - window.size[0]
    products = side**2 * prod(-(-size // m) for size in outputs)
    fewest = FEW_POSITIONS if is_frozen(W) else POSITIONS
    large = min(W.shape[2:]) >= FEWEST and n * prod(outputs) >= fewest
    return large and 3 * products < 2 * window.taps * prod(outputs) and config.convolution() == "fast"


def correlate(x: Any, W: Any, bias: Any, pads: tuple[tuple[int, int], ...], y: Any, relu: bool, turned: bool = False) -> Any:
    """y (n, oh, ow, f) from x (n, h, w, c) and W (r, r, c, f), then + bias and ReLU; returns the images left to do directly.

    ``turned``: W is (r, r, f, c) and turned around, for the gradient with respect to x.
    """
    taps, side = W.shape[0], len(POINTS[W.shape[0]]) + 1
    n, _, _, c = x.shape
    _, oh, ow, f = y.shape
    across, down, rows_of_tiles = _bands(oh, ow, side + 1 - taps, TILES, -(-FEWEST_BANDS // n))
    spare = spare_columns(TILES, f, c, x.itemsize)  # for bands of any height, so that bits do not depend on it
    size = tile_shape(across * rows_of_tiles, f - spare, x.itemsize)
    assert size is not None
    (top, _), (left, _) = pads
    shape = Bands(
        images=n, x=x.shape[1:], y=y.shape[1:], taps=taps, side=side, top=top, left=left,
        across=across, down=down, rows_of_tiles=rows_of_tiles,
        c_row=_rounded_up(c, x.itemsize), f_row=_row_of_filters(f, spare, size[1], x.itemsize), spare=spare,
    )  # fmt: skip
    after = finisher(len(bias) > 0, relu, x.itemsize)
    U = prepared(W, ("at the points", turned, size[1]), lambda: _unless_uneven(W, turned, size[1], spare))
    if U is None:
        return range(n)
    done = np.ones(n * -(-down // rows_of_tiles), np.bool_)
    arrays = x.reshape(-1), U, bias, y.reshape(-1)
    _forward_on_threads(size, pair_along_depth(spare, x.itemsize), after, tuple(_maps(taps)), *arrays, tuple(shape), done)
    return () if done.all() else np.flatnonzero(~done.reshape(n, -1).all(axis=1))


def _bands(oh: int, ow: int, m: int, tiles: int, fewest: int = 1) -> tuple[int, int, int]:
    """Tiles across and down an image of results, and rows of tiles in each of as few bands of equal height as can be."""
    across, down = -(-ow // m), -(-oh // m)
    bands = max(-(-down // max(1, min(down, tiles // across))), min(fewest, down))
    return across, down, -(-down // bands)


def _rounded_up(count: int, itemsize: int) -> int:
    """So many numbers in whole vectors."""
    return -(-count // natural_lanes(itemsize)) * natural_lanes(itemsize)


def _row_of_filters(f: int, spare: int, width: int, itemsize: int) -> int:
    """The numbers of a row that tiles of this width fill, but for the spare filters."""
    return max(-(-(f - spare) // width) * width, _rounded_up(f, itemsize))


def _unless_uneven(W: Any, turned: bool, width: int, spare: int) -> Any:
    """The window at the points; None where its taps are of too different sizes."""
    filters = W[::-1, ::-1].transpose(0, 1, 3, 2) if turned else W
    return None if is_uneven(filters) else _at_the_points(filters, width, spare)


def _at_the_points(W: Any, width: int, spare: int) -> Any:
    """U = G W G^T of W (r, r, c, f), flat: s s times (panels, c, width), zeros behind the last filter, and (spare, c)."""
    r, _, c, f = W.shape
    panels, both = -(-(f - spare) // width), _evaluate_both(r)
    products, in_tiles = len(both) // r**2, panels * c * width
    filled, U = (CPU.pool.empty((rows, in_tiles + spare * c), W.dtype) for rows in (r * r, products))
    by_tap = filled.reshape(r, r, -1)
    by_panel, by_filter = by_tap[..., :in_tiles].reshape(r, r, panels, c, width), by_tap[..., in_tiles:].reshape(r, r, spare, c)
    for p in range(panels):
        used = min(width, f - spare - p * width)
        by_panel[:, :, p, :, :used] = W[..., p * width : p * width + used]
        by_panel[:, :, p, :, used:] = 0
    by_filter[...] = W[..., f - spare :].transpose(0, 1, 3, 2)
    product(in_rows(both, products, r * r), in_rows(filled.reshape(-1), r * r, filled.shape[1]), U.reshape(-1))
    return U.reshape(-1)


@lru_cache(maxsize=2)
def _evaluate_both(taps: int) -> Any:
    """G along the rows and along the columns in one matrix (s s, taps taps), flat."""
    G = _matrices(taps)[1]
    return np.kron(G, G).astype(np.float32).reshape(-1)


def grad_W(x: Any, dy: Any, pads: tuple[tuple[int, int], ...], dW: Any, shares: int) -> bool:
    """dW (r, r, c, f) from x (n, h, w, c) and dy (n, oh, ow, f), summed in ``shares`` parts; whether it can be trusted."""
    taps, side = dW.shape[0], len(POINTS[dW.shape[0]]) + 1
    n, _, _, c = x.shape
    _, oh, ow, f = dy.shape
    spare = _spare_filters(c, f, x.itemsize)
    size, turned = tile_shape(c, f - spare, x.itemsize), few_rows_shape(max(spare, 1), _rounded_up(c, x.itemsize), x.itemsize)
    assert size is not None
    rows, width, _ = size
    across, down, rows_of_tiles = _bands(oh, ow, side + 1 - taps, 2 * TILES)
    lanes = natural_lanes(x.itemsize)
    (top, _), (left, _) = pads
    c_padded, f_padded = -(-c // rows) * rows, _row_of_filters(f, spare, width, x.itemsize)
    shape = Bands(
        images=n, x=x.shape[1:], y=dy.shape[1:], taps=taps, side=side, top=top, left=left,
        across=across, down=down, rows_of_tiles=rows_of_tiles,
        c_row=_rounded_up(c, x.itemsize), f_row=f_padded, spare=spare,
    )  # fmt: skip
    parts = CPU.pool.empty((shares, taps * taps * c_padded * f_padded + lanes), x.dtype)
    compared = np.zeros((shares, 1 + taps * taps))
    arrays = x.reshape(-1), dy.reshape(-1), parts, compared
    _grad_W_on_threads(size, turned, tuple(_maps(taps)), *arrays, tuple(shape))
    sums = sum_of(parts)[: parts.shape[1] - lanes].reshape(taps, taps, c_padded, f_padded)
    dW[...] = sums[:, :, :c, :f]
    of_tiles, *of_taps = compared.sum(axis=0)
    return bool(SPREAD * min(of_taps) >= of_tiles and np.isfinite(dW).all())


@lru_cache(maxsize=256)
def _spare_filters(c: int, f: int, itemsize: int) -> int:
    """How many of the last columns of dW are better summed as rows of a matrix on its side: those that do not fill a vector."""

    def cost(columns: int) -> float:
        size = tile_shape(c, columns, itemsize)
        assert size is not None
        return tile_cost(size, c, columns, itemsize)

    spare = f % LANES
    if not 0 < spare <= MOST_SPARE:
        return 0
    on_its_side = few_rows_shape(spare, _rounded_up(c, itemsize), itemsize)
    return spare if tile_cost(on_its_side, spare, c, itemsize) < CLEARLY * (cost(f) - cost(f - spare)) else 0


@inner
def _transform_tiles(side, both, padded, line, scratch, step, tile_rows, across, hop, pixel, result, row, tiles):  # type: ignore[no-untyped-def]
    """result (s s, tiles, row) = M x M^T of all tiles of a band of pixels: down the columns, then along the rows.

    ``line`` numbers make a row of pixels, ``pixel`` one pixel; neighbouring tiles stand ``hop`` pixels apart. In between,
    scratch (s, step) holds the columns of one row of tiles.
    """
    for t in range(tile_rows):
        apply_map(both, padded, t * hop * line, line, scratch, 0, step, line)
        for i in range(side):
            for s in range(across):
                at = (i * side * tiles + t * across + s) * row
                apply_map(both, scratch, i * step + s * hop * pixel, pixel, result, at, tiles * row, pixel)


@inner
def _forward_share(first, last, size, along, after, maps, x, U, bias, y, shape, done):  # type: ignore[no-untyped-def]
    """Bands of tile rows, image after image."""
    (h, w, c), (oh, ow, f) = shape.x, shape.y
    taps, side, top, left = shape.taps, shape.side, shape.top, shape.left
    c_row, f_row, spare = shape.c_row, shape.f_row, shape.spare
    across, down, rows_of_tiles = shape.across, shape.down, shape.rows_of_tiles
    gather, interpolate, find = maps.gather, maps.interpolate, maps.find
    rows, width, _ = size
    m, products = side + 1 - taps, side * side
    bands, panels = (down + rows_of_tiles - 1) // rows_of_tiles, (f - spare + width - 1) // width
    most = rows_of_tiles * across  # tiles of a band
    columns = across * m + taps - 1
    line, slack = columns * c, 64
    padded = zero_run((rows_of_tiles * m + taps - 1) * line + slack, x.dtype)  # (rows of pixels, columns, c)
    scratch = zero_run(side * (line + slack), x.dtype)  # (s, line + slack)
    V = zero_run((products * most + rows) * c_row + slack, x.dtype)  # (s s, tiles, c_row): B^T x B
    M = new_run((products * most + rows) * f_row, x.dtype)  # (s s, tiles, f_row): the products, summed over c
    if spare:
        clear_run(M, 0, len(M))  # behind the last filter nothing is written then
    half = new_run(side * m * f_row, x.dtype)  # (s, m, f_row): A^T M of one tile
    band = new_run(m * across * m * f_row, x.dtype)  # (m, across, m, f_row): the results of one row of tiles
    magnitudes = zero_run((rows_of_tiles * m + taps - 1) * columns + slack, x.dtype)  # (rows of pixels, columns)
    windows, found = new_run(rows_of_tiles * m * ow, x.dtype), new_run(2, x.dtype)  # (rows of results, ow)
    for index in range(first, last):
        image, t0 = index // bands, (index % bands) * rows_of_tiles
        tile_rows = min(rows_of_tiles, down - t0)
        tiles = tile_rows * across
        copy_pixels(x, padded, image, h, w, c, t0 * m - top, tile_rows * m + taps - 1, left, columns)
        results = min(tile_rows * m, oh - t0 * m)
        evenly = is_evenly_sized(
            find, padded, columns, c, taps, rows=results, across=ow, first=t0 * m - top, h=h, left=left, w=w, found=found
        )
        if not evenly:
            pixel_magnitudes(find, padded, 0, (results + taps - 1) * columns, c, magnitudes)
            window_magnitudes(magnitudes, columns, taps, results, ow, windows)
            if not are_trusted(windows, results, ow, m):
                done[index] = False
                continue
        _transform_tiles(
            side, interpolate, padded, line, scratch, step=line + slack, tile_rows=tile_rows, across=across,
            hop=m, pixel=c, result=V, row=c_row, tiles=tiles,
        )  # fmt: skip
        for p in range(products):
            for q in range(panels):
                for t in range(0, tiles, rows):  # a last, partial tile writes where the next product will
                    tile(
                        size, outer=1, depth=c,
                        a=V, a_start=(p * tiles + t) * c_row, a_row_step=c_row, a_outer_step=0, a_k_step=1,
                        b=U, b_start=(p * (panels * width + spare) + q * width) * c, b_outer_step=0, b_k_step=width,
                        c=M, c_start=(p * tiles + t) * f_row + q * width, c_row_step=f_row, add=0,
                    )  # fmt: skip
            if spare:  # last, as a last panel may reach into their columns
                sum_columns(
                    along, rows=tiles, columns=spare, depth=c,
                    a=V, a_start=p * tiles * c_row, a_row_step=c_row,
                    b=U, b_start=(p * (panels * width + spare) + panels * width) * c, b_row_step=c,
                    c=M, c_start=p * tiles * f_row + f - spare, c_row_step=f_row,
                )  # fmt: skip
        check = splat(x, 0)
        for t in range(tile_rows):
            for s in range(across):
                for i in range(side):
                    at = (i * side * tiles + t * across + s) * f_row
                    apply_map(gather, M, at, tiles * f_row, half, i * m * f_row, f_row, f)
                apply_map(gather, half, 0, m * f_row, band, s * m * f_row, across * m * f_row, m * f_row)
            for a in range(min(m, oh - (t0 + t) * m)):
                at = a * across * m * f_row
                for j in range(ow):
                    for k in range(0, f, LANES):
                        check = check + load(band, at + j * f_row + k, f - k, 0) * 0
                if not evenly:
                    _clear_results(windows, (t * m + a) * ow, ow, band, at, f_row, f)
                finish(
                    after, sums=band, s_start=at, s_row_step=f_row,
                    y=y, y_start=((image * oh + (t0 + t) * m + a) * ow) * f, y_row_step=f,
                    rows=ow, columns=f, bias=bias, b_start=0,
                )  # fmt: skip
        done[index] = total(check) == 0


@inner
def _clear_results(windows, first, across, band, at, f_row, f):  # type: ignore[no-untyped-def]
    """Zero where the window is: what is there is the rounding of other numbers of the tile."""
    for j in range(across):
        if windows[first + j] == 0:
            clear_run(band, at + j * f_row, f)


@compiled
def _forward_on_threads(size, along, after, maps, x, U, bias, y, shape, done):  # type: ignore[no-untyped-def]
    in_parallel(_forward_share, len(done), (size, along, after, Maps(*maps), x, U, bias, y, Bands(*shape), done))


@inner
def _grad_W_share(first, last, size, turned, maps, x, dy, parts, compared, shape):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the images by itself: (taps, taps, c_padded, f_row)."""
    n, (h, w, c), (oh, ow, f) = shape.images, shape.x, shape.y
    taps, side, top, left = shape.taps, shape.side, shape.top, shape.left
    c_row, f_row, spare = shape.c_row, shape.f_row, shape.spare
    across, down, rows_of_tiles = shape.across, shape.down, shape.rows_of_tiles
    spread, collect, interpolate, find = maps.spread, maps.collect, maps.interpolate, maps.find
    rows, width, _ = size
    m, products = side + 1 - taps, side * side
    panels, c_padded = (f - spare + width - 1) // width, (c + rows - 1) // rows * rows
    wide = (c + turned[1] - 1) // turned[1] * turned[1]
    most = rows_of_tiles * across
    columns = across * m + taps - 1
    line, dy_line, slack = columns * c, across * m * f, 64
    padded = zero_run((rows_of_tiles * m + taps - 1) * line + slack, x.dtype)  # (rows of pixels, columns, c)
    dy_padded = zero_run(rows_of_tiles * m * dy_line + slack, x.dtype)  # (rows of results, across m, f)
    x_sizes, dy_sizes = new_run(taps * columns, x.dtype), new_run(across * m, x.dtype)  # magnitudes of a few rows of pixels
    scratch = zero_run(side * (max(line, dy_line) + slack), x.dtype)  # (s, line + slack)
    V = zero_run(products * most * c_row + max(rows, turned[1]) + slack, x.dtype)  # (s s, tiles, c_row): B^T x B
    Y = zero_run(products * most * f_row + slack, x.dtype)  # (s s, tiles, f_row): A dy A^T
    S = new_run(products * c_padded * f_row, x.dtype)  # (s s, c_padded, f_row): their products, summed over tiles and images
    S_turned = new_run(products * spare * wide, x.dtype)  # (s s, spare, wide): the columns of the spare filters
    half = new_run(taps * side * c_padded * f_row, x.dtype)  # (taps, s, c_padded, f_row): G^T S
    block = c_padded * f_row
    for share in range(first, last):
        clear_run(S, 0, len(S))
        clear_run(S_turned, 0, len(S_turned))
        for image in range(share * n // len(parts), (share + 1) * n // len(parts)):
            for t0 in range(0, down, rows_of_tiles):
                tile_rows = min(rows_of_tiles, down - t0)
                tiles = tile_rows * across
                copy_pixels(x, padded, image, h, w, c, t0 * m - top, tile_rows * m + taps - 1, left, columns)
                _transform_tiles(
                    side, interpolate, padded, line, scratch, step=line + slack, tile_rows=tile_rows, across=across,
                    hop=m, pixel=c, result=V, row=c_row, tiles=tiles,
                )  # fmt: skip
                copy_pixels(dy, dy_padded, image, oh, ow, f, t0 * m, tile_rows * m, 0, across * m)
                add_products(
                    find, x=padded, columns=columns, c=c, dy=dy_padded, dy_columns=across * m, f=f, rows=tile_rows * m,
                    row=image % (tile_rows * m), m=m, taps=taps, x_sizes=x_sizes, dy_sizes=dy_sizes, sums=compared[share],
                )  # fmt: skip
                _transform_tiles(
                    side, spread, dy_padded, dy_line, scratch, step=dy_line + slack, tile_rows=tile_rows, across=across,
                    hop=m, pixel=f, result=Y, row=f_row, tiles=tiles,
                )  # fmt: skip
                for p in range(products):
                    for q in range(panels):
                        for k in range(0, c, rows):
                            tile(
                                size, outer=1, depth=tiles,
                                a=V, a_start=p * tiles * c_row + k, a_row_step=1, a_outer_step=0, a_k_step=c_row,
                                b=Y, b_start=p * tiles * f_row + q * width, b_outer_step=0, b_k_step=f_row,
                                c=S, c_start=p * block + k * f_row + q * width, c_row_step=f_row, add=1,
                            )  # fmt: skip
                    for k in range(0, wide if spare else 0, turned[1]):
                        tile(
                            turned, outer=1, depth=tiles,
                            a=Y, a_start=p * tiles * f_row + f - spare, a_row_step=1, a_outer_step=0, a_k_step=f_row,
                            b=V, b_start=p * tiles * c_row + k, b_outer_step=0, b_k_step=c_row,
                            c=S_turned, c_start=p * spare * wide + k, c_row_step=wide, add=1,
                        )  # fmt: skip
        for p in range(products):
            for q in range(spare):
                for k in range(c):
                    S[p * block + k * f_row + f - spare + q] = S_turned[(p * spare + q) * wide + k]
        apply_map(collect, S, 0, side * block, half, 0, side * block, side * block)
        for k in range(taps):
            apply_map(collect, half, k * side * block, block, parts[share], k * taps * block, block, block)


@compiled
def _grad_W_on_threads(size, turned, maps, x, dy, parts, compared, shape):  # type: ignore[no-untyped-def]
    in_parallel(_grad_W_share, len(parts), (size, turned, Maps(*maps), x, dy, parts, compared, Bands(*shape)))
