"""``keras.datasets.cifar10`` of Keras 2.1."""

from __future__ import annotations

import numpy as np

from minidl.compat.keras.datasets.cifar import Data, Pickled, load
from minidl.compat.keras.datasets.cifar import load_batch as load_batch
from minidl.compat.keywords import keywords_of_keras_1
from minidl.datasets.cifar10 import SET

_FILES = Pickled(
    "cifar-10-batches-py",
    ("cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz"),
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test_batch",
)


@keywords_of_keras_1("cifar10.load_data")
def load_data() -> Data:
    """``(x_train, y_train), (x_test, y_test)``: bytes (n, 32, 32, 3), or (n, 3, 32, 32), and labels (n, 1).

    Labels are uint8 for training and int64 for the test, as they were. Raises DatasetError.
    """
    (x_train, y_train), test = load(SET, _FILES, "labels", 0, 10)
    return (x_train, y_train.astype(np.uint8)), test
