"""Maps of the plane that Keras 2.1 saw images through, and functions that change one image at random.

    pixel (i, j) of the result = x(floor(r + 1/2), floor(s + 1/2))        (r, s, 1) = C R T S Z C^-1 (i, j, 1)

with the matrices of minidl/data/affine.py, angles of shear in radians, and C about (h / 2 + 1/2, w / 2 + 1/2), which is half
a pixel beyond the middle, as it was.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, closest
from minidl.ops.resample import MODES, warp


def transform_matrix_offset_center(matrix: Any, x: int, y: int) -> np.ndarray:
    """The map (..., 3, 3) about the middle of x rows and y columns, or what was taken for it: (x / 2 + 1/2, y / 2 + 1/2)."""
    row, column = float(x) / 2 + 0.5, float(y) / 2 + 0.5
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = (row, column), (-row, -column)
    return there @ np.asarray(matrix) @ back


def apply_transform(
    x: Any, transform_matrix: Any, channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0
) -> np.ndarray:
    """One image seen through a map of its pixels (3, 3); each result pixel is the nearest one of the image.

    Args:
        x: an image of three axes.
        transform_matrix: where to look for each pixel.
        channel_axis: the axis of the channels.
        fill_mode: what lies beyond the border: "nearest", "reflect", "wrap" or "constant".
        cval: the number for "constant".
    """
    x = np.asarray(x)
    images = np.moveaxis(x, channel_axis, -1)[np.newaxis]
    float_type = x.dtype if x.dtype in (np.float32, np.float64) else np.dtype("float64")
    seen = seen_through(
        np.ascontiguousarray(images.astype(float_type, copy=False)), np.asarray(transform_matrix)[None], fill_mode, cval
    )
    return np.moveaxis(seen[0], -1, channel_axis).astype(x.dtype, copy=False)


def seen_through(images: np.ndarray, matrices: np.ndarray, fill_mode: str, cval: float) -> np.ndarray:
    """Images (n, h, w, channels) through maps (n, 3, 3).

    "wrap" had a period of n - 1 pixels along an axis of n, as it still has in SciPy: the last pixel lies on the first one.
    """
    if fill_mode not in MODES:
        raise ArgumentError("fill_mode", repr(fill_mode), " or ".join(map(repr, MODES)), meant=closest(fill_mode, MODES))
    maps = np.ascontiguousarray(matrices[:, :2])
    if fill_mode != "wrap":
        return np.asarray(warp(images, maps, None, 0, fill_mode, float(cval), images.dtype))
    height, width = images.shape[1:3]
    rows, columns = np.arange(height)[:, np.newaxis], np.arange(width)[np.newaxis]
    moved = np.empty((len(images), 2, height, width))
    for axis, size in ((0, height), (1, width)):
        a = maps[:, axis, :, np.newaxis, np.newaxis]
        place = a[:, 0] * rows + a[:, 1] * columns + a[:, 2]
        outside = (place < 0) | (place > size - 1)
        moved[:, axis] = np.where(outside, np.mod(place, max(size - 1, 1)) - place, 0.0)
    return np.asarray(warp(images, maps, moved, 0, "nearest", 0.0, images.dtype))


def matrices_of(theta: Any, tx: Any, ty: Any, shear: Any, zx: Any, zy: Any) -> np.ndarray:
    """R T S Z of each image, (n, 3, 3), from parameters (n,)."""
    turned, moved, sheared, zoomed = (np.tile(np.eye(3), (len(theta), 1, 1)) for _ in range(4))
    turned[:, 0, 0] = turned[:, 1, 1] = np.cos(theta)
    turned[:, 0, 1], turned[:, 1, 0] = -np.sin(theta), np.sin(theta)
    moved[:, 0, 2], moved[:, 1, 2] = tx, ty
    sheared[:, 0, 1], sheared[:, 1, 1] = -np.sin(shear), np.cos(shear)
    zoomed[:, 0, 0], zoomed[:, 1, 1] = zx, zy
    return turned @ moved @ sheared @ zoomed


def _one(**parameters: float) -> np.ndarray:
    """The matrix (3, 3) of one image."""
    given = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0, **parameters}
    return matrices_of(**{name: np.array([value]) for name, value in given.items()})[0]


def random_rotation(
    x: Any,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """An image turned by up to ``rg`` degrees to either side."""
    matrix = _one(theta=np.pi / 180 * np.random.uniform(-rg, rg))  # noqa: NPY002  (the state that scripts seed)
    return _about_centre(x, matrix, row_axis, col_axis, channel_axis, fill_mode, cval)


def random_shift(
    x: Any,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """An image moved by up to the parts ``wrg`` of its width and ``hrg`` of its height."""
    tx = np.random.uniform(-hrg, hrg) * np.shape(x)[row_axis]  # noqa: NPY002
    ty = np.random.uniform(-wrg, wrg) * np.shape(x)[col_axis]  # noqa: NPY002
    return apply_transform(x, _one(tx=tx, ty=ty), channel_axis, fill_mode, cval)


def random_shear(
    x: Any,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """An image sheared by up to ``intensity`` radians."""
    matrix = _one(shear=np.random.uniform(-intensity, intensity))  # noqa: NPY002
    return _about_centre(x, matrix, row_axis, col_axis, channel_axis, fill_mode, cval)


def random_zoom(
    x: Any,
    zoom_range: Any,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
) -> np.ndarray:
    """An image zoomed by two factors from the pair ``zoom_range``; above 1 it becomes smaller."""
    zx, zy = zooms(pair_of(zoom_range))
    return _about_centre(x, _one(zx=zx, zy=zy), row_axis, col_axis, channel_axis, fill_mode, cval)


def random_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """An image with up to ``intensity`` added to each channel, within the range of the image's values."""
    x = np.moveaxis(np.asarray(x), channel_axis, 0)
    low, high = x.min(), x.max()
    added = [np.random.uniform(-intensity, intensity) for _ in x]  # noqa: NPY002
    return np.moveaxis(np.stack([np.clip(channel + value, low, high) for channel, value in zip(x, added)]), 0, channel_axis)


def flip_axis(x: Any, axis: int) -> np.ndarray:
    """The image with this axis reversed."""
    return np.flip(np.asarray(x), axis)


def _about_centre(
    x: Any, matrix: np.ndarray, row_axis: int, col_axis: int, channel_axis: int, fill_mode: str, cval: float
) -> np.ndarray:
    height, width = np.shape(x)[row_axis], np.shape(x)[col_axis]
    return apply_transform(x, transform_matrix_offset_center(matrix, height, width), channel_axis, fill_mode, cval)


def pair_of(zoom_range: Any) -> tuple[float, float]:
    """The pair of factors that was given."""
    if np.isscalar(zoom_range) or len(zoom_range) != 2:
        raise ArgumentError("zoom_range", repr(zoom_range), "a pair of factors (low, high)", "(0.8, 1.2)")
    return zoom_range[0], zoom_range[1]


def zooms(zoom_range: Any) -> tuple[float, float]:
    """Two factors drawn from the pair; none are drawn from (1, 1)."""
    if tuple(zoom_range) == (1, 1):
        return 1.0, 1.0
    zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)  # noqa: NPY002
    return float(zx), float(zy)
