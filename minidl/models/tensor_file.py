"""The safetensors format, read without belief in what a file says of itself.

    8 bytes     the length of the header, little-endian
    header      JSON: {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    numbers     the arrays one after another, without gaps, to the end of the file

Bytes are read once: what is checked is what is used, whatever another program does to the file meanwhile (a mapped file
would change under the reader, and end the process with SIGBUS where it became shorter). No memory is taken for what a
file only declares. Everything that is wrong raises ValueError with the reason.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import numpy as np

MAX_HEADER = 4 << 20  # bytes; some 20,000 arrays. A header is parsed before it can be trusted, so it may not be long
DTYPES: dict[str, np.dtype[Any]] = {  # as safetensors and as NumPy calls them; integers are states, such as counters
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_MAX_AXES = 32
_MAX_SEED = 20  # digits of a seed, below 2**64
_MAX_DIGITS = 18  # of an integer: a file of 2**59 bytes is none, and longer integers take long to multiply


@dataclass(frozen=True)
class Entry:
    """What the header says of one array."""

    dtype: str
    shape: tuple[int, ...]
    start: int  # byte of the file

    @property
    def nbytes(self) -> int:
        """Bytes of the file that the array takes."""
        return math.prod(self.shape) * DTYPES[self.dtype].itemsize


def read_header(stream: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """The header of a file of ``size`` bytes as it stands there, and the byte at which the numbers begin."""
    stream.seek(0)
    length = int.from_bytes(_read(stream, 8), "little")
    if length > min(MAX_HEADER, size - 8):
        raise ValueError(f"a header of {length} bytes")
    header = parse_json(_read(stream, length).decode())
    if not isinstance(header, dict):
        raise ValueError("a header that is no table")
    return header, 8 + length


def read_entries(header: dict[str, Any], begin: int, size: int) -> dict[str, Entry]:
    """The arrays that the header names; together they must fill the file from ``begin`` to ``size`` exactly."""
    places = []
    for name, item in header.items():
        if name != "__metadata__":
            dtype, shape, (start, stop) = _entry(name, item)
            places.append((start, stop, name, Entry(dtype, shape, begin + start)))
    places.sort(key=lambda place: place[:2])
    end = 0
    for start, stop, name, entry in places:
        if start != end or stop - start != entry.nbytes:
            raise ValueError(f"{name!r} of {entry.nbytes} bytes from {start} to {stop}, where {end} are taken")
        end = stop
    if begin + end != size:
        raise ValueError(f"arrays that need {begin + end} bytes")
    return {name: entry for _, _, name, entry in places}


def read_array(stream: IO[bytes], entry: Entry) -> np.ndarray:
    """The numbers of one array, in memory of its own."""
    array = np.empty(entry.shape, DTYPES[entry.dtype])
    stream.seek(entry.start)
    if stream.readinto(array.reshape(-1).view(np.uint8).data) < entry.nbytes:  # type: ignore[attr-defined]
        raise ValueError("the file became shorter while it was read")
    return array


def parse_json(text: str, fractions: bool = False) -> Any:
    """JSON in which no name stands twice and every number is an integer of a size that can be one of bytes.

    With ``fractions`` numbers may also be any that float64 holds: the arguments of layers.
    """
    if text.count("[") + text.count("{") > 10 + len(text) // 10:  # an array has three in 52 characters or more
        raise ValueError("more brackets than arrays could have")  # which would take 20 times the memory of the text
    of_integers, of_fractions = (_long_integer, _fraction) if fractions else (_integer, _no_number)
    readers = {"parse_int": of_integers, "parse_float": of_fractions, "parse_constant": _no_number}
    return json.loads(text, object_pairs_hook=_table, **readers)  # type: ignore[arg-type]


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise ValueError("it breaks off")
    return content


def _entry(name: str, item: Any) -> tuple[str, tuple[int, ...], list[int]]:
    if not isinstance(item, dict) or set(item) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} without dtype, shape and data_offsets")
    dtype, shape, offsets = item["dtype"], item["shape"], item["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{name!r} of type {dtype!r}, not {' or '.join(DTYPES)}")
    if not _are_sizes(shape) or len(shape) > _MAX_AXES:
        raise ValueError(f"{name!r} of a shape that is none")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{name!r} without two offsets")
    return dtype, tuple(shape), offsets


def _are_sizes(items: Any) -> bool:
    return isinstance(items, list) and all(type(item) is int and item >= 0 for item in items)  # True is no size


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name that stands twice")
    return table


def _long_integer(text: str) -> int:
    """Seeds have up to 20 digits."""
    if len(text) > _MAX_SEED:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]}")
    return number


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:20]}")
