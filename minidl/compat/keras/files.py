"""Where the files of old scripts are: in the folder MINIDL_DATA, in minidl's cache, in ``~/.keras``; else on the net.

Nothing that is found is changed. What is downloaded goes to minidl's cache, whole and checked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minidl.datasets.download import download
from minidl.datasets.locate import cache_folder, data_folder
from minidl.errors import DatasetError
from minidl.folders import cache_home

MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def folders(name: str, subfolder: str = "datasets") -> list[Path]:
    """The folders that the files of data set ``name`` may be in, the first one preferred."""
    found: list[Path] = []
    given, root = data_folder(name), data_folder("")
    if given is not None and root is not None:
        found += [given, root] if subfolder == "datasets" else [root / subfolder, root]
    home = cache_home()
    if home is not None:
        found += [home / "datasets" / name, home / "datasets"]
        if subfolder != "datasets":
            found.append(home / "datasets" / name / subfolder)
    keras = keras_home()
    if keras is not None:
        found += [keras / subfolder, keras / subfolder / name]
    return found


def keras_home() -> Path | None:
    """``~/.keras``; None where the user has no home folder."""
    try:
        return Path.home() / ".keras"
    except RuntimeError:
        return None


def find(file: str, name: str) -> Path | None:
    """A file of data set ``name``, or one that the script gives with its full path; None where it is nowhere."""
    given = Path(file).expanduser()
    if given.is_absolute():
        return given if given.is_file() else None
    return next((path for folder in folders(name) if (path := folder / file).is_file()), None)


def found_or_downloaded(
    where: str, file: str, name: str, original: str, *, sha256: str | None = None, md5: str | None = None, limit: int
) -> Path:
    """The file of data set ``name`` that the script calls ``file`` and the publisher ``original``.

    Raises DatasetError that says what to put where.
    """
    found = find(file, name) or find(original, name)
    if found is not None:
        return found
    target = cache_folder(name) / original
    try:
        return download([MIRROR + original], target, sha256=sha256, md5=md5, limit=limit)
    except DatasetError as error:
        raise missing(where, name, [original], MIRROR + original, error) from error


def missing(where: str, name: str, files: Sequence[str], source: str, error: Exception) -> DatasetError:
    """The error where a data set is nowhere: which file to put where."""
    root = os.environ.get("MINIDL_DATA", "")
    place = str(Path(root) / name) if root else str((keras_home() or Path("~/.keras")) / "datasets")
    received = f"none of its files, and no download ({getattr(error, 'received', '') or error})"
    advice = f"put {files[0]} into {place}" + ("" if root else ", or set MINIDL_DATA to the folder that holds it")
    return DatasetError(where, received, f"{' or '.join(files)} (published at {source})", advice)
