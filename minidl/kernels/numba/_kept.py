"""What is kept between runs: compiled kernels, in the place of Numba's own cache, and libraries of machine code.

Reading a function is quicker than writing it anew. Numba's cache is not used: its key sees neither a changed callee nor
changed flags, it reads whatever stands in its files, and a full disk ends the program.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

from numba.core import sigutils
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from minidl.kernels.numba._folder import FOLDER

_LENGTH = 8  # bytes


class KeptVersions(NullCache):
    """Numba's cache of one function: a file for each version, that is for each kind of arguments and processor."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        closure = [cell.cell_contents for cell in function.__closure__ or ()]
        code = function.__code__
        self._key = (function.__module__, function.__qualname__, code.co_firstlineno, code.co_code, dumps(closure))

    @property
    def cache_path(self) -> str | None:
        """For Numba's statistics."""
        return None if FOLDER.path is None else str(FOLDER.path)

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The version for these arguments, ready to be called; None where it is not kept."""
        context.refresh()
        content = FOLDER.read(self._file(signature, context.codegen()))
        if content is None:
            return None
        try:
            result = CompileResult._rebuild(context, *pickle.loads(content))
        except Exception:  # whatever may be raised for what another version of a library wrote
            return None
        return result if result.signature.args == _arguments(signature) else None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a version."""
        if not result.library.has_dynamic_globals:  # addresses of this process
            FOLDER.write(self._file(signature, result.codegen), dumps(result._reduce()))

    def _file(self, signature: Any, codegen: Any) -> str:
        return _file_name(self._name, *self._key, _arguments(signature), codegen.magic_tuple())


def load(codegen: Any, name: str) -> Any:
    """The library of this name that ``save`` kept, ready to be called; None where there is none, or a damaged one."""
    content = FOLDER.read(_file_name(name, codegen.magic_tuple()))
    if content is None:
        return None
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    return codegen.unserialize_library((name, "object", (content[_LENGTH:end], content[end:])))


def save(codegen: Any, name: str, library: Any) -> None:
    """Keep a finished library, made with ``enable_object_caching``, under a name that tells it from all others."""
    code, module = library.serialize_using_object_code()[2]
    FOLDER.write(_file_name(name, codegen.magic_tuple()), len(code).to_bytes(_LENGTH, "little") + code + module)


def _arguments(signature: Any) -> tuple[Any, ...]:
    """The types of a version's arguments."""
    return tuple(sigutils.normalize_signature(signature)[0])


def _file_name(name: str, *parts: Any) -> str:
    """``name`` for people, and a digest of all that makes the code another; the folder tells sources and versions apart."""
    return f"{name[:60]}-{hashlib.sha256(repr((name, *parts)).encode()).hexdigest()[:32]}.code"
