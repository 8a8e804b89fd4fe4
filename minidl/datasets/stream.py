"""Reading as many bytes as a header declares: memory is taken as they arrive, not because a number says so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minidl.errors import DatasetError

CHUNK = 1 << 20
DEFLATE_RATIO = 1032  # no byte of deflate (gzip, zip) expands to more; anything declared beyond that is a lie
MAX_AXES = 32  # NumPy's own limit before its version 2
FIX = "the file is damaged: get it again"


class Readable(Protocol):
    """Anything with ``read(size)``: an open file, a gzip file, a member of a zip archive."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


def require_file(path: Path) -> None:
    """Raise DatasetError unless ``path`` is an ordinary file: a pipe would block for ever, a device would never end."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "something that is not a file" if path.exists() else "nothing"
        raise DatasetError(str(path), found, "a file", "check the name")


def check_shape(shape: Any, dtype: np.dtype, where: str) -> None:
    """Raise DatasetError unless NumPy can hold an array of this shape: (True,), (-2, -4) and (0, 2**70) are none."""
    sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not sizes or len(shape) > MAX_AXES or math.prod(n or 1 for n in shape) * dtype.itemsize >= 1 << 63:
        raise DatasetError(where, f"shape {shape}", "a shape that NumPy can hold", FIX)


def read_exactly(stream: Readable, size: int, where: str) -> bytearray:
    """Read a stream to its end, which must come after exactly ``size`` bytes; reading stops at the first byte too many.

    Raises:
        DatasetError: naming ``where``, if the stream is shorter or longer.
    """
    received = bytearray()
    while chunk := stream.read(min(CHUNK, size + 1 - len(received))):
        received += chunk
        if len(received) > size:
            raise DatasetError(where, f"more than {size} bytes of data", f"{size} as its header says", FIX)
    if len(received) < size:
        raise DatasetError(where, f"{len(received)} bytes of data", f"{size} as its header says", FIX)
    return received
