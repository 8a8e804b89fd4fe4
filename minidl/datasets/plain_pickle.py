"""Lists, dictionaries, numbers, texts and NumPy arrays out of a pickle, by an interpreter that can do nothing else.

A pickle is a program for a small stack machine, and two of its instructions import and call anything: loading one runs
whatever its author wanted. Here nothing is imported and nothing called. Each instruction either puts a plain value on the
stack or puts plain values together; the few names that arrays are written with (``numpy.dtype`` and so on) are words that
this file knows, every other name is refused.

    an array    _reconstruct (ndarray, (0,), b"b"), then its state (version, shape, dtype, Fortran order?, bytes or list)
    a dtype     dtype ("u1", 0, 1), then its state (version, byte order, ...)

A value can be used again only if it is plain (a number, text or dtype): lists in lists in lists of one and the same list
would be larger than any memory, and cycles do not exist.
Source: pickletools.py of Python's library, which documents the instructions; protocols 2 to 5, of Python 2 and 3.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.datasets.stream import FIX, check_shape
from minidl.errors import DatasetError

_RECONSTRUCT, _NDARRAY, _DTYPE, _SCALAR, _FROM_BUFFER = "_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"
_ENCODE, _BYTES_OF = "encode", "bytes"  # how Python 3 writes bytes for Python 2
_WORDS = {
    **{f"{package}.multiarray _reconstruct": _RECONSTRUCT for package in ("numpy.core", "numpy._core")},
    **{f"{package}.multiarray scalar": _SCALAR for package in ("numpy.core", "numpy._core")},
    **{f"{package}.numeric _frombuffer": _FROM_BUFFER for package in ("numpy.core", "numpy._core")},
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,
    "__builtin__ bytes": _BYTES_OF,
}
_TYPE = re.compile(r"[iu][1248]|f[248]|b1|O[48]|O")
_LONGEST_INTEGER = 16  # bytes
_LONGEST_NAME = 200


class _Word:
    """One of the names above; it is compared, never called."""

    def __init__(self, word: str) -> None:
        self.word = word


class _Type:
    """An element type; its state says the byte order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.order: Any = "|"

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.name).newbyteorder(self.order)


class _Array:
    """An array before its state is known."""


class _Broken(Exception):
    """What is wrong with the content."""


