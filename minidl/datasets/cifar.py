"""The binary format of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of labels and 32 x 32 pixels in three planes.

    CIFAR-10    label, 1024 red, 1024 green, 1024 blue                    data_batch_1.bin ... data_batch_5.bin, test_batch.bin
    CIFAR-100   coarse label, fine label, 1024 red, 1024 green, 1024 blue                     train.bin, test.bin

The files may be in a folder, or in the archive as it is published (.tar.gz), which is read as a stream and never unpacked:
of its entries the plain files of these names count, whatever folder or link it holds besides. The other form in which the
data are published is made of pickles, which can run programs; it is not read.
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minidl.datasets.idx_set import fetch
from minidl.datasets.locate import cache_folder, data_folder
from minidl.datasets.stream import CHUNK, FIX, Readable, require_file
from minidl.errors import DatasetError

Bytes = npt.NDArray[np.uint8]
Images = tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]

PIXELS = 3 * 32 * 32
LARGEST = 200_000_000  # bytes of an unpacked archive; the published ones have less than 185 million
_BLOCK = 512  # of a tar archive
_MIRROR = "https://www.cs.toronto.edu/~kriz/"


class CifarSet(NamedTuple):
    """One of the two.

    Args:
        name: of its folder.
        title: what messages call it.
        archive: name, SHA-256 and size of what is published.
        inside: the folder that the archive puts its files in.
        training, test: the files.
        labels: how many classes each label byte of a record tells apart.
        mirror: the address that the archive's name is put behind.
    """

    name: str
    title: str
    archive: tuple[str, str, int]
    inside: str
    training: tuple[str, ...]
    test: str
    labels: tuple[int, ...]
    mirror: str = _MIRROR

    @property
    def formats(self) -> str:
        """The files that will do, for messages."""
        return f"{self.archive[0]}, or {self.training[0]} and its sisters"

    def find(self, path: str | os.PathLike[str] | None = None) -> Path | None:
        """Where ``load(path, download=False)`` would read from; None if nothing is there."""
        if path is not None:
            return self._place(Path(path).expanduser())
        given = data_folder(self.name)
        found = None if given is None else self._place(given)
        if found is not None:
            return found
        try:
            cached = cache_folder(self.name) / self.archive[0]
        except DatasetError:  # no home folder, so no cache
            return None
        return cached if cached.is_file() else None

    def load(self, path: str | os.PathLike[str] | None, which_label: int, download: bool, verbose: int) -> Images:
        """``(x_train, y_train), (x_test, y_test)`` with the label of this place in the record. Raises DatasetError."""
        name, sha256, size = self.archive
        place: Path | None
        if path is not None:
            place = self._place(Path(path).expanduser())
            if place is None:
                where, fix = f"{self.name}.load_data({str(path)!r})", "correct path, or leave it out"
                raise DatasetError(where, "nothing of it", self.formats, fix)
        else:
            given = data_folder(self.name)
            place = None if given is None else self._place(given)
            if place is None:
                place = cache_folder(self.name) / name
                fetch(self.title, self.name, place, [self.mirror + name], sha256, size, self.formats, download, verbose)
        if verbose:
            print(f"minidl: {self.title} from {place}", file=sys.stderr)
        files = (*self.training, self.test)
        contents = self._read_folder(place, files) if place.is_dir() else read_archive(place, files, LARGEST)
        training, test = contents[: len(self.training)], contents[-1]
        parts = [self._decoded(content, f"{place}, {file}", which_label) for content, file in zip([*training, test], files)]
        x_train = np.concatenate([x for x, _ in parts[:-1]])
        return (x_train, np.concatenate([y for _, y in parts[:-1]])), parts[-1]

    def _place(self, path: Path) -> Path | None:
        """The archive, or the folder that holds all files, that a path means."""
        if path.is_file():
            return path
        for folder in (path, path / self.inside):
            if all((folder / file).is_file() for file in (*self.training, self.test)):
                return folder
        archive = path / self.archive[0]
        return archive if archive.is_file() else None

    def _read_folder(self, folder: Path, files: tuple[str, ...]) -> list[bytes]:
        contents = []
        for file in files:
            require_file(folder / file)
            size = (folder / file).stat().st_size
            if size > LARGEST:
                raise DatasetError(str(folder / file), f"{size} bytes", f"at most {LARGEST}", FIX)
            contents.append((folder / file).read_bytes())
        return contents

    def _decoded(self, content: bytes | bytearray, where: str, which_label: int) -> tuple[Bytes, Bytes]:
        """Images (n, 32, 32, 3) and labels (n,) of one file."""
        record = len(self.labels) + PIXELS
        if not content or len(content) % record:
            raise DatasetError(where, f"{len(content)} bytes", f"records of {record} bytes", FIX)
        rows = np.frombuffer(content, np.uint8).reshape(-1, record)
        for column, classes in enumerate(self.labels):
            wrong = np.flatnonzero(rows[:, column] >= classes)
            if wrong.size:
                received = f"label {rows[wrong[0], column]} at index {wrong[0]}"
                fix = f"this file is not {self.title}: check which file it is"
                raise DatasetError(where, received, f"labels from 0 to {classes - 1}", fix)
        planes = rows[:, len(self.labels) :].reshape(-1, 3, 32, 32)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), rows[:, which_label].copy()


def read_archive(path: Path, names: tuple[str, ...], limit: int) -> list[bytearray]:
    """The contents of these plain files, by the last part of their name, in a .tar.gz of at most ``limit`` bytes unpacked.

    Nothing is written. Memory is taken as bytes arrive, for the files asked for alone.

    Raises:
        DatasetError: the archive is damaged or too large, or lacks a file or holds it twice.
    """
    require_file(path)
    where, found, done = str(path), dict[str, bytearray](), 0
    try:
        with gzip.open(path, "rb") as stream:
            while (header := stream.read(_BLOCK)).strip(b"\0"):  # an archive ends in blocks of zeros
                done += _BLOCK
                name, size, plain = _tar_header(header, where)
                padded = -(-size // _BLOCK) * _BLOCK
                done += padded
                if done > limit:
                    raise DatasetError(where, f"{name!r} of {size} bytes", f"an archive of at most {limit} bytes", FIX)
                content = _taken(stream, padded, where, keep=plain and name in names)
                if plain and name in names:
                    if name in found:
                        raise DatasetError(where, f"{name!r} twice", "each file once", FIX)
                    found[name] = content[:size]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DatasetError(where, f"a broken archive ({error})", "a .tar.gz file", FIX) from error
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(where, str(error), "a file that can be read", "check the disk and permissions") from error
    for name in names:
        if name not in found:
            there = ", ".join(sorted(found)) or "none of its files"
            raise DatasetError(where, f"an archive with {there}", f"{name} in it", "check which file it is")
    return [found[name] for name in names]


def _tar_header(header: bytes, where: str) -> tuple[str, int, bool]:
    """The last part of the name, the size and whether it is a plain file, from a block of 512 bytes with a right checksum."""
    try:
        checksum, size = _octal(header[148:156]), _octal(header[124:136])
    except ValueError:
        checksum = size = -1
    if len(header) < _BLOCK or checksum != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]) or size < 0:
        raise DatasetError(where, "a broken header in it", "a .tar.gz file", FIX)
    name = header[:100].split(b"\0")[0].decode("utf-8", "replace")
    return name.rpartition("/")[2], size, header[156:157] in (b"0", b"\0")


def _octal(field: bytes) -> int:
    return int(field.strip(b" \0") or b"0", 8)


def _taken(stream: Readable, size: int, where: str, keep: bool) -> bytearray:
    """The next ``size`` bytes, or nothing after going past them."""
    content, left = bytearray(), size
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise DatasetError(where, "an archive that breaks off", "a whole file", FIX)
        left -= len(chunk)
        if keep:
            content += chunk
    return content
