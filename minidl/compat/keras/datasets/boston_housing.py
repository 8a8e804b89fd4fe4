"""``keras.datasets.boston_housing`` of Keras 2.1: 506 districts with 13 measurements each, and prices."""

from __future__ import annotations

import numpy as np

from minidl.compat.keras.datasets.cifar import Data
from minidl.compat.keras.files import found_or_downloaded
from minidl.compat.keywords import keywords_of_keras_1
from minidl.datasets.npy import read_npz
from minidl.errors import ArgumentError, DatasetError

_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


@keywords_of_keras_1("boston_housing.load_data")
def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Data:
    """``(x_train, y_train), (x_test, y_test)``: measurements (n, 13) and prices (n,) in 1000 dollars, of float64.

    Args:
        path: boston_housing.npz by its full path, or the name it has in a folder of data.
        test_split: the part of the districts that is the test.
        seed: of their order; it also seeds ``np.random``, as it did.

    Raises ArgumentError and DatasetError.
    """
    if not 0 <= test_split < 1:
        raise ArgumentError("boston_housing.load_data", f"test_split={test_split!r}", "a number from 0 to below 1")
    where = "boston_housing.load_data()"
    file = found_or_downloaded(where, path, "boston_housing", "boston_housing.npz", sha256=_SHA256, limit=100_000)
    arrays = read_npz(file, ("x", "y"))
    x, y = arrays["x"], arrays["y"]
    if x.ndim != 2 or y.shape != (len(x),):
        raise DatasetError(str(file), f"x {x.shape} and y {y.shape}", "x (n, 13) and y (n,)", "check which file it is")
    np.random.seed(seed)  # noqa: NPY002  (the state that scripts use)
    order = np.arange(len(x))
    np.random.shuffle(order)  # noqa: NPY002
    x, y = x[order], y[order]
    kept = int(len(x) * (1 - test_split))
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])
