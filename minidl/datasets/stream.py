"""Reading as many bytes as a header declares: memory is taken as they arrive, not because a number says so."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from minidl.errors import DatasetError

CHUNK = 1 << 20
DEFLATE_RATIO = 1032  # no byte of deflate (gzip, zip) expands to more; anything declared beyond that is a lie
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
