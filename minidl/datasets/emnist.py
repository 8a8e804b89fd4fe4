"""EMNIST, handwritten digits and letters of NIST (Cohen et al. 2017), in MNIST's form and in six splits.

    balanced  47 classes   112,800 + 18,800        byclass  62   697,932 + 116,323       mnist    10   60,000 + 10,000
    letters   26 classes   124,800 + 20,800        bymerge  47   697,932 + 116,323       digits   10  240,000 + 40,000

All splits come in one archive, gzip.zip, of which the four files of a split are read and nothing is unpacked. Its images lie
on their side; here they stand upright. Labels of "letters" are 1 to 26 there; here 0 to 25.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import numpy as np

from minidl.datasets.idx import read_idx, read_idx_from
from minidl.datasets.idx_set import Images, check_images, fetch, spelt_anyhow
from minidl.datasets.locate import cache_folder, data_folder
from minidl.datasets.npy import check_members
from minidl.datasets.stream import FIX
from minidl.errors import ArgumentError, DatasetError, closest

MIRRORS = ("https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",)
ARCHIVE = ("gzip.zip", "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e", 561753746)  # name, SHA-256, bytes
_DIGITS, _CAPITALS, _SMALL = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_MERGED = _DIGITS + _CAPITALS + "abdefghnqrt"  # letters whose capitals look alike are one class
CLASSES = {  # what each label of a split means
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": _DIGITS + _CAPITALS + _SMALL,
    "letters": _SMALL,
    "digits": _DIGITS,
    "mnist": _DIGITS,
}


def load_data(
    split: str = "balanced", path: str | os.PathLike[str] | None = None, *, download: bool = True, verbose: int = 1
) -> Images:
    """Load a split of EMNIST from ``path``, else ``$MINIDL_DATA/emnist``, else the cache, else the net (562 MB).

    Args:
        split: "balanced", "letters", "digits", "mnist", "byclass" or "bymerge".
        path: a folder that holds the split's four IDX files (emnist-letters-train-images-idx3-ubyte, .gz or not, ...) or
            gzip.zip; or that archive. If it is given, nowhere else is looked.
        download: whether the net may be asked.
        verbose: 1 says on stderr which source is used and how the download goes, 0 nothing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: upright images ``(n, 28, 28)`` from 0 to 255 and labels ``(n,)`` from 0 on,
        whose characters are ``CLASSES[split]``; all of type uint8.

    Raises:
        ArgumentError: another split.
        DatasetError: nothing was found, the mirror did not answer, or a file is damaged or is not EMNIST.
    """
    if split not in CLASSES:
        expected = " or ".join(map(repr, CLASSES))
        raise ArgumentError("emnist.load_data", f"split={split!r}", expected, meant=closest(split, CLASSES))
    parts = [(part, kind) for part in ("train", "test") for kind in ("images-idx3", "labels-idx1")]
    names = [f"emnist-{split}-{part}-{kind}-ubyte.gz" for part, kind in parts]
    formats = f"the four IDX files ({names[0].removesuffix('.gz')}, .gz or not, ...) or {ARCHIVE[0]}"
    places = [data_folder("emnist")] if path is None else [Path(path).expanduser()]
    files = next((found for place in places if place is not None and (found := _files_at(place, names))), [])
    if not files and path is not None:
        raise DatasetError(f"emnist.load_data({str(path)!r})", "nothing of it", formats, "correct path, or leave it out")
    if not files:
        name, sha256, size = ARCHIVE
        files = [cache_folder("emnist") / name]
        fetch("EMNIST", "emnist", files[0], [m + name for m in MIRRORS], sha256, size, formats, download, verbose)
    where = files[0] if len(files) == 1 else files[0].parent
    if verbose:
        print(f"minidl: EMNIST ({split}) from {where}", file=sys.stderr)
    arrays = [read_idx(file) for file in files] if len(files) == 4 else _read_members(files[0], names)
    first = int(split == "letters")
    halves = []
    for i in (0, 2):
        called = names[i].removesuffix(".gz"), names[i + 1].removesuffix(".gz")
        x, y = check_images(arrays[i], arrays[i + 1], called, str(where), "EMNIST", len(CLASSES[split]), first)
        halves.append((np.ascontiguousarray(x.swapaxes(1, 2)), (y - first).astype(np.uint8)))
    return halves[0], halves[1]


def _files_at(place: Path, names: list[str]) -> list[Path]:
    """The four files of a split, or the archive of all."""
    if place.is_file():
        return [place]
    found = [path for name in names if (path := spelt_anyhow(place, name))]
    archive = place / ARCHIVE[0]
    return found if len(found) == 4 else [archive] if archive.is_file() else []


def _read_members(path: Path, names: list[str]) -> list[np.ndarray]:
    """Four members of the archive."""
    arrays = []
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive.infolist(), path.stat().st_size, str(path))
            inside = {member.filename.rpartition("/")[2]: member for member in archive.infolist()}
            for name in names:
                member = inside.get(name)
                if member is None:
                    raise DatasetError(str(path), "an archive without it", f"{name} in it", "check which file it is")
                with archive.open(member) as stream:
                    arrays.append(read_idx_from(stream, member.file_size, f"{path}, {name}"))
    except DatasetError:
        raise
    except Exception as error:  # zipfile, zlib and struct each have their own ways to fail on damaged bytes
        raise DatasetError(str(path), f"a broken archive ({error})", "EMNIST's gzip.zip", FIX) from error
    return arrays
