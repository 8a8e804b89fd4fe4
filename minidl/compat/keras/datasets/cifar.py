"""``keras.datasets.cifar`` of Keras 2.1: the files of CIFAR-10 and CIFAR-100, in the form that Keras downloaded and others.

    cifar-10-batches-py/     data_batch_1 ... data_batch_5, test_batch       pickles: {"data": (n, 3072), "labels": [n], ...}
    cifar-100-python/        train, test                                     the same with "fine_labels", "coarse_labels"
    cifar-10-binary.tar.gz   and the like                                    minidl/datasets/cifar.py

The pickles are read by an interpreter of plain values (minidl/datasets/plain_pickle.py); they are never unpickled.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl import config
from minidl.compat.keras.files import folders, missing
from minidl.datasets.cifar import LARGEST, PIXELS, CifarSet, read_archive
from minidl.datasets.plain_pickle import read_plain_pickle
from minidl.datasets.stream import FIX, require_file
from minidl.errors import DatasetError

Data = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Pickled(NamedTuple):
    """Names of the pickles of one of the two sets."""

    folder: str
    archives: tuple[str, ...]
    training: tuple[str, ...]
    test: str


def load_batch(fpath: str | os.PathLike[str], label_key: str = "labels") -> tuple[np.ndarray, list[int]]:
    """Images (n, 3, 32, 32) and the labels, of one pickled file. Raises DatasetError."""
    path = Path(fpath)
    require_file(path)
    size = path.stat().st_size
    if size > LARGEST:
        raise DatasetError(str(path), f"{size} bytes", f"at most {LARGEST}", FIX)
    return _batch(path.read_bytes(), label_key, str(path))


def load(today: CifarSet, pickled: Pickled, label_key: str, which_label: int, classes: int) -> Data:
    """Both parts; labels (n, 1), and the axes of images in the order of ``keras.backend.image_data_format()``."""
    where = f"{today.name}.load_data()"
    for folder in folders(today.name):
        contents = _contents(folder, pickled)
        if contents is not None:
            parts = [_batch(content, label_key, place) for place, content in contents]
            break
        found = today._place(folder) if folder.is_dir() else None
        if found is not None:
            return _shaped(*_binary(today, found, which_label))
    else:
        try:
            return _shaped(*_binary(today, None, which_label))
        except DatasetError as error:
            files = [pickled.archives[0], today.archive[0]]
            raise missing(where, today.name, files, today.mirror + pickled.archives[0], error) from error
    for _, labels in parts:
        if not all(0 <= label < classes for label in labels):
            raise DatasetError(where, "labels out of range", f"labels from 0 to {classes - 1}", "check which file it is")
    training, test = parts[:-1], parts[-1]
    y = [label for _, labels in training for label in labels]
    return _shaped(np.concatenate([x for x, _ in training]), y, test[0], test[1])


def _contents(folder: Path, pickled: Pickled) -> list[tuple[str, bytes | bytearray]] | None:
    """Where each pickle is and what it holds: in a folder or an archive; None where there is neither."""
    files = (*pickled.training, pickled.test)
    for place in (folder / pickled.folder, folder):
        if all((place / file).is_file() for file in files):
            return [(str(place / file), (place / file).read_bytes()) for file in files]
    for name in pickled.archives:
        if (folder / name).is_file():
            return [
                (f"{folder / name}, {file}", content)
                for file, content in zip(files, read_archive(folder / name, files, LARGEST))
            ]
    return None


def _batch(content: bytes | bytearray, label_key: str, where: str) -> tuple[np.ndarray, list[int]]:
    expected = f"a dictionary with data (n, {PIXELS}) of bytes and as many {label_key}"
    given = read_plain_pickle(content, where)
    if not isinstance(given, dict):
        raise DatasetError(where, f"a {type(given).__name__}", expected, "check which file it is")
    named = {key.decode("utf-8", "replace") if isinstance(key, bytes) else key: value for key, value in given.items()}
    data, labels = named.get("data"), named.get(label_key)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != PIXELS:
        raise DatasetError(where, f"the keys {', '.join(map(str, named))}", expected, "check which file it is")
    if not isinstance(labels, list) or len(labels) != len(data) or not all(type(label) is int for label in labels):
        raise DatasetError(where, f"other {label_key} than {len(data)} integers", expected, "check which file it is")
    return data.reshape(-1, 3, 32, 32), labels


def _binary(today: CifarSet, place: Path | None, which_label: int) -> tuple[np.ndarray, Any, np.ndarray, Any]:
    (x_train, y_train), (x_test, y_test) = today.load(place, which_label, True, int(place is None))
    return x_train.transpose(0, 3, 1, 2), y_train.astype(int), x_test.transpose(0, 3, 1, 2), y_test.astype(int)


def _shaped(x_train: np.ndarray, y_train: Any, x_test: np.ndarray, y_test: Any) -> Data:
    images = [x_train, x_test]
    if config.data_format() == "channels_last":
        images = [np.ascontiguousarray(x.transpose(0, 2, 3, 1)) for x in images]
    return (np.ascontiguousarray(images[0]), np.reshape(y_train, (-1, 1))), (
        np.ascontiguousarray(images[1]),
        np.reshape(y_test, (-1, 1)),
    )
