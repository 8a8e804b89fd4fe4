"""Machine code kept between runs, beside Numba's own files: reading a function is quicker than writing it anew.

A file holds a checksum, the length of the object code, that code, and the module it was made of, from which Numba learns the
names in it. Code cut short by a full disk would crash the process, so what does not fit its checksum is not used.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from minidl.kernels.numba._jit import CACHE

_CHECKSUM, _LENGTH = hashlib.sha256().digest_size, 8  # bytes


def load(codegen: Any, name: str) -> Any:
    """The library of this name that ``save`` kept, ready to be called; None where there is none, or a damaged one."""
    path = _path(codegen, name)
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[_CHECKSUM:]).digest() != content[:_CHECKSUM]:
        return None
    end = _CHECKSUM + _LENGTH + int.from_bytes(content[_CHECKSUM : _CHECKSUM + _LENGTH], "little")
    return codegen.unserialize_library((name, "object", (content[_CHECKSUM + _LENGTH : end], content[end:])))


def save(codegen: Any, name: str, library: Any) -> None:
    """Keep a finished library, made with ``enable_object_caching``, under a name that tells it from all others."""
    path = _path(codegen, name)
    if path is None:
        return
    code, module = library.serialize_using_object_code()[2]
    content = len(code).to_bytes(_LENGTH, "little") + code + module
    unfinished = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a full disk: it is made anew next time
        unfinished.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(unfinished, path)


def _path(codegen: Any, name: str) -> Path | None:
    """One file for each function and kind of processor; the folder tells versions and sources apart."""
    processor = hashlib.sha256(repr(codegen.magic_tuple()).encode()).hexdigest()[:16]
    return None if CACHE is None else CACHE / f"{name}-{processor}.code"
