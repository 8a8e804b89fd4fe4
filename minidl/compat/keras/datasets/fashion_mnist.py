"""``keras.datasets.fashion_mnist`` of Keras 2.1."""

from __future__ import annotations

from minidl.compat.keras.datasets.digits_28 import find_images
from minidl.compat.keras.files import missing
from minidl.compat.keywords import keywords_of_keras_1
from minidl.datasets import fashion_mnist as today
from minidl.datasets.idx_set import Images
from minidl.errors import DatasetError


@keywords_of_keras_1("fashion_mnist.load_data")
def load_data() -> Images:
    """``(x_train, y_train), (x_test, y_test)``: bytes (n, 28, 28) and labels (n,) from 0 to 9. Raises DatasetError."""
    place = find_images(today.find_data, "fashion_mnist", "fashion-mnist")
    try:
        return today.load_data(place, verbose=int(place is None))
    except DatasetError as error:
        if place is not None:
            raise
        files = [name for name, _, _ in today.FILES]
        raise missing("fashion_mnist.load_data()", "fashion_mnist", [", ".join(files)], today.MIRRORS[1], error) from error
