"""Samson: a scene of 95 x 95 pixels in 156 spectral bands, with the share of soil, tree and water in each (F. Zhu et al.)."""

from __future__ import annotations

import os

import numpy as np

from minidl.datasets.given import given_file
from minidl.datasets.mat import read_mat
from minidl.errors import DatasetError

FILE = "samson_dataset.mat"
CLASSES = ("soil", "tree", "water")
_SIDE, _BANDS = 95, 156


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cube and shares from ``path``, or from ``$MINIDL_DATA/samson/samson_dataset.mat``. There is no download.

    Args:
        path: the file, or a folder with samson_dataset.mat in it.

    Returns:
        ``(cube, shares)``: reflectances (95, 95, 156) from 0 to 1 and the shares (95, 95, 3) of ``CLASSES``, which add up
        to 1; both float64. ``shares.argmax(axis=-1)`` is a class for each pixel.

    Raises:
        DatasetError: it is not there, or is not this file.
    """
    file = given_file("samson", FILE, path)
    arrays = read_mat(file, ("Y", "A"))  # (bands, pixels) and (3, pixels), pixels column by column
    for name, rows in (("Y", _BANDS), ("A", len(CLASSES))):
        if arrays[name].shape != (rows, _SIDE * _SIDE) or not np.isfinite(arrays[name]).all():
            received = f"{name} of shape {arrays[name].shape}"
            raise DatasetError(str(file), received, f"finite numbers ({rows}, {_SIDE * _SIDE})", "check which file it is")
    cube, shares = (np.ascontiguousarray(arrays[n].T.reshape(_SIDE, _SIDE, -1, order="F"), np.float64) for n in ("Y", "A"))
    return cube, shares
