"""``keras.utils.data_utils`` of Keras 2.1: files from the net or from where they are already, and batches by number."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from minidl.compat.keras.files import folders
from minidl.compat.keras.utils.sequences import Sequence as Sequence
from minidl.compat.keywords import Refused, keywords_of_keras_1
from minidl.datasets.download import download
from minidl.datasets.locate import cache_folder, data_folder
from minidl.datasets.stream import FIX
from minidl.errors import ArgumentError, DatasetError
from minidl.folders import make_private

LARGEST = 1 << 35  # bytes of a download, and of an archive unpacked
_FORMATS = ("tar", "zip")


@keywords_of_keras_1()
def get_file(
    fname: str,
    origin: str,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | None = None,
) -> str:
    """The path of a file, which is downloaded where it is in none of the folders of data.

    Args:
        fname: its name, or its full path.
        origin: its address on the net, or file:// and its path.
        untar: the file is ``fname``.tar.gz; it is unpacked, and the path is that of the folder ``fname``.
        md5_hash, file_hash: what its content must have; a file with another one is not taken.
        cache_subdir: a folder within ``cache_dir``.
        hash_algorithm: "md5", "sha256", or "auto", which goes by the length of the hash.
        extract: the file is unpacked beside itself, if it is an archive.
        archive_format: "tar", "zip", a list of them, "auto" for both, None for none.
        cache_dir: the folder to look in first and to download to. None: MINIDL_DATA, minidl's cache and ``~/.keras`` are
            looked in, and minidl's cache is downloaded to.

    What an archive unpacks stays in its folder: names that lead out of it are refused.

    Raises DatasetError.
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    name = f"{fname}.tar.gz" if untar else fname
    if Path(name).expanduser().is_absolute():
        home, name, fname = Path(name).expanduser().parent, Path(name).name, Path(fname).name
        places = [home]
    elif cache_dir is not None:
        home = Path(cache_dir).expanduser() / cache_subdir
        places = [home]
    else:
        home = cache_folder("keras") if cache_subdir == "datasets" else cache_folder("keras") / cache_subdir
        places = folders("keras", cache_subdir)
    if untar:
        for folder in places:
            if (folder / fname).is_dir():
                return str(folder / fname)
    found = next(
        (path for folder in places if (path := folder / name).is_file() and _is_wanted(path, file_hash, hash_algorithm)), None
    )
    if found is None:
        found = home / name
        print("Downloading data from", origin)
        kind = _algorithm(file_hash, hash_algorithm)
        sha256, md5 = (file_hash, None) if kind == "sha256" else (None, file_hash)
        try:
            if origin.startswith("file:"):
                _copy(origin, found, file_hash, hash_algorithm)
            else:
                download([origin], found, sha256=sha256, md5=md5, limit=LARGEST, patience=24 * 3600)
        except (DatasetError, ArgumentError) as error:
            looked = ", ".join(str(folder) for folder in places)
            where = f"get_file({fname!r})"
            received = f"no {name} in {looked}; and no download from {origin} ({error.received})"
            root = os.environ.get("MINIDL_DATA", "")
            raise DatasetError(where, received, name, f"put {name} into {root or home}") from error
    if not (untar or extract):
        return str(found)
    found = _unpacked_beside(found, home, "tar" if untar else archive_format)
    return str(found.parent / fname if untar else found)


def _copy(origin: str, found: Path, file_hash: str | None, algorithm: str) -> None:
    """A file of this machine, put where downloads are. Raises DatasetError where it is none, or has another hash."""
    source = Path(unquote(urlsplit(origin).path))
    if not source.is_file():
        raise DatasetError("get_file", "no such file", origin)
    if not _is_wanted(source, file_hash, algorithm):
        raise DatasetError("get_file", f"another hash than {file_hash}", origin)
    make_private(found.parent)
    shutil.copyfile(source, found)


def _is_wanted(path: Path, file_hash: str | None, algorithm: str) -> bool:
    if file_hash is None or validate_file(str(path), file_hash, algorithm):
        return True
    print(f"{path} has another {_algorithm(file_hash, algorithm)} hash than {file_hash}, so it is not taken.")
    return False


def _unpacked_beside(archive: Path, home: Path, archive_format: Any) -> Path:
    """The archive, beside which its content is now; a copy of it in ``home`` where it lies in the user's folder of data."""
    tops = _top_names(archive, archive_format)
    if all((archive.parent / top).exists() for top in tops):
        return archive
    given = data_folder("")
    if given is not None and archive.is_relative_to(given):
        make_private(home)
        archive = Path(shutil.copy2(archive, home / archive.name))
    _extract_archive(str(archive), str(archive.parent), archive_format)
    return archive


