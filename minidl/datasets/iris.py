"""Iris: 150 flowers of three species, four measures of each in centimetres (Fisher 1936, data by E. Anderson)."""

from __future__ import annotations

import csv
import math
import os

import numpy as np

from minidl.datasets.given import given_file, read_text
from minidl.errors import DatasetError

FILE = "iris.csv"
CLASSES = ("setosa", "versicolor", "virginica")
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
_LARGEST = 1 << 20  # bytes


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Measures and species from ``path``, or from ``$MINIDL_DATA/iris/iris.csv``. There is no download.

    Args:
        path: the file, or a folder with iris.csv in it: a line of names, then four numbers and a species in each line.

    Returns:
        ``(x, y)``: the four ``FEATURES`` (150, 4) in float64, and labels (150,) from 0 to 2, whose names are ``CLASSES``. The
        flowers are sorted by species.

    Raises:
        DatasetError: it is not there, or is not this file.
    """
    file = given_file("iris", FILE, path)
    try:
        head, *lines = [line for line in csv.reader(read_text(file, _LARGEST).splitlines()) if line]
        if tuple(head) != (*FEATURES, "species") or not lines or any(len(line) != 5 for line in lines):
            raise ValueError(f"columns {', '.join(head)}")
        x = np.array([[float(number) for number in line[:4]] for line in lines])
        y = np.array([CLASSES.index(line[4]) for line in lines])
        if not math.isfinite(x.sum()):
            raise ValueError("numbers that are not finite")
    except (ValueError, csv.Error) as error:
        expected = f"lines of {', '.join(FEATURES)}, species"
        raise DatasetError(str(file), f"something else ({error})", expected, "check which file it is") from error
    return x, y