def read_plain_pickle(content: bytes | bytearray, where: str) -> Any:
    """The value that was pickled: lists, tuples, dictionaries, numbers, texts, bytes, None and NumPy arrays.

    Args:
        content: the whole pickle.
        where: what messages call it, such as the path of the file.

    Raises DatasetError for anything else, and for a pickle that is damaged or not plain.

    >>> import pickle
    >>> read_plain_pickle(pickle.dumps({"labels": [3, 1], "data": np.eye(2)}), "example")
    {'labels': [3, 1], 'data': array([[1., 0.],
           [0., 1.]])}
    >>> read_plain_pickle(pickle.dumps(print), "example")
    Traceback (most recent call last):
    minidl.errors.DatasetError: example: received the name 'builtins print', which could run programs; expected a pickle of \
lists, numbers, texts and arrays alone. To fix it: do not trust this file.
    """
    expected = "a pickle of lists, numbers, texts and arrays alone"
    try:
        return _interpreted(bytes(content), where)
    except _Broken as error:
        received, _, fix = str(error).partition("|")
        raise DatasetError(where, received, expected, fix or FIX) from None
    except (IndexError, KeyError, ValueError, TypeError, OverflowError, struct.error, MemoryError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(where, f"a broken pickle ({error})", expected, FIX) from None


def _interpreted(data: bytes, where: str) -> Any:
    """Instruction by instruction, the frequent ones first: a data set of texts has millions of small integers."""
    stack: list[Any] = []
    below: list[list[Any]] = []  # stacks under a mark
    memo: dict[int, Any] = {}
    at, end = 0, len(data)
    while at < end:
        code, push = data[at], stack.append
        while code == 0x4D or code == 0x4B:  # BININT2, BININT1
            if code == 0x4D:
                push(data[at + 1] | data[at + 2] << 8)
                at += 3
            else:
                push(data[at + 1])
                at += 2
            code = data[at]
        if code == 0x4A:  # BININT
            stack.append(struct.unpack_from("<i", data, at + 1)[0])
            at += 5
        elif code == 0x28:  # MARK
            below.append(stack)
            stack = []
            at += 1
        elif code == 0x65:  # APPENDS
            items, stack = stack, below.pop()
            _one(stack, list).extend(items)
            at += 1
        elif code in (0x71, 0x72, 0x94):  # BINPUT, LONG_BINPUT, MEMOIZE
            key, width = (len(memo), 0) if code == 0x94 else _sized(data, at + 1, 1 if code == 0x71 else 4)
            memo[key] = stack[-1]
            at += 1 + width
        elif code in (0x68, 0x6A):  # BINGET, LONG_BINGET
            key, width = _sized(data, at + 1, 1 if code == 0x68 else 4)
            stack.append(_again(memo[key]))
            at += 1 + width
        elif code in _SIMPLE:
            stack.append(_SIMPLE[code]())
            at += 1
        elif code == 0x61:  # APPEND
            item = stack.pop()
            _one(stack, list).append(item)
            at += 1
        elif code in (0x75, 0x73):  # SETITEMS, SETITEM
            if code == 0x75:
                items, stack = stack, below.pop()
            else:
                items, stack = stack[-2:], stack[:-2]
            if len(items) % 2 or not all(isinstance(key, (str, bytes, int)) for key in items[::2]):
                raise _Broken("a dictionary whose keys are not texts or integers")
            _one(stack, dict).update(zip(items[::2], items[1::2]))
            at += 1
        elif code == 0x74:  # TUPLE
            items, stack = stack, below.pop()
            stack.append(tuple(items))
            at += 1
        elif code in (0x85, 0x86, 0x87):  # TUPLE1, TUPLE2, TUPLE3
            count = code - 0x84
            if len(stack) < count:
                raise _Broken("a broken pickle (a tuple of nothing)")
            stack[-count:] = [tuple(stack[-count:])]
            at += 1
        elif code == 0x80:  # PROTO
            if not 2 <= data[at + 1] <= 5:
                raise _Broken(f"protocol {data[at + 1]}|save it again with protocol 2, or as arrays with numpy.savez")
            at += 2
        elif code == 0x95:  # FRAME
            at += 9
        elif code in _BYTES:
            width, make = _BYTES[code]
            size, _ = _sized(data, at + 1, width)
            start = at + 1 + width
            if size > end - start:
                raise _Broken(f"text of {size} bytes, of which {end - start} follow")
            stack.append(make(data[start : start + size]))
            at = start + size
        elif code == 0x47:  # BINFLOAT
            stack.append(struct.unpack_from(">d", data, at + 1)[0])
            at += 9
        elif code in (0x8A, 0x8B):  # LONG1, LONG4
            size, width = _sized(data, at + 1, 1 if code == 0x8A else 4)
            if size > _LONGEST_INTEGER:
                raise _Broken(f"an integer of {size} bytes")
            start = at + 1 + width
            stack.append(int.from_bytes(data[start : start + size], "little", signed=True))
            at = start + size
        elif code == 0x63:  # GLOBAL
            first = data.index(b"\n", at + 1, at + _LONGEST_NAME)
            second = data.index(b"\n", first + 1, first + _LONGEST_NAME)
            stack.append(_word(data[at + 1 : first].decode(), data[first + 1 : second].decode()))
            at = second + 1
        elif code == 0x93:  # STACK_GLOBAL
            name, module = stack.pop(), stack.pop()
            stack.append(_word(module, name))
            at += 1
        elif code == 0x52:  # REDUCE: in a pickle of somebody else, a call
            arguments = stack.pop()
            stack[-1] = _made(stack[-1], arguments, where)
            at += 1
        elif code == 0x62:  # BUILD
            state = stack.pop()
            stack[-1] = _filled(stack[-1], state, where)
            at += 1
        elif code == 0x2E:  # STOP
            if len(stack) != 1 or below or isinstance(stack[0], (_Word, _Type, _Array)):
                raise _Broken("a broken pickle (it stops before its value is whole)")
            return stack[0]
        else:
            raise _Broken(f"the instruction {bytes([code])!r}, which is not for plain values|do not trust this file")
    raise _Broken("a pickle that breaks off")


_SIMPLE: dict[int, Callable[[], Any]] = {
    0x5D: list,
    0x7D: dict,
    0x29: tuple,
    0x4E: lambda: None,
    0x88: lambda: True,
    0x89: lambda: False,
}
_BYTES: dict[int, tuple[int, Callable[[bytes], Any]]] = {  # how many bytes tell the length, and what the text becomes
    0x55: (1, bytes),  # SHORT_BINSTRING, the text of Python 2
    0x54: (4, bytes),
    0x43: (1, bytes),  # SHORT_BINBYTES
    0x42: (4, bytes),
    0x8E: (8, bytes),
    0x96: (8, bytes),  # BYTEARRAY8
    0x8C: (1, lambda text: text.decode("utf-8", "surrogatepass")),  # SHORT_BINUNICODE
    0x58: (4, lambda text: text.decode("utf-8", "surrogatepass")),
    0x8D: (8, lambda text: text.decode("utf-8", "surrogatepass")),
}


def _sized(data: bytes, at: int, width: int) -> tuple[int, int]:
    """A number of so many bytes, and how many."""
    if at + width > len(data):
        raise _Broken("a pickle that breaks off")
    return int.from_bytes(data[at : at + width], "little"), width


def _one(stack: list[Any], kind: type) -> Any:
    """What is on top, which has to be of this kind."""
    if not stack or type(stack[-1]) is not kind:
        raise _Broken(f"a broken pickle (items for something that is no {kind.__name__})")
    return stack[-1]


def _again(value: Any) -> Any:
    """A value that was used before."""
    plain = (str, bytes, int, float, type(None), _Word, _Type)
    if isinstance(value, plain) or (type(value) is tuple and all(isinstance(item, plain) for item in value)):
        return value
    raise _Broken(f"one {type(value).__name__} in two places|save it again as arrays, with numpy.savez")


def _word(module: Any, name: Any) -> _Word:
    full = f"{module} {name}"
    if not (isinstance(module, str) and isinstance(name, str)) or full not in _WORDS:
        raise _Broken(f"the name {full!r}, which could run programs|do not trust this file")
    return _Word(_WORDS[full])


def _made(word: Any, arguments: Any, where: str) -> Any:
    """What one of the words makes of its arguments."""
    if not isinstance(word, _Word) or type(arguments) is not tuple:
        raise _Broken("a call of something unknown|do not trust this file")
    kind, count = word.word, len(arguments)
    if kind == _RECONSTRUCT and count == 3 and isinstance(arguments[0], _Word) and arguments[0].word == _NDARRAY:
        return _Array()
    if kind == _DTYPE and 1 <= count <= 3:
        name = arguments[0].decode("ascii") if isinstance(arguments[0], bytes) else arguments[0]
        if isinstance(name, str) and _TYPE.fullmatch(name):
            return _Type(name)
        raise _Broken(f"elements of type {name!r}")
    if kind == _ENCODE and count == 2 and isinstance(arguments[0], str) and arguments[1] in ("latin1", "latin-1"):
        return arguments[0].encode("latin-1")
    if kind == _BYTES_OF and not count:
        return b""
    if kind == _SCALAR and count == 2 and isinstance(arguments[0], _Type):
        return _numbers((), arguments[0], False, arguments[1], where).item()
    if kind == _FROM_BUFFER and count == 4 and isinstance(arguments[1], _Type) and arguments[3] in ("C", "F"):
        return _numbers(arguments[2], arguments[1], arguments[3] == "F", arguments[0], where)
    raise _Broken(f"other arguments of {kind} than those of arrays|do not trust this file")


def _filled(thing: Any, state: Any, where: str) -> Any:
    """An array or a dtype with its state."""
    if isinstance(thing, _Type) and type(state) is tuple and len(state) >= 2:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "="):
            raise _Broken(f"the byte order {order!r}")
        if any(part is not None for part in state[2:5]):
            raise _Broken("elements of several fields")
        thing.order = order
        return thing
    if isinstance(thing, _Array) and type(state) is tuple and len(state) == 5 and isinstance(state[2], _Type):
        return _numbers(state[1], state[2], bool(state[3]), state[4], where)
    raise _Broken("a state of something unknown|do not trust this file")


def _numbers(shape: Any, kind: _Type, fortran: bool, content: Any, where: str) -> np.ndarray:
    """An array of its bytes, or of a list where its elements are objects."""
    dtype = kind.dtype
    check_shape(shape, dtype, where)
    size, order = math.prod(shape), "F" if fortran else "C"
    if dtype.kind == "O":
        if type(content) is not list or len(content) != size:
            raise _Broken(f"an array of shape {shape} without its {size} elements")
        array = np.empty(size, object)
        for index, item in enumerate(content):
            array[index] = item
        return array.reshape(shape, order=order)  # type: ignore[call-overload]
    if not isinstance(content, bytes) or len(content) != size * dtype.itemsize:
        received = f"{len(content)} bytes" if isinstance(content, bytes) else f"a {type(content).__name__}"
        raise _Broken(f"{received} for an array of {dtype} and shape {shape}")
    flat = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
    return np.asarray(flat.reshape(shape, order=order), order="C")  # type: ignore[call-overload]
