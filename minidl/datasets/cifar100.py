"""CIFAR-100: 50,000 training and 10,000 test photographs of 32 x 32 pixels in 100 classes, which form 20 groups."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.cifar import CifarSet, Images
from minidl.errors import ArgumentError, closest

# Name, SHA-256 and bytes of the archive; source: TensorFlow Datasets. Its MD5 on the authors' page is 03b5dce0...e9cb8.
ARCHIVE = ("cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", 168513733)
SET = CifarSet(
    *("cifar100", "CIFAR-100", ARCHIVE, "cifar-100-binary"),
    training=("train.bin",),
    test="test.bin",
    labels=(20, 100),
)


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path=path, download=False)`` would read from: a folder or the archive; None if nothing is there."""
    return SET.find(path)


def load_data(
    label_mode: str = "fine", path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1
) -> Images:
    """Load CIFAR-100 from ``path``, else ``$MINIDL_DATA/cifar100``, else the cache, else the net (169 MB).

    Args:
        label_mode: "fine" gives the 100 classes, "coarse" the 20 groups.
        path: cifar-100-binary.tar.gz, or a folder that holds it or its files. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: images ``(n, 32, 32, 3)`` from 0 to 255 and labels ``(n,)``, all uint8.

    Raises:
        ArgumentError: another label mode.
        DatasetError: nothing was found, the mirror did not answer, or a file is damaged or is not CIFAR-100.
    """
    if label_mode not in ("fine", "coarse"):
        meant = closest(label_mode, ("fine", "coarse"))
        raise ArgumentError("cifar100.load_data", f"label_mode={label_mode!r}", "'fine' or 'coarse'", meant=meant)
    return SET.load(path, int(label_mode == "fine"), download, verbose)
