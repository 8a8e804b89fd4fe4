"""Where minidl keeps what can be made or fetched again, and whether nobody else can have put something there.

Compiled kernels are code: whoever can write to their folder, or can put another one in its place, runs code as this user.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_LINKS = 40  # followed for one path, as Linux does


def cache_home() -> Path | None:
    """The folder MINIDL_HOME, or else ``minidl`` in XDG_CACHE_HOME or in ``~/.cache``; None where there is no home folder."""
    home, cache = os.environ.get("MINIDL_HOME", ""), os.environ.get("XDG_CACHE_HOME", "")
    try:
        if home:
            return Path(home).expanduser()
        if os.path.isabs(cache):  # the XDG specification says to ignore a relative path
            return Path(cache) / "minidl"
        return Path.home() / ".cache" / "minidl"
    except RuntimeError:
        return None


def kernel_folder() -> Path | None:
    """The folder of compiled kernels; it need not exist yet."""
    home = cache_home()
    return None if home is None else home / "kernels"


def make_private(folder: Path) -> None:
    """Make the folder and the missing ones above it with mode 0700, whatever the umask; raises OSError where that fails."""
    if folder.is_dir():
        return
    make_private(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:  # another process was quicker, or it is not a folder
        if not folder.is_dir():
            raise
    else:
        folder.chmod(0o700)  # the umask may have taken rights away from us too


def belongs_to_others(info: os.stat_result) -> str:
    """Why others may have written what has this ``os.stat``; empty where only this user or root can have.

    Windows has no such modes: its folders of users are protected by access lists, which Python does not read.
    """
    if not hasattr(os, "geteuid"):
        return ""
    if info.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    return "can be written by others" if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def why_not_private(folder: Path, home: Path) -> str:
    """Why others could put something into ``folder``, which is ``home`` or lies in it; empty where they cannot.

    From ``home`` downwards only this user or root may own and write a folder. Above it, and along symbolic links, others
    must not be able to put another one in its place. What does not exist is not looked at. Raises OSError where the path
    cannot be followed.
    """
    if not folder.is_absolute():
        return f"{home} is a relative path, whose folder changes with where a program is started; set MINIDL_HOME to a full one"
    inside = [folder, *folder.parents]
    for part in reversed(inside[: inside.index(home) + 1]):
        reason = _doubt(part, strict=True, links=0)
        if reason:
            return reason
    return ""


def _doubt(path: Path, strict: bool, links: int) -> str:
    """``why_not_private`` for one folder and all above it; ``strict``: nobody else may write into it."""
    if path.parent != path:
        reason = _doubt(path.parent, False, links)
        if reason:
            return reason
    try:
        info = path.lstat()
    except FileNotFoundError:
        return ""
    link = stat.S_ISLNK(info.st_mode)
    reason = belongs_to_others(info)
    if link:
        if reason.startswith("belongs"):  # the mode of a link means nothing
            return f"{path}, a symbolic link, {reason}; set MINIDL_HOME to a folder of your own"
        if links == _LINKS:
            return f"{path} leads in circles"
        return _doubt(path.parent / path.readlink(), strict, links + 1)
    if reason.startswith("belongs"):
        return f"{path} {reason}; set MINIDL_HOME to a folder of your own"
    everybody, sticky = info.st_mode & stat.S_IWOTH, info.st_mode & stat.S_ISVTX
    if reason and (strict or (everybody and not sticky)):
        return f"{path} {reason}; if you trust what is in it, chmod go-w {path}, else set MINIDL_HOME to another folder"
    return ""
