"""Data sets in MNIST's form: images and labels for training and for a test, in four IDX files.

The files are looked for at a path, else in ``$MINIDL_DATA/<name>``, else in the cache, else on the net by way of the cache.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minidl.datasets.download import download as download_file
from minidl.datasets.download import sha256_of
from minidl.datasets.idx import read_idx
from minidl.datasets.locate import cache_folder, data_folder
from minidl.datasets.npy import read_npy, read_npz
from minidl.errors import DatasetError

Bytes = npt.NDArray[np.uint8]
Images = tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]

NAMES = ("x_train", "y_train", "x_test", "y_test")


class IdxSet(NamedTuple):
    """One data set.

    Args:
        name: of its folder, and of its .npz file.
        title: what messages call it.
        mirrors: addresses that the names of the files are put behind, https or http.
        files: for each of ``NAMES``: the original file, its SHA-256 and its size in bytes.
        classes: how many classes there are, from label 0 on.
    """

    name: str
    title: str
    mirrors: Sequence[str]
    files: Sequence[tuple[str, str, int]]
    classes: int = 10

    @property
    def formats(self) -> str:
        """The files that will do, for messages."""
        first = self.files[0][0].removesuffix(".gz")
        return f"the four IDX files ({first}, .gz or not, ...), {self.name}.npz, or x_train.npy and its three sisters"

    def find(self, path: str | os.PathLike[str] | None = None) -> Path | None:
        """Where ``load(path, download=False)`` would read from: a folder or an .npz file; None if nothing is there."""
        if path is not None:
            path = Path(path).expanduser()
            return path if self._files_at(path) else None
        given = data_folder(self.name)
        if given is not None and self._files_in(given):
            return given
        try:
            cache = cache_folder(self.name)
        except DatasetError:  # no home folder, so no cache
            return None
        return cache if all((cache / name).is_file() for name, _, _ in self.files) else None

    def load(self, path: str | os.PathLike[str] | None, download: bool, verbose: int) -> Images:
        """``(x_train, y_train), (x_test, y_test)``, checked. Raises DatasetError."""
        if path is not None:
            path = Path(path).expanduser()
            files = self._files_at(path)
            if not files:
                found = "nothing" if not path.exists() else "a folder without them" if path.is_dir() else "another file"
                raise DatasetError(
                    f"{self.name}.load_data({str(path)!r})", found, self.formats, "correct path, or leave it out"
                )
        else:
            given = data_folder(self.name)
            files = self._files_in(given) if given else []
            if not files:
                files = self._fill_cache(cache_folder(self.name), download, verbose)
        if verbose:
            print(f"minidl: {self.title} from {files[0] if len(files) == 1 else files[0].parent}", file=sys.stderr)
        return self._read(files)

    # -- files -----------------------------------------------------------------------------------------------------------

    def _files_in(self, folder: Path) -> list[Path]:
        """The files in ``folder`` that make up the data set: four IDX, one .npz or four .npy files; none if incomplete."""
        idx = [path for name, _, _ in self.files if (path := spelt_anyhow(folder, name))]
        npz = folder / f"{self.name}.npz"
        npy = [path for name in NAMES if (path := folder / f"{name}.npy").is_file()]
        return idx if len(idx) == 4 else [npz] if npz.is_file() else npy if len(npy) == 4 else []

    def _files_at(self, path: Path) -> list[Path]:
        """The files that an explicit path means: those in a folder, or a single .npz file."""
        return [path] if path.suffix == ".npz" and path.is_file() else self._files_in(path)

    def _fill_cache(self, folder: Path, download: bool, verbose: int) -> list[Path]:
        """The four original files in the cache, each verified, and downloaded if it is missing or wrong."""
        for name, sha256, size in self.files:
            fetch(
                self.title,
                self.name,
                folder / name,
                [m + name for m in self.mirrors],
                sha256,
                size,
                self.formats,
                download,
                verbose,
            )
        return [folder / name for name, _, _ in self.files]

    def _read(self, files: list[Path]) -> Images:
        """Read and check the files that ``_files_at`` found."""
        where = files[0] if len(files) == 1 else files[0].parent
        if files[0].suffix == ".npz":
            arrays = list(read_npz(files[0], NAMES).values())
        else:
            arrays = [read_npy(path) if path.suffix == ".npy" else read_idx(path) for path in files]
        labels = NAMES if len(files) == 1 else tuple(path.name for path in files)
        return (
            check_images(arrays[0], arrays[1], (labels[0], labels[1]), str(where), self.title, self.classes),
            check_images(arrays[2], arrays[3], (labels[2], labels[3]), str(where), self.title, self.classes),
        )


def spelt_anyhow(folder: Path, name: str) -> Path | None:
    """The file ``name`` (ending in .gz) in any of its spellings: compressed or plain, with a dash or a dot."""
    for spelling in (name, name[:-3], name.replace("-idx", ".idx"), name[:-3].replace("-idx", ".idx")):
        if (folder / spelling).is_file():
            return folder / spelling
    return None


def fetch(
    title: str,
    folder: str,
    target: Path,
    addresses: Sequence[str],
    sha256: str,
    size: int,
    formats: str,
    download: bool,
    verbose: int,
) -> None:
    """See that the file ``target`` of the cache has this SHA-256; download it if it is missing or wrong and that is allowed."""
    if target.is_file():
        if sha256_of(target) == sha256:
            return
        found = "a file with a wrong SHA-256"
    else:
        found = "no such file"
    if not download:
        given = data_folder(folder)
        raise DatasetError(
            f"{title}, {target}",
            f"{found}; and {f'no complete data in {given}' if given else 'MINIDL_DATA is not set'}",
            formats,
            f"pass path=, set MINIDL_DATA to the folder that holds {folder}/, or allow download=True",
        )
    if verbose and target.is_file():
        print(f"minidl: {target} has a wrong SHA-256; downloading it again", file=sys.stderr)
    download_file(addresses, target, sha256=sha256, limit=size, verbose=verbose)


def check_images(
    images: np.ndarray, labels: np.ndarray, names: tuple[str, str], where: str, title: str, classes: int, first: int = 0
) -> tuple[Bytes, Bytes]:
    """Raise DatasetError unless these are images of 28 x 28 bytes and their labels, ``first`` and up; return both as uint8."""
    image_name, label_name = names
    fix = f"this file is not {title}: check which file it is"
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        received = f"{image_name} of type {images.dtype} and shape {images.shape}"
        raise DatasetError(where, received, "uint8 of shape (n, 28, 28), n > 0", fix)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        received = f"{label_name} of type {labels.dtype} and shape {labels.shape}"
        raise DatasetError(where, received, "integers of shape (n,)", fix)
    if len(images) != len(labels):
        received = f"{len(images)} images in {image_name} and {len(labels)} labels in {label_name}"
        raise DatasetError(where, received, "as many labels as images", "take both from the same source")
    wrong = np.flatnonzero((labels < first) | (labels > first + classes - 1))
    if wrong.size:
        received = f"label {labels[wrong[0]]} at index {wrong[0]} of {label_name}"
        raise DatasetError(where, received, f"labels from {first} to {first + classes - 1}", fix)
    return images, labels.astype(np.uint8, copy=False)
