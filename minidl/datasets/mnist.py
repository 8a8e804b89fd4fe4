"""MNIST, handwritten digits of LeCun, Cortes and Burges: 60,000 training and 10,000 test images of 28 x 28 pixels."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.idx_set import NAMES as NAMES
from minidl.datasets.idx_set import IdxSet, Images

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
# For each of NAMES: the original file, its SHA-256 and its size in bytes.
FILES = (
    ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
)


def _set() -> IdxSet:
    return IdxSet("mnist", "MNIST", MIRRORS, FILES)


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path, download=False)`` would read from: a folder or an .npz file; None if nothing is there.

    Nothing is read or verified.
    """
    return _set().find(path)


def load_data(path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1) -> Images:
    """Load MNIST from ``path``, else ``$MINIDL_DATA/mnist``, else the cache, else the net (by way of the cache).

    Args:
        path: a folder that holds the four IDX files (plain or .gz), ``mnist.npz`` or ``x_train.npy``, ``y_train.npy``,
            ``x_test.npy`` and ``y_test.npy``; or an .npz file. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images ``(60000, 28, 28)`` and ``(10000, 28, 28)`` from 0 (white) to
        255 (black), labels ``(60000,)`` and ``(10000,)`` from 0 to 9, all of type uint8.

    Raises:
        DatasetError: nothing was found, no mirror answered, or a file is damaged or is not MNIST.
    """
    return _set().load(path, download, verbose)
