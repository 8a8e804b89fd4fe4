"""Where data sets lie: the folder in the variable MINIDL_DATA, and minidl's cache."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.errors import DatasetError
from minidl.folders import cache_home


def data_folder(name: str) -> Path | None:
    """The folder of data set ``name`` inside the one that MINIDL_DATA names, or None if the variable is not set."""
    root = os.environ.get("MINIDL_DATA", "")
    return Path(root).expanduser() / name if root else None


def cache_folder(name: str) -> Path:
    """The folder into which data set ``name`` is downloaded; it need not exist yet.

    It is ``datasets/name`` in the folder MINIDL_HOME, or else in ``minidl`` in XDG_CACHE_HOME or in ``~/.cache``.

    Raises:
        DatasetError: no variable is set and the user has no home folder.
    """
    root = cache_home()
    if root is None:
        raise DatasetError("cache folder", "a user without a home folder", "a home folder", "set MINIDL_HOME to a folder")
    return root / "datasets" / name
