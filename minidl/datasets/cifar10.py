"""CIFAR-10: 50,000 training and 10,000 test photographs of 32 x 32 pixels in 10 classes (Krizhevsky 2009)."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.cifar import CifarSet, Images

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# Name, SHA-256 and bytes of the archive; source: TensorFlow Datasets. Its MD5 on the authors' page is c32a1d4a...87530.
ARCHIVE = ("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171)
SET = CifarSet(
    *("cifar10", "CIFAR-10", ARCHIVE, "cifar-10-batches-bin"),
    training=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test="test_batch.bin",
    labels=(10,),
)


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path, download=False)`` would read from: a folder or the archive; None if nothing is there."""
    return SET.find(path)


def load_data(path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1) -> Images:
    """Load CIFAR-10 from ``path``, else ``$MINIDL_DATA/cifar10``, else the cache, else the net (170 MB).

    Args:
        path: cifar-10-binary.tar.gz, or a folder that holds it or its files. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images ``(n, 32, 32, 3)`` from 0 to 255 and labels ``(n,)`` from 0 to 9, all
        of type uint8. ``CLASSES`` are their names.

    Raises:
        DatasetError: nothing was found, the mirror did not answer, or a file is damaged or is not CIFAR-10.
    """
    return SET.load(path, 0, download, verbose)
