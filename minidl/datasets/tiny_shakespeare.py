"""Tiny Shakespeare: 1,115,394 characters of his plays, 65 of them distinct (A. Karpathy), for models of characters."""

from __future__ import annotations

import os

from minidl.datasets.given import given_file, read_text

FILE = "input.txt"
LARGEST = 1 << 26  # bytes


def load_data(path: str | os.PathLike[str] | None = None) -> str:
    """The text in ``path``, or in ``$MINIDL_DATA/tinyshakespeare/input.txt``. There is no download.

    Args:
        path: the file, or a folder with input.txt in it. Any text in UTF-8 will do.

    Raises:
        DatasetError: it is not there, is not text, or has more than 64 MiB.
    """
    return read_text(given_file("tinyshakespeare", FILE, path), LARGEST)
