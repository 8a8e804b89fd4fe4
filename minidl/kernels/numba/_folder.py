"""The folder in which machine code is kept between runs: its name, who may have written in it, how its files are read.

What is read here is run. So a folder that others could write to is not used, nor a file that they wrote; new folders have
mode 0700, new files 0600. A file holds the SHA-256 of the rest of it: one that was cut short, by a full disk or a computer
switched off, is one that is not there. Where nothing can be kept, kernels compile in memory, in every run.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

import llvmlite
import numba

from minidl.folders import belongs_to_others, cache_home, make_private, why_not_private
from minidl.kernels.numba._private import DISABLED, MISSING

_SOURCES = ("minidl.kernels.numba", "minidl.backend")  # the second: constants of the random numbers
_CHECKSUM = hashlib.sha256().digest_size
_MODE = 0o600
_TO_THE_END = "" if os.name == "nt" else "\x1b[K"  # clears the rest of a line; Windows' old console shows the letters
_NO_LINK_NO_WAIT = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # nor for a pipe in the place of a file


def _open(path: str, flags: int) -> int:
    """For ``open``: the file itself, not what a link in its place leads to."""
    return os.open(path, flags | _NO_LINK_NO_WAIT, _MODE)


def say(text: str) -> None:
    """A line for people, on the error stream: no stream to say it on is no reason to stop."""
    with suppress(Exception):
        first, rest = ("\r", _TO_THE_END) if sys.stderr.isatty() else ("", "")  # over a bar of progress that may stand there
        print(f"{first}minidl: {text}{rest}", file=sys.stderr, flush=True)


def key() -> str:
    """What tells the code of these sources, libraries and this Python from all others; empty where there are no sources.

    The sources are read through their package's loader, as it may lie in a zip file.
    """
    digest, found = hashlib.sha256(), False
    for package in _SOURCES:
        for source in sorted(importlib.resources.files(package).iterdir(), key=lambda item: item.name):
            if source.name.endswith(".py"):
                content, found = source.read_bytes(), True
                digest.update(f"{package} {source.name} {len(content)}\n".encode() + content)
    digest.update("\n".join((numba.__version__, llvmlite.__version__, sys.version)).encode())
    return digest.hexdigest()[:32] if found else ""


class Folder:
    """Where machine code is kept; ``path`` is None where it is not, and ``reason`` says why.

    Args:
        home: ``cache_home()``, in which the folder lies.
    """

    def __init__(self, home: Path | None) -> None:
        self.path: Path | None = None
        self.reason = ""
        self._writes, self._warned = False, False
        if home is None:
            self.reason = "there is no home folder; set MINIDL_HOME to a folder"
            return
        try:
            path = home / "kernels" / key()
            doubt = why_not_private(path, home)
            if not doubt:
                make_private(path)
                doubt = why_not_private(path, home)  # of what was made by others meanwhile
        except OSError as error:
            self.reason = str(error)
            return
        if path.name == "kernels":
            self.reason = "the sources of the kernels, which would tell old code from new, are not there"
        elif doubt:
            self.reason = doubt
            self._warn(f"kernels are not kept, but compiled in every run, for safety: {doubt}")
        else:
            self.path, self._writes = path, os.access(path, os.W_OK)
            if not self._writes:
                self.reason = f"{path} is read-only"

    def what_happens(self) -> str:
        """Whether compiled kernels are kept, in words; why they are not, unless that was said already."""
        if not self.reason:
            return f"once; they are kept in {self.path}"
        return "in every run" + ("" if self._warned else f", as they cannot be kept: {self.reason}")

    def read(self, name: str) -> bytes | None:
        """What ``write`` kept under this name; None where there is nothing, or nothing that can be trusted."""
        if self.path is None:
            return None
        path = self.path / name
        try:
            with open(path, "rb", opener=_open) as stream:
                info = os.fstat(stream.fileno())
                doubt = belongs_to_others(info) if stat.S_ISREG(info.st_mode) else "is not a file"
                content = b"" if doubt else stream.read()
        except OSError:
            return None
        if doubt:
            self._warn(f"a kept kernel is not used, but compiled again, for safety: {path} {doubt}")
        whole = hashlib.sha256(content[_CHECKSUM:]).digest() == content[:_CHECKSUM]
        return content[_CHECKSUM:] if whole else None

    def write(self, name: str, content: bytes) -> None:
        """Keep it under this name, which tells it from all others; where that fails, warn and try no more."""
        if self.path is None or not self._writes:
            return
        unfinished = self.path / f".{secrets.token_hex(16)}.part"  # a name that nobody can have prepared
        try:
            with open(unfinished, "xb", opener=_open) as stream:
                stream.write(hashlib.sha256(content).digest() + content)
            unfinished.chmod(_MODE)  # whatever the umask
            os.replace(unfinished, self.path / name)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            if self.read(name) is not None:  # Windows replaces no file that is being read: another process was quicker
                return
            self._writes, self.reason = False, f"{self.path}: {error.strerror or error}"
            self._warn(f"kernels cannot be kept, and compile again in the next run: {self.reason}")

    def _warn(self, text: str) -> None:
        """Once in a process."""
        if not self._warned:
            self._warned = True
            say(text)


FOLDER = Folder(None if DISABLED or "keeping" in MISSING else cache_home())
if "keeping" in MISSING:
    FOLDER.reason = MISSING["keeping"]
