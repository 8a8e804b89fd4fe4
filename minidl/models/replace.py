"""Replacing a file whole or not at all, by way of a temporary file beside it.

The temporary file is called ``.NAME.PID.RANDOM.part``. Its writer holds a lock on it (``flock``), which the operating
system drops when the process ends, however it ends. So the next writer in that folder can tell what a dead process left
behind, and removes it. Where there is no ``flock`` (Windows, some network disks) leftovers stay.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import IO

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_PART = re.compile(r"\..+\.(\d{1,10})\.[0-9a-f]{8}\.part")
_OLD = 3600  # seconds without a write, after which a file that nobody has locked is nobody's, whatever its process number
_TRIES = 3
_PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0)  # seconds: on Windows a virus scanner or an indexer holds new files for a moment


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Put ``content`` into a new file beside ``path`` and, once it is on the disk, give that file the name.

    The mode of the file that was there stays and so, where the system permits it, do owner and group.

    Raises:
        OSError: with the reason and ``path``; the file that was there before is untouched.
    """
    given = os.fsdecode(path)
    target = Path(os.path.realpath(given))  # a link stays a link, what it points to is replaced
    try:
        before = _existing(target)
        remove_leftovers(target.parent)
        for attempt in range(1, _TRIES + 1):
            try:
                _replace(target, content, before)
                break
            except _Vanished as error:
                if attempt == _TRIES:
                    raise FileNotFoundError(2, "The temporary file was removed while it was written") from error
        _sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), given) from error


class _Vanished(Exception):
    """Somebody removed the temporary file."""


def _existing(target: Path) -> os.stat_result | None:
    """The file that will be replaced, None where there is none. Raises OSError where something else has the name."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise IsADirectoryError(21, "Is a directory") if stat.S_ISDIR(found.st_mode) else OSError(22, "Not a regular file")
    return found


def _replace(target: Path, content: bytes, before: os.stat_result | None) -> None:
    part = target.with_name(f".{target.name[:40]}.{os.getpid()}.{secrets.token_hex(4)}.part")
    mode = 0o666 if before is None else 0o600  # less the umask, as ``open`` does; a private file is private from its start
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            _lock(stream)
            stream.write(content)
            stream.flush()
            if before is not None:
                _take_over(stream.fileno(), before)
            os.fsync(stream.fileno())  # the bytes must be on the disk before the name is
            if os.name != "nt":
                _rename(part, target)  # still locked
        if os.name == "nt":
            _rename(part, target)  # Windows renames no open file
    finally:
        with suppress(OSError):
            part.unlink()


def _rename(part: Path, target: Path) -> None:
    for pause in (*_PAUSES, None):
        try:
            os.replace(part, target)
            return
        except FileNotFoundError as error:
            raise (_Vanished() if target.parent.is_dir() else error) from error
        except PermissionError:
            if os.name != "nt" or pause is None:
                raise
            time.sleep(pause)


def _lock(stream: IO[bytes]) -> None:
    """Show other processes that this file is being written; a disk without locks is written to without."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX)  # waits only for one that looks whether this process is dead
        if os.fstat(stream.fileno()).st_nlink == 0:
            raise _Vanished  # removed between its making and its lock


def _take_over(descriptor: int, before: os.stat_result) -> None:
    """Owner, group and mode of the file that is replaced."""
    if os.name == "nt":
        return
    now, mode = os.fstat(descriptor), stat.S_IMODE(before.st_mode)
    for uid, gid in ((before.st_uid, -1), (-1, before.st_gid)):
        if uid not in (-1, now.st_uid) or gid not in (-1, now.st_gid):
            try:
                os.fchown(descriptor, uid, gid)
            except OSError:  # only root may give files away
                mode &= ~(stat.S_ISUID | stat.S_ISGID)  # they would speak for another
    with suppress(OSError):  # a disk without modes
        os.fchmod(descriptor, mode)  # after fchown, which clears bits


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk; Windows and some network disks know no such order and see to it themselves."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that dead processes of this user left in ``folder``; links and others' files stay."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PART.fullmatch(entry.name)
            if match is not None:
                with suppress(OSError), _locked(entry.path) as descriptor:
                    if _is_leftover(os.fstat(descriptor), os.lstat(entry.path), int(match[1])):
                        os.unlink(entry.path)


@contextmanager
def _locked(path: str) -> Iterator[int]:
    """A descriptor of the file itself, locked. Raises OSError where it is a link, or a living process holds the lock."""
    assert fcntl is not None
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_leftover(opened: os.stat_result, named: os.stat_result, pid: int) -> bool:
    """Whether an unlocked file is this user's own, still has the name and belongs to no process that may live."""
    ours = stat.S_ISREG(opened.st_mode) and opened.st_uid == os.geteuid() and opened.st_nlink == 1
    same = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
    # This process locks what it writes. Another one is believed for an hour: its disk may have no locks, and a number
    # is given again.
    free = pid == os.getpid() or not _is_alive(pid) or time.time() - opened.st_mtime > _OLD
    return ours and same and free


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # somebody else's
    return True
