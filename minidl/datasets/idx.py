"""The IDX format of MNIST: two zero bytes, element type, number of axes, size of each, the numbers; all big-endian."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from minidl.datasets.stream import DEFLATE_RATIO, FIX, Readable, check_shape, read_exactly, require_file
from minidl.errors import DatasetError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_AXES = 8


def _read_header(stream: Readable, where: str) -> tuple[np.dtype, tuple[int, ...]]:
    """Element type and shape, from the first 4 + 4 * axes bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise DatasetError(where, f"first bytes {magic.hex(' ') or 'missing'}", "an IDX file (00 00 08 ..)", FIX)
    axes = magic[3]
    if not 1 <= axes <= MAX_AXES:
        raise DatasetError(where, f"{axes} axes in the header", f"1 to {MAX_AXES}", FIX)
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DatasetError(where, "a header that breaks off", f"{axes} sizes of 4 bytes", FIX)
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{axes}I", sizes)


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip (told by its content, whatever its name).

    Returns:
        The array, of the shape in the header and in the machine's own byte order.

    Raises:
        DatasetError: the file is missing, is not IDX, or holds fewer or more bytes than its header declares. No memory
            is taken for what is only declared.
    """
    path = Path(path)
    require_file(path)
    try:
        with open(path, "rb") as raw:
            return read_idx_from(raw, os.fstat(raw.fileno()).st_size, str(path))
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(str(path), str(error), "a file that can be read", "check the disk and permissions") from error


def read_idx_from(raw: IO[bytes], size_of_file: int, where: str) -> np.ndarray:
    """``read_idx`` from a stream of so many bytes, such as a member of a zip archive, which can go back to its beginning."""
    try:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: Readable = gzip.GzipFile(fileobj=raw) if compressed else raw
        dtype, shape = _read_header(stream, where)
        size = math.prod(shape) * dtype.itemsize
        possible = size_of_file * DEFLATE_RATIO if compressed else size_of_file - 4 - 4 * len(shape)
        if size > possible:
            received = f"a header that declares {size} bytes of data, shape {shape}"
            raise DatasetError(where, received, f"at most the {possible} that fit into its {size_of_file} bytes", FIX)
        check_shape(shape, dtype, where)
        data = read_exactly(stream, size, where)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DatasetError(where, f"broken gzip data ({error})", "a whole file", FIX) from error
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
