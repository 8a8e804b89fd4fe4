"""Maps of the plane that turn, shift, shear, zoom and flip images: one matrix for each image.

A matrix says where to look: the pixel (i, j) of the result is the image at (r, s), rows first. About the centre of h x w
pixels, and as Keras's ImageDataGenerator puts them together:

    (r, s, 1) = C R T S Z C^-1 F (i, j, 1)

    R = cos t  -sin t  0      T = 1 0 tx      S = 1  -sin u  0      Z = zx  0  0      C = 1 0 (h - 1) / 2
        sin t   cos t  0          0 1 ty          0   cos u  0          0  zy  0          0 1 (w - 1) / 2
          0       0    1          0 0  1          0     0    1          0   0  1          0 0      1

F reverses rows, columns, both or none. As the matrices say where to look, tx > 0 moves the picture up, ty > 0 to the left,
and zx > 1 makes it smaller.
Source: keras-team/keras-preprocessing, image/affine_transformations.py, from which only the centre differs: it once was half
a pixel beyond the middle of the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def affine_matrices(
    height: int, width: int, *, rotation: Any, tx: Any, ty: Any, shear: Any, zx: Any, zy: Any, flip_rows: Any, flip_columns: Any
) -> np.ndarray:
    """The first two rows of each matrix, (n, 2, 3), from the parameters (n,) of n images.

    ``rotation`` and ``shear`` are in degrees, ``tx`` and ``ty`` in pixels, zooms are factors, flips true or false.

    >>> none, ones = np.zeros(1), np.ones(1)
    >>> half = affine_matrices(2, 4, rotation=180 * ones, tx=none, ty=none, shear=none, zx=ones, zy=ones,
    ...                        flip_rows=none > 0, flip_columns=none > 0)[0]
    >>> (half @ [0, 0, 1]).round(6).tolist()
    [1.0, 3.0]
    """
    t, u = np.deg2rad(rotation), np.deg2rad(shear)
    zero, one = np.zeros_like(t), np.ones_like(t)

    def of(*rows: tuple[Any, Any, Any]) -> np.ndarray:
        """A matrix (n, 3, 3) from the first two rows of it."""
        return np.stack([np.stack(np.broadcast_arrays(*row), axis=-1) for row in (*rows, (zero, zero, one))], axis=-2)

    to_centre, from_centre = _centre(height, width, -1.0), _centre(height, width, 1.0)
    turned = of((np.cos(t), -np.sin(t), zero), (np.sin(t), np.cos(t), zero))
    shifted = of((one, zero, tx), (zero, one, ty))
    sheared = of((one, -np.sin(u), zero), (zero, np.cos(u), zero))
    zoomed = of((zx, zero, zero), (zero, zy, zero))
    row_sign, column_sign = np.where(flip_rows, -1.0, 1.0), np.where(flip_columns, -1.0, 1.0)
    flipped = of(
        (row_sign, zero, np.where(flip_rows, height - 1.0, 0.0)), (zero, column_sign, np.where(flip_columns, width - 1.0, 0.0))
    )
    return (from_centre @ turned @ shifted @ sheared @ zoomed @ to_centre @ flipped)[:, :2]


def _centre(height: int, width: int, sign: float) -> np.ndarray:
    return np.array([[1.0, 0.0, sign * (height - 1) / 2], [0.0, 1.0, sign * (width - 1) / 2], [0.0, 0.0, 1.0]])
