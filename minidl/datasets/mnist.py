"""MNIST, handwritten digits of LeCun, Cortes and Burges: 60,000 training and 10,000 test images of 28 x 28 pixels."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minidl.datasets.download import download as download_file
from minidl.datasets.download import sha256_of
from minidl.datasets.idx import read_idx
from minidl.datasets.locate import cache_folder, data_folder
from minidl.datasets.npy import read_npy, read_npz
from minidl.errors import DatasetError

Bytes = npt.NDArray[np.uint8]

MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
NAMES = ("x_train", "y_train", "x_test", "y_test")
# For each of NAMES: the original file, its SHA-256 and its size in bytes.
FILES = (
    ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
)
FORMATS = "the four IDX files (train-images-idx3-ubyte, .gz or not, ...), mnist.npz, or x_train.npy and its three sisters"


def _idx_file(folder: Path, name: str) -> Path | None:
    """The file ``name`` (ending in .gz) in any of its spellings: compressed or plain, with a dash or a dot."""
    for spelling in (name, name[:-3], name.replace("-idx", ".idx"), name[:-3].replace("-idx", ".idx")):
        if (folder / spelling).is_file():
            return folder / spelling
    return None


def _files_in(folder: Path) -> list[Path]:
    """The files in ``folder`` that make up the data set: four IDX, one .npz or four .npy files; none if incomplete."""
    idx = [path for name, _, _ in FILES if (path := _idx_file(folder, name))]
    npz = folder / "mnist.npz"
    npy = [path for name in NAMES if (path := folder / f"{name}.npy").is_file()]
    return idx if len(idx) == 4 else [npz] if npz.is_file() else npy if len(npy) == 4 else []


def _files_at(path: Path) -> list[Path]:
    """The files that an explicit path means: those in a folder, or a single .npz file."""
    return [path] if path.suffix == ".npz" and path.is_file() else _files_in(path)


def _check(images: np.ndarray, labels: np.ndarray, names: tuple[str, str], where: Path) -> tuple[Bytes, Bytes]:
    """Raise DatasetError unless these are MNIST-like images and their labels; return both as uint8."""
    image_name, label_name = names
    fix = "this file is not MNIST: check which file it is"
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        received = f"{image_name} of type {images.dtype} and shape {images.shape}"
        raise DatasetError(str(where), received, "uint8 of shape (n, 28, 28), n > 0", fix)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        received = f"{label_name} of type {labels.dtype} and shape {labels.shape}"
        raise DatasetError(str(where), received, "integers of shape (n,)", fix)
    if len(images) != len(labels):
        received = f"{len(images)} images in {image_name} and {len(labels)} labels in {label_name}"
        raise DatasetError(str(where), received, "as many labels as images", "take both from the same source")
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if wrong.size:
        received = f"label {labels[wrong[0]]} at index {wrong[0]} of {label_name}"
        raise DatasetError(str(where), received, "labels from 0 to 9", fix)
    return images, labels.astype(np.uint8, copy=False)


def _read(files: list[Path]) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """Read and check the files that ``_files_at`` found."""
    where = files[0] if len(files) == 1 else files[0].parent
    if files[0].suffix == ".npz":
        arrays = list(read_npz(files[0], NAMES).values())
    else:
        arrays = [read_npy(path) if path.suffix == ".npy" else read_idx(path) for path in files]
    labels = NAMES if len(files) == 1 else tuple(path.name for path in files)
    return (
        _check(arrays[0], arrays[1], (labels[0], labels[1]), where),
        _check(arrays[2], arrays[3], (labels[2], labels[3]), where),
    )


def find_data(path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where ``load_data(path, download=False)`` would read from: a folder or an .npz file; None if nothing is there.

    Nothing is read or verified.
    """
    if path is not None:
        path = Path(path).expanduser()
        return path if _files_at(path) else None
    given = data_folder("mnist")
    if given is not None and _files_in(given):
        return given
    try:
        cache = cache_folder("mnist")
    except DatasetError:  # no home folder, so no cache
        return None
    return cache if all((cache / name).is_file() for name, _, _ in FILES) else None


def _fill_cache(folder: Path, download: bool, verbose: int) -> list[Path]:
    """The four original files in the cache, each verified, and downloaded if it is missing or wrong."""
    for name, sha256, size in FILES:
        target = folder / name
        if target.is_file():
            if sha256_of(target) == sha256:
                continue
            found = "a file with a wrong SHA-256"
        else:
            found = "no such file"
        if not download:
            given = data_folder("mnist")
            raise DatasetError(
                f"MNIST, {target}",
                f"{found}; and {f'no complete data in {given}' if given else 'MINIDL_DATA is not set'}",
                FORMATS,
                "pass path=, set MINIDL_DATA to the folder that holds mnist/, or allow download=True",
            )
        if verbose and target.is_file():
            print(f"minidl: {target} has a wrong SHA-256; downloading it again", file=sys.stderr)
        download_file([mirror + name for mirror in MIRRORS], target, sha256=sha256, limit=size, verbose=verbose)
    return [folder / name for name, _, _ in FILES]


def load_data(
    path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1
) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
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
    if path is not None:
        path = Path(path).expanduser()
        files = _files_at(path)
        if not files:
            found = "nothing" if not path.exists() else "a folder without them" if path.is_dir() else "another file"
            raise DatasetError(f"mnist.load_data({str(path)!r})", found, FORMATS, "correct path, or leave it out")
    else:
        given = data_folder("mnist")
        files = _files_in(given) if given else []
        if not files:
            files = _fill_cache(cache_folder("mnist"), download, verbose)
    if verbose:
        print(f"minidl: MNIST from {files[0] if len(files) == 1 else files[0].parent}", file=sys.stderr)
    return _read(files)
