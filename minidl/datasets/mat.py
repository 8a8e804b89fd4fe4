"""MATLAB's .mat files of level 5 (saved by versions 5 to 7.2, or with -v7): arrays of real numbers, read from an unknown hand.

    file      128 bytes of text, version and byte order; then elements
    element   type, number of bytes, the bytes, padding to 8 (a short one packs all of it into 8 bytes)
    array     element of elements: flags with the class, sizes of the axes, name, numbers in column-major order
    packed    element of an array that zlib has compressed

Only arrays of numbers and truth values are read; cells, structures, objects, text, sparse and complex arrays are refused where
they are asked for by name, and otherwise left out. No memory is taken for what is merely declared. Every array of MATLAB has
two axes at least: a single number is 1 x 1.
Source: MathWorks, MAT-File Format, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from minidl.datasets.stream import DEFLATE_RATIO, FIX, check_shape, require_file
from minidl.errors import DatasetError

_HEADER, _MATRIX, _PACKED = 128, 14, 15  # bytes, and types of elements
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # by type of element
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}  # by class of array
_OTHERS = {1: "a cell array", 2: "a structure", 3: "an object", 4: "text", 5: "a sparse array"}
_COMPLEX, _LOGICAL = 0x800, 0x200  # bits of an array's flags


def read_mat(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays ``names`` from a .mat file, or every array of real numbers in it.

    Returns:
        A dictionary from each name to its array, C-contiguous and in the machine's own byte order.

    Raises:
        DatasetError: the file is missing or damaged, of another level, or a name is missing or not an array of real numbers.
    """
    path = Path(path)
    require_file(path)
    where = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(where, str(error), "a file that can be read", "check the disk and permissions") from error
    order = _byte_order(content, where)
    wanted, found = None if names is None else list(names), dict[str, np.ndarray]()
    others: dict[str, str] = {}
    for kind, data in _elements(memoryview(content)[_HEADER:], order, where):
        if kind == _PACKED:
            data = _unpacked(data, order, where)
        elif kind != _MATRIX:
            continue
        if not len(data):  # MATLAB writes an empty element for an array without anything
            continue
        name, array = _read_array(data, order, where, wanted)
        if isinstance(array, np.ndarray):
            found[name] = array
        else:
            others[name] = array or ""
    for name in wanted or ():
        if name not in found:
            there = others.get(name) or f"an archive of {', '.join(sorted({*found, *others})[:10]) or 'nothing'}"
            raise DatasetError(f"{where}, {name}", there, "an array of real numbers of this name", "check which file it is")
    return found if wanted is None else {name: found[name] for name in wanted}


def _byte_order(content: bytes, where: str) -> str:
    """ "<" or ">". Raises DatasetError for files of other levels."""
    mark = content[126:128]
    if b"MATLAB 7.3" in content[:_HEADER] or content[:4] == b"\x89HDF":
        fix = "save it in MATLAB with -v7, or read it with h5py"
        raise DatasetError(where, "a .mat file of version 7.3, which is HDF5", "level 5 (versions 5 to 7.2)", fix)
    if mark not in (b"IM", b"MI") or int.from_bytes(content[124:126], "little" if mark == b"IM" else "big") != 0x0100:
        received = f"a header that ends in {content[124:128].hex(' ') or 'nothing'}"
        raise DatasetError(where, received, "a .mat file of level 5 (versions 5 to 7.2)", "save it in MATLAB with -v7")
    return "<" if mark == b"IM" else ">"


def _elements(data: memoryview, order: str, where: str) -> Iterator[tuple[int, memoryview]]:
    """Type and bytes of each element."""
    at, word = 0, np.dtype(order + "u4")
    while at < len(data):
        if at + 8 > len(data):
            raise DatasetError(where, "an element that breaks off", "a whole file", FIX)
        kind, size = map(int, np.frombuffer(data[at : at + 8], word))
        if kind >> 16:  # a short element: type and size in one word, up to 4 bytes in the other
            kind, size, start, step = kind & 0xFFFF, kind >> 16, at + 4, 8
            if size > 4:
                raise DatasetError(where, f"a short element of {size} bytes", "at most 4", FIX)
        else:
            start, step = at + 8, 8 + (size if kind == _PACKED else -(-size // 8) * 8)
        if start + size > len(data):
            raise DatasetError(where, f"an element of {size} bytes", f"at most the {len(data) - start} that follow", FIX)
        yield kind, data[start : start + size]
        at += step


def _unpacked(data: memoryview, order: str, where: str) -> memoryview:
    """The bytes of the one array that zlib has compressed."""
    stream = zlib.decompressobj()
    try:
        tag = stream.decompress(data, 8)
        if len(tag) < 8:
            raise DatasetError(where, "a packed array that breaks off", "a whole file", FIX)
        kind, size = map(int, np.frombuffer(tag, order + "u4"))
        if kind != _MATRIX or size > DEFLATE_RATIO * len(data):
            received = f"a packed element of type {kind} and {size} bytes from {len(data)}"
            raise DatasetError(where, received, f"an array of at most {DEFLATE_RATIO} times as many", FIX)
        content = stream.decompress(stream.unconsumed_tail, size + 1)
    except zlib.error as error:
        raise DatasetError(where, f"broken compressed data ({error})", "a whole file", FIX) from error
    if len(content) != size:
        raise DatasetError(where, f"{len(content)} bytes of a packed array", f"{size} as it declares", FIX)
    return memoryview(content)


def _read_array(data: memoryview, order: str, where: str, wanted: list[str] | None) -> tuple[str, np.ndarray | str | None]:
    """Name and numbers of an array; what it is instead, or None where nobody wants it."""
    parts = _elements(data, order, where)
    try:
        (flags_kind, flags), (axes_kind, axes), (_, name_bytes) = next(parts), next(parts), next(parts)
    except StopIteration:
        raise DatasetError(where, "an array that breaks off", "flags, axes and name", FIX) from None
    if flags_kind != 6 or len(flags) != 8 or axes_kind != 5 or len(axes) % 4:
        raise DatasetError(where, "an array with a broken head", "flags, axes and name", FIX)
    name, bits = bytes(name_bytes).decode("latin1"), int(np.frombuffer(flags, order + "u4")[0])
    if wanted is not None and name not in wanted:
        return name, None
    if bits & 0xFF not in _CLASSES or bits & _COMPLEX:
        other = "a complex array" if bits & 0xFF in _CLASSES else _OTHERS.get(bits & 0xFF, f"class {bits & 0xFF}")
        return name, other
    where = f"{where}, {name}"
    shape, dtype = tuple(map(int, np.frombuffer(axes, order + "i4"))), np.dtype(_CLASSES[bits & 0xFF])
    kind, numbers = next(parts, (0, memoryview(b"")))
    if kind not in _STORED:
        raise DatasetError(where, f"numbers of type {kind}", "integers or floats", FIX)
    stored = np.dtype(order + _STORED[kind])
    check_shape(shape, dtype, where)
    if math.prod(shape) * stored.itemsize != len(numbers):
        received = f"{len(numbers)} bytes, {_STORED[kind]}, for shape {shape}"
        raise DatasetError(where, received, f"{math.prod(shape) * stored.itemsize}", FIX)
    flat = np.frombuffer(numbers, stored)
    array = np.ascontiguousarray(flat.reshape(shape, order="F"))
    return name, array.astype(bool) if bits & _LOGICAL else array.astype(dtype)
