"""``six``, which came with Keras 2.1, where it is not installed: what scripts for Python 2 and 3 take from it, in Python 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from minidl.compat.six import moves as moves

PY2, PY3, PY34 = False, True, True
string_types: tuple[type, ...] = (str,)
integer_types: tuple[type, ...] = (int,)
class_types: tuple[type, ...] = (type,)
text_type, binary_type = str, bytes
print_, next, callable = print, next, callable  # noqa: A001  (six's names)


def iteritems(d: Mapping[Any, Any], **keywords: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values.

    >>> list(iteritems({"a": 1}))
    [('a', 1)]
    """
    return iter(d.items(**keywords))


def iterkeys(d: Mapping[Any, Any], **keywords: Any) -> Iterator[Any]:
    """Keys."""
    return iter(d.keys(**keywords))


def itervalues(d: Mapping[Any, Any], **keywords: Any) -> Iterator[Any]:
    """Values."""
    return iter(d.values(**keywords))


def u(text: str) -> str:
    """A text."""
    return text


def b(text: str) -> bytes:
    """Bytes."""
    return text.encode("latin-1")


def add_metaclass(metaclass: type) -> Callable[[type], type]:
    """A decorator: the class made anew by ``metaclass``."""

    def wrapped(cls: type) -> type:
        own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        new: type = metaclass(cls.__name__, cls.__bases__, own)
        return new

    return wrapped


def with_metaclass(metaclass: type, *bases: type) -> type:
    """A base of this metaclass."""
    made: type = metaclass("with_metaclass", bases or (object,), {})
    return made


def reraise(kind: type[BaseException], value: BaseException | None, traceback: Any = None) -> NoReturn:
    """Raise again what was caught."""
    raise (kind() if value is None else value).with_traceback(traceback)
