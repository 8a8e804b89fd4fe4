"""Fashion-MNIST, articles of clothing of Zalando (Xiao, Rasul, Vollgraf 2017), in MNIST's form."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.idx_set import IdxSet, Images

MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
# x_train, y_train, x_test, y_test: the original file, its SHA-256 and its size in bytes; source: TensorFlow Datasets.
FILES = (
    ("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
    ("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
    ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
    ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
)
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def _set() -> IdxSet:
    return IdxSet("fashion_mnist", "Fashion-MNIST", MIRRORS, FILES)


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path, download=False)`` would read from: a folder or an .npz file; None if nothing is there."""
    return _set().find(path)


def load_data(path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1) -> Images:
    """Load Fashion-MNIST from ``path``, else ``$MINIDL_DATA/fashion_mnist``, else the cache, else the net.

    Args:
        path: a folder that holds the four IDX files (plain or .gz), ``fashion_mnist.npz`` or ``x_train.npy``, ``y_train.npy``,
            ``x_test.npy`` and ``y_test.npy``; or an .npz file. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: 60,000 and 10,000 images ``(n, 28, 28)`` from 0 to 255 and labels ``(n,)``
        from 0 to 9, all of type uint8. ``CLASSES`` are their names.

    Raises:
        DatasetError: nothing was found, no mirror answered, or a file is damaged or is not Fashion-MNIST.
    """
    return _set().load(path, download, verbose)
