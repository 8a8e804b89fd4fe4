"""Images through a map of their pixels, in one pass and on the caller's thread: augmentation runs beside training.

Inside the image the four pixels of a place are neighbours in memory, two and two; only at the border is it asked, pixel by
pixel, what lies beyond.
"""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner

NEAREST, REFLECT, WRAP, CONSTANT = range(4)
MODES = {"nearest": NEAREST, "reflect": REFLECT, "wrap": WRAP, "constant": CONSTANT}
EDGE, FARTHEST = 1e-6, 2.0**31  # the reference's
_NONE = np.zeros((0, 0, 0, 0))


def warp(x: Any, matrix: Any, displacement: Any, order: int, mode: str, value: float, dtype: Any) -> Any:
    """Kernel of ``ops.resample.warp``, from bytes or from the type wanted."""
    dtype = np.dtype(dtype)
    if dtype not in FLOATS or x.dtype not in (np.uint8, dtype) or matrix.dtype != np.float64 or not x.size:
        return NotImplemented
    if displacement is not None and displacement.dtype != np.float64:
        return NotImplemented
    y = CPU.pool.empty(x.shape, dtype)
    moved = displacement is not None
    _warp(x, matrix, displacement if moved else _NONE, moved, order, MODES[mode], dtype.type(value), y)
    return y


@inner
def _inside(index, n, mode):  # type: ignore[no-untyped-def]
    """Which pixel of an axis of n stands at ``index``."""
    if 0 <= index < n:
        return index
    if mode == WRAP:
        return index % n
    if mode == REFLECT:
        index = index % (2 * n)
        return min(index, 2 * n - 1 - index)
    return 0 if index < 0 else n - 1


@compiled
def _warp(x, matrix, displacement, moved, order, mode, value, y):  # type: ignore[no-untyped-def]
    n, h, w, channels = x.shape
    one, half = y.dtype.type(1), 0.5
    clipped = mode in (NEAREST, CONSTANT)
    for image in range(n):
        a = matrix[image]
        for i in range(h):
            r0, s0 = a[0, 0] * i + a[0, 2], a[1, 0] * i + a[1, 2]
            for j in range(w):
                r, s = r0 + a[0, 1] * j, s0 + a[1, 1] * j
                if moved:
                    r += displacement[image, 0, i, j]
                    s += displacement[image, 1, i, j]
                r, s = min(max(r, -FARTHEST), FARTHEST), min(max(s, -FARTHEST), FARTHEST)
                if mode == CONSTANT and (r < -EDGE or r > h - 1 + EDGE or s < -EDGE or s > w - 1 + EDGE):
                    for c in range(channels):
                        y[image, i, j, c] = value
                    continue
                if clipped:
                    r, s = min(max(r, 0.0), h - 1.0), min(max(s, 0.0), w - 1.0)
                if order == 0:
                    row, column = _inside(floor(r + half), h, mode), _inside(floor(s + half), w, mode)
                    for c in range(channels):
                        y[image, i, j, c] = x[image, row, column, c]
                    continue
                top, left = floor(r), floor(s)
                p, q = y.dtype.type(r - top), y.dtype.type(s - left)
                bottom, right = top + 1, left + 1
                if top < 0 or left < 0 or bottom >= h or right >= w:
                    top, bottom = _inside(top, h, mode), _inside(bottom, h, mode)
                    left, right = _inside(left, w, mode), _inside(right, w, mode)
                for c in range(channels):
                    above = (one - q) * x[image, top, left, c] + q * x[image, top, right, c]
                    below = (one - q) * x[image, bottom, left, c] + q * x[image, bottom, right, c]
                    y[image, i, j, c] = (one - p) * above + p * below
