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

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._largest import largest_in
from minidl.kernels.numba._vector import LANES, load, splat, store, where

SPREAD = 64.0  # windows of ordinary activations and gradients are rarely further apart
TAPS = 16.0  # the same for the taps of a filter, some of which meet zeros around the image
LEAST = 2.0**-90


@inner
def pixel_magnitudes(find, image, start, pixels, c, magnitudes):  # type: ignore[no-untyped-def]
    """magnitudes (pixels,) of pixels of c numbers, from ``start``; ``find`` is what ``find_largest`` gives."""
    for i in range(pixels):
        largest_in(find, image, start + i * c, c, magnitudes, i)


@inner
def is_evenly_sized(find, padded, columns, c, taps, rows, across, first, h, left, w, found):  # type: ignore[no-untyped-def]
    """Whether a glance at a band (.., columns, c) shows that all its rows x across windows are trusted, and none is zero.

    Rows -first to h - 1 - first of the band and columns left to left + w - 1 are those of the image; zeros surround them.
    ``found`` is memory for two numbers.
    """
    largest_in(find, padded, 0, (rows + taps - 1) * columns * c, found, 0)
    most = found[0]
    if most < LEAST:
        return most == 0  # then there is nothing to spread
    for i in range(0, rows, taps):
        row = min(max(i + taps - 1, -first), h - 1 - first)
        for j in range(0, across, taps):
            column = min(max(j + taps - 1, left), left + w - 1)
            largest_in(find, padded, (row * columns + column) * c, c, found, 1)
            if SPREAD * found[1] < most:
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
                    size = windows[i * across + j]
                    if size > most:
                        most = size
                    if 0 < size < least:
                        least = size
            if SPREAD * least < most:
                return False
    return True


@np.errstate(all="ignore")
def is_uneven(W: Any) -> bool:
    """Whether in some filter of W (r, r, c, f) one tap is far below another; a tap's size is its sum of |W| over c.

    By NumPy: W is small beside what is convolved, and a function less is compiled.
    """
    sizes = np.abs(W).sum(axis=2)
    most, least = sizes.max(axis=(0, 1)), sizes.min(axis=(0, 1))
    return bool((((least * TAPS < most) | (most < LEAST)) & (most > 0)).any())


@inner
def add_products(find, x, columns, c, dy, dy_columns, f, rows, row, m, taps, x_sizes, dy_sizes, sums):  # type: ignore[no-untyped-def]
    """sums (1 + taps taps,) += the left side above for a band of ``rows`` rows of dy, and the right sides for one of them."""
    largest_in(find, x, 0, (rows + taps - 1) * columns * c, x_sizes, 0)
    largest_in(find, dy, 0, rows * dy_columns * f, dy_sizes, 0)
    of_x, of_dy = np.float64(x_sizes[0]), np.float64(dy_sizes[0])
    if of_x == 0 or of_dy == 0:
        return
    if of_x < LEAST:
        of_x = LEAST
    if of_dy < LEAST:
        of_dy = LEAST
    sums[0] += (rows // m) * (dy_columns // m) * of_x * of_dy
    pixel_magnitudes(find, x, row * columns * c, taps * columns, c, x_sizes)
    pixel_magnitudes(find, dy, row * dy_columns * f, dy_columns, f, dy_sizes)
    for p in range(taps):
        for q in range(taps):
            products = 0.0
            for j in range(dy_columns):
                products += np.float64(x_sizes[p * columns + j + q]) * dy_sizes[j]
            sums[1 + p * taps + q] += products
