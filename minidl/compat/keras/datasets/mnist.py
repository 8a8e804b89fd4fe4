"""``keras.datasets.mnist`` of Keras 2.1."""

from __future__ import annotations

from pathlib import Path

from minidl.compat.keras.datasets.digits_28 import find_images
from minidl.compat.keras.files import find, missing
from minidl.compat.keywords import keywords_of_keras_1
from minidl.datasets import mnist as today
from minidl.datasets.idx_set import Images
from minidl.errors import DatasetError


@keywords_of_keras_1("mnist.load_data")
def load_data(path: str = "mnist.npz") -> Images:
    """``(x_train, y_train), (x_test, y_test)``: bytes (n, 28, 28) and labels (n,) from 0 to 9.

    Args:
        path: an .npz file by its full path, or the name it has in a folder of data.

    Raises DatasetError.
    """
    place = find(path, "mnist") or find_images(today.find_data, "mnist")
    try:
        return today.load_data(place, verbose=int(place is None))
    except DatasetError as error:
        if place is not None:
            raise
        raise missing(
            "mnist.load_data()", "mnist", ["mnist.npz", Path(today.FILES[0][0]).name], today.MIRRORS[0], error
        ) from error