def _formats(archive_format: Any) -> tuple[str, ...]:
    if archive_format is None:
        return ()
    given = (
        _FORMATS
        if archive_format == "auto"
        else (archive_format,)
        if isinstance(archive_format, str)
        else tuple(archive_format)
    )
    for name in given:
        if name not in _FORMATS:
            raise ArgumentError("get_file", f"archive_format={name!r}", "'tar', 'zip', 'auto' or None")
    return given


def _kind(archive: Path, archive_format: Any) -> str:
    """ "tar", "zip", or "" for a file that is none of the formats asked for."""
    formats = _formats(archive_format)
    if "tar" in formats and tarfile.is_tarfile(archive):
        return "tar"
    return "zip" if "zip" in formats and zipfile.is_zipfile(archive) else ""


def _names(archive: Path, kind: str) -> list[tuple[str, int]]:
    """Each entry's name and size."""
    if kind == "tar":
        with tarfile.open(archive) as stream:
            return [(member.name, member.size) for member in stream]
    if kind == "zip":
        with zipfile.ZipFile(archive) as stream:
            return [(member.filename, member.file_size) for member in stream.infolist()]
    return []


def _top_names(archive: Path, archive_format: Any) -> set[str]:
    """The first parts of all names. Raises DatasetError for names that lead out of the folder."""
    try:
        names = _names(archive, _kind(archive, archive_format))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DatasetError(str(archive), f"a broken archive ({error})", "a .tar, .tar.gz or .zip file", FIX) from error
    tops = set()
    for name, _ in names:
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if name.startswith(("/", "\\")) or ".." in parts or (parts and ":" in parts[0]):
            raise DatasetError(str(archive), f"an entry named {name!r}", "names within its folder", "do not trust this file")
        tops |= set(parts[:1])
    if sum(size for _, size in names) > LARGEST:
        raise DatasetError(str(archive), "an archive of more than 32 GiB", f"at most {LARGEST} bytes", "unpack it by hand")
    return tops


def _extract_archive(file_path: str, path: str = ".", archive_format: Any = "auto") -> bool:
    """Unpack an archive into the folder ``path``, first aside and then in one step for each entry; whether it is one."""
    archive, folder = Path(file_path), Path(path)
    kind = _kind(archive, archive_format)
    if not kind:
        return False
    tops = _top_names(archive, archive_format)
    aside = Path(tempfile.mkdtemp(prefix=".unpacking", dir=folder))
    try:
        if kind == "tar":
            with tarfile.open(archive) as tar:
                _unpack(tar, aside)
        else:
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(aside)
        for top in tops:
            if not (folder / top).exists():
                os.replace(aside / top, folder / top)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise DatasetError(
            str(archive), f"an archive that cannot be unpacked ({error})", "plain files and folders", FIX
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Files and folders of an archive whose names were checked. Raises TarError for links and devices: data has none."""
    for member in tar:
        target = folder / member.name
        source = tar.extractfile(member) if member.isfile() else None
        if source is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as written:
                shutil.copyfileobj(source, written)
        elif member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            raise tarfile.TarError(f"{member.name!r} is a link or a device")


def _algorithm(file_hash: str | None, algorithm: str) -> str:
    return "sha256" if algorithm == "sha256" or (algorithm == "auto" and len(file_hash or "") == 64) else "md5"


def _hash_file(fpath: str, algorithm: str = "sha256", chunk_size: int = 65535) -> str:
    """The hash of a file, in hexadecimal digits: "sha256" or "md5"."""
    digest = hashlib.new("md5" if algorithm == "md5" else "sha256", usedforsecurity=False)
    with open(fpath, "rb") as stream:
        while chunk := stream.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def validate_file(fpath: str, file_hash: str, algorithm: str = "auto", chunk_size: int = 65535) -> bool:
    """Whether a file has this hash."""
    return _hash_file(fpath, _algorithm(file_hash, algorithm), chunk_size) == str(file_hash)


_QUEUE = "queues of their own between threads or processes"
SequenceEnqueuer = Refused("keras.utils.SequenceEnqueuer", _QUEUE, "give the Sequence to fit_generator")
OrderedEnqueuer = Refused("keras.utils.OrderedEnqueuer", _QUEUE, "give the Sequence to fit_generator")
GeneratorEnqueuer = Refused("keras.utils.GeneratorEnqueuer", _QUEUE, "give the generator to fit_generator")
