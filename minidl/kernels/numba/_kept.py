"""What is kept between runs: compiled kernels, in the place of Numba's own cache, and libraries of machine code.

Reading a function is quicker than compiling it. Numba's cache is not used: its key sees neither a changed callee nor
changed flags, it reads whatever stands in its files, and a full disk ends the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from minidl.kernels.numba import _private
from minidl.kernels.numba._folder import FOLDER

_LENGTH = 8  # bytes


class KeptVersions(_private.Store):
    """The compiled versions of one function: a file for each, that is for each kind of arguments and processor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        code, closure = function.__code__, _private.closure_of(function)
        self._key = (function.__module__, function.__qualname__, code.co_firstlineno, code.co_code, closure)

    def path(self) -> str | None:
        """The folder."""
        return None if FOLDER.path is None else str(FOLDER.path)

    def read(self, arguments: tuple[Any, ...], processor: tuple[Any, ...]) -> bytes | None:
        """The version for arguments of these types; None where it is not kept."""
        return FOLDER.read(_file_name(self._name, *self._key, arguments, processor))

    def write(self, arguments: tuple[Any, ...], processor: tuple[Any, ...], content: bytes) -> None:
        """Keep a version."""
        FOLDER.write(_file_name(self._name, *self._key, arguments, processor), content)


def keep(kernel: Any) -> None:
    """Keep what Numba compiles of ``kernel``, and let it look there first."""
    if _private.has("keeping"):
        _private.keep_versions(kernel, KeptVersions(kernel.py_func))


def load(name: str) -> Any:
    """The library of this name that ``save`` kept, ready to be called; None where there is none, or a damaged one."""
    if not _private.has("keeping"):
        return None
    content = FOLDER.read(_file_name(name, _private.processor()))
    if content is None:
        return None
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    return _private.from_bytes(name, content[_LENGTH:end], content[end:])


def save(name: str, library: Any) -> None:
    """Keep a library under a name that tells it from all others."""
    if _private.has("keeping"):
        code, module = _private.as_bytes(library)
        FOLDER.write(_file_name(name, _private.processor()), len(code).to_bytes(_LENGTH, "little") + code + module)


def _file_name(name: str, *parts: Any) -> str:
    """``name`` for people, and a digest of all that affects the code; the folder tells sources and versions apart."""
    return f"{name[:60]}-{hashlib.sha256(repr((name, *parts)).encode()).hexdigest()[:32]}.code"
