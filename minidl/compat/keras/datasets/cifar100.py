"""``keras.datasets.cifar100`` of Keras 2.1."""

from __future__ import annotations

from minidl.compat.keras.datasets.cifar import Data, Pickled, load
from minidl.compat.keras.datasets.cifar import load_batch as load_batch
from minidl.compat.keywords import keywords_of_keras_1
from minidl.datasets.cifar100 import SET
from minidl.errors import ArgumentError, closest

_FILES = Pickled("cifar-100-python", ("cifar-100-python.tar.gz",), ("train",), "test")


@keywords_of_keras_1("cifar100.load_data")
def load_data(label_mode: str = "fine") -> Data:
    """``(x_train, y_train), (x_test, y_test)``: bytes (n, 32, 32, 3), or (n, 3, 32, 32), and labels (n, 1) of int64.

    Args:
        label_mode: "fine" gives the 100 classes, "coarse" the 20 groups.

    Raises ArgumentError and DatasetError.
    """
    if label_mode not in ("fine", "coarse"):
        meant = closest(label_mode, ("fine", "coarse"))
        raise ArgumentError("cifar100.load_data", f"label_mode={label_mode!r}", "'fine' or 'coarse'", meant=meant)
    fine = label_mode == "fine"
    return load(SET, _FILES, f"{label_mode}_labels", int(fine), 100 if fine else 20)
