"""NumPy's .npy and .npz files from an unknown hand: numbers only, no pickles, no memory for what is merely declared."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from minidl.datasets.stream import DEFLATE_RATIO, FIX, check_shape, read_exactly, require_file
from minidl.errors import DatasetError

MAX_HEADER = 10_000  # bytes; what NumPy itself allows before it distrusts a header
# For each format version: NumPy's reader of the header, and in how many bytes the header's length is written.
HEADERS = {(1, 0): (npy_format.read_array_header_1_0, 2), (2, 0): (npy_format.read_array_header_2_0, 4)}
PLAIN = "an array of plain numbers (integers, floats or booleans)"


def _read_array(stream: IO[bytes], available: int, where: str) -> np.ndarray:
    """One array from a .npy stream whose length is, or is said to be, ``available`` bytes."""
    try:
        read_header, width = HEADERS[npy_format.read_magic(stream)]
        length = stream.read(width)
        size = int.from_bytes(length, "little")
        if size > MAX_HEADER:  # NumPy itself looks at this only after it has read the header
            raise ValueError(f"{size} bytes long")
        header = length + stream.read(size)
        shape, fortran_order, dtype = read_header(io.BytesIO(header), max_header_size=MAX_HEADER)
    except Exception as error:  # a hostile header can make the parser of literals raise almost anything
        raise DatasetError(where, f"a broken .npy header ({error})", "NumPy's format 1.0 or 2.0", FIX) from error
    if dtype.kind not in "biuf":
        raise DatasetError(where, f"elements of type {dtype}", PLAIN, "save such an array with numpy.save")
    size, follow = math.prod(shape) * dtype.itemsize, available - npy_format.MAGIC_LEN - len(header)
    if size != follow:
        declared = size if size < 10**100 else "more than 10**100"  # Python refuses to write longer numbers than 4300 digits
        received = f"a header that declares {declared} bytes, {dtype} of shape {shape}"
        raise DatasetError(where, received, f"the {follow} bytes that follow it", FIX)
    check_shape(shape, dtype, where)
    flat = np.frombuffer(read_exactly(stream, size, where), dtype).astype(dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(flat.reshape(shape, order="F" if fortran_order else "C"))


def read_npy(path: str | os.PathLike[str]) -> np.ndarray:
    """Read one array of numbers from a .npy file.

    Returns:
        The array, C-contiguous and in the machine's own byte order.

    Raises:
        DatasetError: the file is missing or damaged, holds Python objects or text, or its header declares another
            number of bytes than follow.
    """
    path = Path(path)
    require_file(path)
    try:
        with open(path, "rb") as stream:
            return _read_array(stream, os.fstat(stream.fileno()).st_size, str(path))
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(str(path), str(error), "a file that can be read", "check disk and permissions") from error


def check_members(members: list[zipfile.ZipInfo], file_size: int, where: str) -> None:
    """Refuse an archive that could not have come from numpy.savez, before any member is opened."""
    names = [member.filename for member in members]
    for member in members:
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise DatasetError(where, f"a member named {name!r}", "names inside the archive", "do not trust this file")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            received = f"{name!r} in compression method {member.compress_type}"
            raise DatasetError(where, received, "members stored or deflated", "save it with numpy.savez")
        if member.file_size > DEFLATE_RATIO * max(member.compress_size, 1):
            received = f"{name!r}: {member.file_size} bytes from {member.compress_size}"
            raise DatasetError(where, received, f"at most {DEFLATE_RATIO} times as many", "do not trust this file")
    if len(set(names)) < len(names):
        raise DatasetError(where, "two members of one name", "each name once", FIX)
    if sum(member.compress_size for member in members) > file_size:
        raise DatasetError(where, "members that overlap", "each byte used once", "do not trust this file")


def read_npz(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays ``names``, or all, from a .npz file as numpy.savez and numpy.savez_compressed write it.

    Returns:
        A dictionary from each name to its array, C-contiguous and in the machine's own byte order. Other members are
        not read.

    Raises:
        DatasetError: the archive is missing or damaged, lacks a name, could not have come from numpy.savez (names
            that lead outside, overlaps), or an array is refused as by ``read_npy``.
    """
    path = Path(path)
    require_file(path)
    where, arrays = str(path), {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_members(members, path.stat().st_size, where)
            inside = {member.filename: member for member in members}
            every = [name.removesuffix(".npy") for name in inside if name.endswith(".npy")]
            for name in every if names is None else names:
                member = inside.get(f"{name}.npy")
                if member is None:
                    there = ", ".join(sorted(inside)[:10]) or "nothing"
                    raise DatasetError(where, f"an archive of {there}", f"{name}.npy in it", "check which file it is")
                with archive.open(member) as stream:
                    arrays[name] = _read_array(stream, member.file_size, f"{where}, {name}.npy")
    except DatasetError:
        raise
    except Exception as error:  # zipfile, zlib and struct each have their own ways to fail on damaged bytes
        raise DatasetError(where, f"a broken archive ({error})", "a .npz file", FIX) from error
    return arrays
