"""Images seen through a map of their pixels: y(i, j) is x at a place between its pixels.

    (r, s) = A (i, j, 1) + d(i, j)          A: 2 x 3, one for each image; d: displacements (2, h, w) of each, or none

    order 0   y(i, j) = x(floor(r + 1/2), floor(s + 1/2))
    order 1   y(i, j) = (1 - p) (1 - q) x(a, b) + (1 - p) q x(a, b + 1) + p (1 - q) x(a + 1, b) + p q x(a + 1, b + 1)
              with a = floor(r), p = r - a, b = floor(s), q = s - b

What lies outside of an axis of n pixels, 0 to n - 1, by ``mode``, shown for the pixels a b c d:

    nearest   a a a | a b c d | d d d       the pixel at the border
    reflect   c b a | a b c d | d c b       mirrored at the border's outer edge
    wrap      b c d | a b c d | a b c       periodic
    constant  k k k | a b c d | k k k       the number ``value`` for every (r, s) that is not between pixels

A place that rounding has put less than ``EDGE`` beside the outermost pixel counts as on it: an image that is turned by 180
degrees keeps its border. Coordinates are float64, whatever the images are.
Source: the modes are those of scipy.ndimage.affine_transform ("wrap" is its "grid-wrap").
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op

MODES = ("nearest", "reflect", "wrap", "constant")
EDGE = 1e-6  # pixels
FARTHEST = 2.0**31  # coordinates beyond are taken to be here, so that they can be counted


@op
def warp(x: Array, matrix: Array, displacement: Array | None, order: int, mode: str, value: float, dtype: Any) -> Array:
    """y (n, h, w, channels) in ``dtype``, of x (n, h, w, channels), matrix (n, 2, 3), displacement (n, 2, h, w) or None."""
    xp = array_namespace(x)
    n, h, w, _channels = x.shape
    x, matrix = x.astype(dtype, copy=False), matrix.astype("float64", copy=False)
    i, j = xp.arange(h, dtype="float64").reshape(1, h, 1), xp.arange(w, dtype="float64").reshape(1, 1, w)
    places = []
    for axis in (0, 1):
        a = matrix[:, axis].reshape(n, 3, 1, 1)
        place = a[:, 0] * i + a[:, 1] * j + a[:, 2]
        place = place if displacement is None else place + displacement[:, axis]
        places.append(xp.clip(place, -FARTHEST, FARTHEST))  # (n, h, w)
    r, s = places
    outside = ((r < -EDGE) | (r > h - 1 + EDGE) | (s < -EDGE) | (s > w - 1 + EDGE))[..., None]
    if mode in ("nearest", "constant"):
        r, s = xp.clip(r, 0, h - 1), xp.clip(s, 0, w - 1)
    images = xp.arange(n).reshape(n, 1, 1)
    if order == 0:
        y = x[images, _inside(xp, xp.floor(r + 0.5), h, mode), _inside(xp, xp.floor(s + 0.5), w, mode)]
    else:
        a, b = xp.floor(r), xp.floor(s)
        p, q = (r - a).astype(dtype)[..., None], (s - b).astype(dtype)[..., None]
        top, bottom = _inside(xp, a, h, mode), _inside(xp, a + 1, h, mode)
        left, right = _inside(xp, b, w, mode), _inside(xp, b + 1, w, mode)
        above = (1 - q) * x[images, top, left] + q * x[images, top, right]
        below = (1 - q) * x[images, bottom, left] + q * x[images, bottom, right]
        y = (1 - p) * above + p * below
    return xp.where(outside, y.dtype.type(value), y) if mode == "constant" else y


def _inside(xp: Any, index: Array, n: int, mode: str) -> Array:
    """Which pixel of an axis of n stands at each whole number ``index``."""
    index = index.astype("int64")
    if mode == "wrap":
        return index % n
    if mode == "reflect":
        index = index % (2 * n)
        return xp.minimum(index, 2 * n - 1 - index)
    return xp.clip(index, 0, n - 1)
