"""Where small numbers stand beside far larger ones: what Winograd's convolution must know about the numbers it mixes.

Its transforms add up whole tiles, so each result of a tile is wrong by some roundings of the tile's largest number, even
where that number lies outside the result's own window. The magnitude of a pixel is the largest |number| in its channels, the
magnitude of a window or a tile the largest in it. A result is trusted where its window is zero, for then it is known, or

    magnitude of its tile <= SPREAD (magnitude of its window)

Most bands of tiles are trusted at a glance: all windows of a block of r x r have one pixel in common, so a few pixels bound
all windows from below. The gradient of W sums over positions i, so there the sums are compared. It is trusted if for all taps k

    sum over tiles (magnitude of x) (magnitude of dy) <= SPREAD sum over i (magnitude of x at i + k) (magnitude of dy at i)

The left side takes for a tile's magnitudes those of its band; the right side is a sum over some of the positions: both err
on the safe side. A large weight spreads too: where in some filter the sums of |W| of two taps differ more than
``TAPS`` times, nothing is trusted. Numbers below ``LEAST`` are not trusted:
the transforms of still smaller ones would lose digits.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._vector import LANES, absolute, largest, load, splat, store, total, where, widened

SPREAD = 64.0  # windows of ordinary activations and gradients are rarely further apart
TAPS = 16.0  # the same for the taps of a filter, some of which meet zeros around the image
LEAST = 2.0**-90


@inner
def magnitude(numbers, start, count):  # type: ignore[no-untyped-def]
    """The largest |number| of a run. NaN is left out: it makes the result NaN, which is noticed there."""
    a, b = splat(numbers, 0), splat(numbers, 0)
    whole = count // (2 * LANES) * (2 * LANES)
    for k in range(start, start + whole, 2 * LANES):
        some, more = absolute(load(numbers, k, LANES, 0)), absolute(load(numbers, k + LANES, LANES, 0))
        a, b = where(some > a, some, a), where(more > b, more, b)
    for k in range(whole, count, LANES):
        some = absolute(load(numbers, start + k, count - k, 0))
        a = where(some > a, some, a)
    return largest(where(a > b, a, b))


@inner
def pixel_magnitudes(image, start, pixels, c, magnitudes):  # type: ignore[no-untyped-def]
    """magnitudes (pixels,) of pixels of c numbers, from ``start``."""
    for i in range(pixels):
        magnitudes[i] = magnitude(image, start + i * c, c)


@inner
def is_evenly_sized(padded, columns, c, taps, rows, across, first, h, left, w):  # type: ignore[no-untyped-def]
    """Whether a glance at a band (.., columns, c) shows that all its rows x across windows are trusted, and none is zero.

    Rows -first to h - 1 - first of the band and columns left to left + w - 1 are those of the image; zeros surround them.
    """
    most = magnitude(padded, 0, (rows + taps - 1) * columns * c)
    if most < LEAST:
        return most == 0  # then there is nothing to spread
    for i in range(0, rows, taps):
        row = min(max(i + taps - 1, -first), h - 1 - first)
        for j in range(0, across, taps):
            column = min(max(j + taps - 1, left), left + w - 1)
            if SPREAD * magnitude(padded, (row * columns + column) * c, c) < most:
                return False
    return True


@inner
def window_magnitudes(magnitudes, columns, taps, rows, across, windows):  # type: ignore[no-untyped-def]
    """windows (rows, across): the magnitude of the window that begins at each pixel, from those of pixels (.., columns)."""
    for i in range(rows):
        for j in range(0, across, LANES):
            most = splat(windows, 0)
            for p in range(taps):
                for q in range(taps):
                    some = load(magnitudes, (i + p) * columns + j + q, LANES, 0)
                    most = where(some > most, some, most)
            store(windows, i * across + j, across - j, most)


@inner
def are_trusted(windows, rows, across, m):  # type: ignore[no-untyped-def]
    """Whether all windows of tiles of m x m results are."""
    for i0 in range(0, rows, m):
        for j0 in range(0, across, m):
            most, least = LEAST, np.inf
            for i in range(i0, min(i0 + m, rows)):
                for j in range(j0, min(j0 + m, across)):
                    size = np.float64(windows[i * across + j])
                    most = max(most, size)
                    least = min(least, size if size > 0 else np.inf)
            if SPREAD * least < most:
                return False
    return True


@inner
def is_uneven(W, taps, c, f):  # type: ignore[no-untyped-def]
    """Whether in some filter of W (taps, c, f) one tap is far below another; a tap's size is its sum of |W| over c."""
    uneven = splat(W, 0)
    for j in range(0, f, LANES):
        most, least = splat(W, 0), splat(W, np.inf)
        for k in range(taps):
            size = splat(W, 0)
            for i in range(c):
                size = size + absolute(load(W, (k * c + i) * f + j, f - j, 0))
            most, least = where(size > most, size, most), where(size < least, size, least)
        far = (least * TAPS < most) | (most < LEAST)
        uneven = where(far & (most > 0), 1, uneven)
    return largest(uneven) > 0


@inner
def add_products(x, columns, c, dy, dy_columns, f, rows, row, m, taps, x_sizes, dy_sizes, sums):  # type: ignore[no-untyped-def]
    """sums (1 + taps taps,) += the left side above for a band of ``rows`` rows of dy, and the right sides for one of them."""
    of_x = np.float64(magnitude(x, 0, (rows + taps - 1) * columns * c))
    of_dy = np.float64(magnitude(dy, 0, rows * dy_columns * f))
    if of_x == 0 or of_dy == 0:
        return
    sums[0] += (rows // m) * (dy_columns // m) * max(of_x, LEAST) * max(of_dy, LEAST)
    pixel_magnitudes(x, row * columns * c, taps * columns, c, x_sizes)
    pixel_magnitudes(dy, row * dy_columns * f, dy_columns, f, dy_sizes)
    for p in range(taps):
        for q in range(taps):
            products = widened(splat(x_sizes, 0))
            for j in range(0, dy_columns, LANES):
                some = widened(load(x_sizes, p * columns + j + q, dy_columns - j, 0))
                products = products + some * widened(load(dy_sizes, j, dy_columns - j, 0))
            sums[1 + p * taps + q] += total(products)
