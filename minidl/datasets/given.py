"""Small data sets that are there or not: in the folder ``$MINIDL_DATA/<name>``, or at a path; there is no download for them."""

from __future__ import annotations

import os
from pathlib import Path

from minidl.datasets.locate import data_folder
from minidl.errors import DatasetError


def given_file(name: str, file: str, path: str | os.PathLike[str] | None) -> Path:
    """The file of data set ``name``: ``path`` itself, or ``file`` in that folder, or in ``$MINIDL_DATA/<name>``.

    Raises:
        DatasetError: it is not there.
    """
    if path is not None:
        place = Path(path).expanduser()
        found = place if place.is_file() else place / file
    else:
        folder = data_folder(name)
        if folder is None:
            fix = f"set MINIDL_DATA to the folder that holds {name}/{file}, or pass path="
            raise DatasetError(f"{name}.load_data()", "no path, and MINIDL_DATA is not set", file, fix)
        found = folder / file
    if not found.is_file():
        raise DatasetError(
            f"{name}.load_data()", f"nothing at {found}", file, "put it there, or pass path= (a folder or the file)"
        )
    return found


def read_text(path: Path, limit: int) -> str:
    """A text file of at most ``limit`` bytes, in UTF-8. Raises DatasetError."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise DatasetError(str(path), f"more than {limit} bytes", "a smaller file", "check which file it is")
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(str(path), f"bytes that are no text ({error})", "text in UTF-8", "check which file it is") from error
    except DatasetError:
        raise
    except OSError as error:
        raise DatasetError(str(path), str(error), "a file that can be read", "check the disk and permissions") from error
