"""Indian Pines: spectra of 695 labelled pixels of AVIRIS's scene of 1992 in 200 bands, and the maps of its 16 classes.

The whole cube is not part of what this reads: the pixels are the usual training set of the scene, 50 of each class (15 of the
three rarest). Each band is scaled to 0 to 1 over the scene.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from minidl.datasets.given import given_file
from minidl.datasets.npy import read_npz
from minidl.errors import DatasetError

FILE = "indian_pines_train695.npz"


class IndianPines(NamedTuple):
    """What ``load_data`` gives.

    Attributes:
        x: spectra (695, 200).
        y: classes (695,) from 0 to 15.
        rows, columns: where the pixels are, (695,).
        train_map, test_map: the class of each training and test pixel of the scene (145, 145) from 1 on; 0 for all others.
    """

    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    train_map: np.ndarray
    test_map: np.ndarray


def load_data(path: str | os.PathLike[str] | None = None) -> IndianPines:
    """Spectra and maps from ``path``, or from ``$MINIDL_DATA/indian_pines/indian_pines_train695.npz``. There is no download.

    Args:
        path: the file, or a folder with indian_pines_train695.npz in it.

    Raises:
        DatasetError: it is not there, or is not this file.
    """
    file = given_file("indian_pines", FILE, path)
    arrays = read_npz(file, ("x", "y", "row", "col", "train_map", "test_map"))
    x, y, row, column, train_map, test_map = arrays.values()
    if not _belong_together(x, y, row, column, train_map, test_map):
        received = f"x of shape {x.shape} and labels of shape {y.shape} that do not belong to its map"
        expected = "spectra, labels, rows and columns of the map's pixels"
        raise DatasetError(str(file), received, expected, "check which file it is")
    return IndianPines(x, y.astype(np.int64) - 1, row.astype(np.int64), column.astype(np.int64), train_map, test_map)


def _belong_together(x: np.ndarray, y: np.ndarray, row: np.ndarray, column: np.ndarray, *maps: np.ndarray) -> bool:
    """Whether shapes fit and the map of the training pixels shows the labels at their places."""
    if x.ndim != 2 or any(a.shape != (len(x),) or a.dtype.kind not in "iu" for a in (y, row, column)) or not len(x):
        return False
    shape = maps[0].shape
    if len(shape) != 2 or maps[1].shape != shape or min(row.min(), column.min()) < 0:
        return False
    inside = row.max() < shape[0] and column.max() < shape[1]
    return bool(inside and y.min() >= 1 and np.array_equal(maps[0][row, column], y))
