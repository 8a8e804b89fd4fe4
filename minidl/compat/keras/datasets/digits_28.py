"""Where data sets in MNIST's form lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from minidl.compat.keras.files import folders


def find_images(find_data: Callable[[Path], Path | None], name: str, *others: str) -> Path | None:
    """The first folder or file that ``find_data`` takes, among the folders of data set ``name`` and of its other names.

    The files of MNIST and of its successors have the same names: beside those of other sets only ``<name>.npz`` counts,
    except for MNIST itself.
    """
    for title in (name, *others):
        for folder in folders(title):
            found = find_data(folder)
            if found is not None and (folder.name == title or name == "mnist" or found.suffix == ".npz"):
                return found
            if (folder / f"{name}.npz").is_file():
                return folder / f"{name}.npz"
    return None
