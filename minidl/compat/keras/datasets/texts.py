"""Texts as lists of word ranks, IMDB and Reuters: their files, and what ``load_data`` of Keras 2.1 made of them.

    shuffled by ``seed``    w + index_from, start_char in front    shorter than maxlen    skip_top <= w < num_words, or oov_char

The lists are in .npz files as arrays of objects, which NumPy pickles; the files of Keras 1 are pickles. Both are read by an
interpreter of plain values (minidl/datasets/plain_pickle.py); they are never unpickled.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from minidl.compat.keras.files import found_or_downloaded
from minidl.compat.keras.preprocessing.sequence import _remove_long_seq
from minidl.datasets.npy import HEADERS, MAX_HEADER, check_members, read_npz
from minidl.datasets.plain_pickle import read_plain_pickle
from minidl.datasets.stream import FIX, read_exactly
from minidl.errors import ArgumentError, DatasetError

LARGEST = 400_000_000  # bytes of one array of lists
Lists = list[list[int]]


def read_parts(file: Path, names: tuple[str, ...]) -> list[Any]:
    """The arrays of these names from an .npz file, or the parts of a pickle ((x, y), (x, y)), in their order."""
    if zipfile.is_zipfile(file):
        plain = read_npz(file, [name for name in names if name.startswith("y")])
        return [plain[name] if name in plain else _lists_in(file, name) for name in names]
    if file.stat().st_size > LARGEST:
        raise DatasetError(str(file), f"{file.stat().st_size} bytes", f"at most {LARGEST}", FIX)
    given = read_plain_pickle(file.read_bytes(), str(file))
    parts = [part for pair in given for part in pair] if isinstance(given, (tuple, list)) and len(names) == 4 else given
    if not isinstance(parts, (tuple, list)) or len(parts) != len(names):
        raise DatasetError(str(file), "another pickle", f"{', '.join(names)}", "check which file it is")
    return [np.asarray(part) if name.startswith("y") else _checked(part, str(file)) for name, part in zip(names, parts)]


def _lists_in(file: Path, name: str) -> Lists:
    """An array of lists from an .npz file: NumPy's header, and behind it a pickle."""
    where = f"{file}, {name}.npy"
    try:
        with zipfile.ZipFile(file) as archive:
            check_members(archive.infolist(), file.stat().st_size, str(file))
            try:
                member = archive.getinfo(f"{name}.npy")
            except KeyError:
                raise DatasetError(str(file), "another archive", f"{name}.npy in it", "check which file it is") from None
            if member.file_size > LARGEST:
                raise DatasetError(where, f"{member.file_size} bytes", f"at most {LARGEST}", FIX)
            with archive.open(member) as stream:
                read_header, _ = HEADERS[npy_format.read_magic(stream)]
                shape, _, dtype = read_header(stream, max_header_size=MAX_HEADER)
                content = read_exactly(stream, member.file_size - stream.tell(), where)
    except DatasetError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy each have their own ways to fail on damaged bytes
        raise DatasetError(where, f"a broken archive ({error})", "a .npz file", FIX) from error
    if dtype.kind in "iu" and len(shape) == 2:  # all texts of one length
        return [row.tolist() for row in read_npz(file, [name])[name]]
    return _checked(read_plain_pickle(content, where), where)


def _checked(lists: Any, where: str) -> Lists:
    """Lists of integers, whatever sequences they came as."""
    found = []
    for row in lists if isinstance(lists, (list, tuple, np.ndarray)) else [None]:
        row = row.tolist() if isinstance(row, np.ndarray) else row
        if not isinstance(row, (list, tuple)) or not set(map(type, row)) <= {int}:
            raise DatasetError(where, "something else than lists of integers", "a list of integers for each text", FIX)
        found.append(row if isinstance(row, list) else list(row))
    return found


def shuffled(texts: Lists, labels: np.ndarray, where: str) -> tuple[Lists, np.ndarray]:
    """Texts and labels in one order, drawn from ``np.random``."""
    if len(texts) != len(labels):
        raise DatasetError(where, f"{len(texts)} texts and {len(labels)} labels", "as many labels as texts", FIX)
    order = np.arange(len(texts))
    np.random.shuffle(order)  # noqa: NPY002  (the state that scripts use)
    return [texts[i] for i in order.tolist()], labels[order]


def prepared(
    where: str,
    texts: Lists,
    labels: Any,
    num_words: int | None,
    skip_top: int,
    maxlen: int | None,
    start_char: int | None,
    oov_char: int | None,
    index_from: int,
) -> tuple[Lists, Any]:
    """The texts with marks and without rare words, and their labels; fewer of both where ``maxlen`` leaves some out."""
    if start_char is not None:
        texts = [[start_char, *[w + index_from for w in x]] for x in texts]
    elif index_from:
        texts = [[w + index_from for w in x] for x in texts]
    if maxlen:
        texts, labels = _remove_long_seq(maxlen, texts, labels)
    if not texts:
        received = f"no text shorter than maxlen={maxlen}" if maxlen else "no texts"
        raise ArgumentError(where, received, "at least one", "a larger maxlen")
    limit = num_words or max(max(x, default=0) for x in texts)
    if oov_char is not None:
        return [[w if skip_top <= w < limit else oov_char for w in x] for x in texts], labels
    return [[w for w in x if skip_top <= w < limit] for x in texts], labels


def as_array(texts: Lists) -> np.ndarray:
    """An array (n,) of lists; a matrix where all are of one length, as NumPy made it."""
    if len({len(x) for x in texts}) <= 1:
        return np.array(texts)
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def word_index(where: str, path: str, name: str, original: str, md5: str) -> dict[str, int]:
    """{word: rank} from a JSON file."""
    file = found_or_downloaded(where, path, name, original, md5=md5, limit=10_000_000)
    try:
        index = json.loads(file.read_bytes())
    except ValueError as error:
        raise DatasetError(str(file), f"no JSON ({error})", original, FIX) from None
    if not isinstance(index, dict) or not all(type(rank) is int for rank in index.values()):
        raise DatasetError(str(file), "other JSON", "words with their ranks", FIX)
    return index
