"""Kuzushiji-MNIST, ten Japanese characters in cursive writing (Clanuwat et al. 2018), in MNIST's form."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.idx_set import IdxSet, Images

MIRRORS = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
# x_train, y_train, x_test, y_test: the original file, its SHA-256 and its size in bytes; source: TensorFlow Datasets.
FILES = (
    ("train-images-idx3-ubyte.gz", "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18165135),
    ("train-labels-idx1-ubyte.gz", "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29497),
    ("t10k-images-idx3-ubyte.gz", "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3041136),
    ("t10k-labels-idx1-ubyte.gz", "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5120),
)
CLASSES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def _set() -> IdxSet:
    return IdxSet("kmnist", "KMNIST", MIRRORS, FILES)


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path, download=False)`` would read from: a folder or an .npz file; None if nothing is there."""
    return _set().find(path)


def load_data(path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1) -> Images:
    """Load KMNIST from ``path``, else ``$MINIDL_DATA/kmnist``, else the cache, else the net.

    Args:
        path: a folder that holds the four IDX files (plain or .gz), ``kmnist.npz`` or ``x_train.npy``, ``y_train.npy``,
            ``x_test.npy`` and ``y_test.npy``; or an .npz file. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: 60,000 and 10,000 images ``(n, 28, 28)`` from 0 to 255 and labels ``(n,)``
        from 0 to 9, all of type uint8. ``CLASSES`` are their sounds.

    Raises:
        DatasetError: nothing was found, no mirror answered, or a file is damaged or is not KMNIST.
    """
    return _set().load(path, download, verbose)
