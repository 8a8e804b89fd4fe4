"""CUDA C++ beside its launchers: read as package data, compiled once on first use, arguments packed as the kernel declares.

A kernel is declared in its ``.cu`` file as ``KERNEL(256) relu(const real *x, real *y, long long groups)``: blocks of 256
threads, two arrays of the type ``real`` was compiled as, and an integer of eight bytes. CuPy passes on what it is given without
looking (a Python integer as eight bytes, a float as a double), so the declaration is read here and every argument is checked
and converted by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from minidl.backend.dispatch import backend_of

FLOATS = (np.dtype("float32"), np.dtype("float64"))  # what ``real`` may be
OPTIONS = ("--std=c++17", "--device-as-default-execution-space")  # the second: also of lambdas that take any type
C_NAMES = {
    "float32": "float",
    "float64": "double",
    "bool": "bool",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned",
    "uint64": "unsigned long long",
}
_DTYPES = {name: np.dtype(dtype) for dtype, name in C_NAMES.items()}
_NULL = np.uintp(0)  # None would make CuPy pass no address at all
_MOST_BLOCKS = 1 << 14  # of an elementwise kernel; beyond, each thread takes several elements


@dataclass(frozen=True)
class Argument:
    """One parameter of a kernel, as declared."""

    type: str  # "real", "long long", ...
    name: str
    pointer: bool


@dataclass(frozen=True)
class Declaration:
    """A kernel's name, threads in a block, and parameters."""

    name: str
    threads: int
    arguments: tuple[Argument, ...]


class Module:
    """One ``.cu`` file.

    Args:
        file: its name.
        one_by_one: compile each kernel by itself, where launchers choose other macros for each of them.

    >>> module = Module("activation.cu")
    >>> module.kernels["relu"].threads, [a.name for a in module.kernels["relu"].arguments]
    (256, ['x', 'y', 'groups'])
    """

    def __init__(self, file: str, one_by_one: bool = False) -> None:
        self.file, self.source, self._one_by_one = file, _expanded(file, set()), one_by_one
        self.kernels = _declarations(self.source)
        self._functions: dict[Any, Any] = {}

    def __call__(self, kernel: str, like: Any, grid: int | tuple[int, ...], *args: Any, **macros: Any) -> None:
        """Launch ``kernel`` on ``grid`` blocks, ``real`` being the dtype of ``like``; ``macros`` are further types and numbers.

        A grid of no blocks launches nothing. The file is compiled anew for each choice of macros.
        """
        grid = grid if isinstance(grid, tuple) else (grid,)
        if not all(grid):
            return
        xp = backend_of(like).xp
        macros = {"real": like.dtype, **macros}
        key = (xp, kernel, *macros.items())
        function = self._functions.get(key)
        if function is None:
            function = self._functions[key] = self._compiled(xp, kernel, macros).get_function(kernel)
        declaration = self.kernels[kernel]
        function(grid, (declaration.threads,), packed(declaration, args, macros, xp.ndarray))

    def _compiled(self, xp: Any, kernel: str, macros: dict[str, Any]) -> Any:
        """CuPy compiles at the first ``get_function`` and keeps the result in its own cache on disk."""
        key = (xp, kernel if self._one_by_one else "", *options(macros))
        if key not in self._functions:
            code = only(self.source, kernel) if self._one_by_one else self.source
            self._functions[key] = xp.RawModule(code=code, options=options(macros))
        return self._functions[key]


def options(macros: dict[str, Any]) -> tuple[str, ...]:
    """The compiler's options, with each macro: a type or a number.

    >>> options({"real": np.dtype("float32"), "COLUMNS": 64})[2:]
    ('-DCOLUMNS=64', '-Dreal=float')
    """
    said = {name: value if isinstance(value, int) else C_NAMES[np.dtype(value).name] for name, value in macros.items()}
    return (*OPTIONS, *(f"-D{name}={value}" for name, value in sorted(said.items())))


def packed(declaration: Declaration, args: tuple[Any, ...], types: dict[str, Any], array_type: Any) -> tuple[Any, ...]:
    """The arguments in the very types the kernel declares; TypeError for what does not fit."""
    if len(args) != len(declaration.arguments):
        raise TypeError(f"{declaration.name} takes {len(declaration.arguments)} arguments, not {len(args)}")
    result = []
    for argument, value in zip(declaration.arguments, args):
        name = argument.type
        dtype = np.dtype(types[name]) if name in types else _DTYPES[name]
        if not argument.pointer:
            simple = type(value) is int if dtype.kind in "iu" else type(value) is float and dtype.kind == "f"
            result.append(dtype.type(value) if simple else _number(declaration.name, argument, dtype, value))
        elif value is None:
            result.append(_NULL)
        elif isinstance(value, array_type) and value.dtype == dtype:
            result.append(value)
        else:
            kind = f"an array of {value.dtype}" if hasattr(value, "dtype") else f"a {type(value).__name__}"
            raise TypeError(f"{declaration.name}: {argument.name} is an array of {dtype}, not {kind}")
    return tuple(result)


def _number(kernel: str, argument: Argument, dtype: np.dtype, value: Any) -> Any:
    whole = dtype.kind in "iu" and hasattr(value, "__index__")
    if not whole and not (dtype.kind in "fb" and isinstance(value, (bool, int, float, np.number, np.bool_))):
        raise TypeError(f"{kernel}: {argument.name} is a number of type {dtype}, not {value!r}")
    return dtype.type(int(value) if whole else value)  # an integer out of range raises OverflowError


def only(source: str, kernel: str) -> str:
    """The source without all other kernels, whose lines stay empty so that errors name the right ones.

    >>> only("KERNEL(256) f(int n)\\n{\\n}\\nKERNEL(256) g(int n)\\n{\\n}\\n", "g")
    '\\n\\n\\nKERNEL(256) g(int n)\\n{\\n}\\n'
    """
    whole = re.compile(r"(?ms)^KERNEL\(\d+\)\s+(\w+)\(.*?^}$")
    return whole.sub(lambda text: text[0] if text[1] == kernel else "\n" * text[0].count("\n"), source)


def blocks(count: int, threads: int = 256) -> int:
    """Blocks of an elementwise kernel for ``count`` elements.

    >>> blocks(0), blocks(257), blocks(10**9)
    (0, 2, 16384)
    """
    return min(-(-count // threads), _MOST_BLOCKS)


def width(rows: tuple[int, ...], *arrays: Any) -> int:
    """How many neighbours can be read at once in arrays with ``rows`` of so many: 16 bytes' worth, or fewer, or one.

    Only those that divide all rows, where the arrays begin at such addresses.
    """
    most = 16 // max(a.itemsize for a in arrays if a is not None)
    for count in (most, most // 2):
        whole = not any(row % count for row in rows)
        if whole and not any(a.data.ptr % (count * a.itemsize) for a in arrays if a is not None):
            return count
    return 1


def alike(*arrays: Any) -> bool:
    """Whether all arrays (None aside) are of one floating type, the first condition of nearly every kernel."""
    dtypes = {a.dtype for a in arrays if a is not None}
    return len(dtypes) == 1 and dtypes <= set(FLOATS)


def fits(out: Any, shape: tuple[int, ...]) -> bool:
    """Whether a kernel can write its result to ``out`` (None: to an array of its own)."""
    return out is None or (out.shape == shape and out.flags.c_contiguous)


def _expanded(file: str, seen: set[str]) -> str:
    """The file with its own headers in place, so that the compiler's cache sees when one changes."""
    seen.add(file)
    lines = [f'#line 1 "{file}"']
    for number, line in enumerate(resources.files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines(), 1):
        header = re.fullmatch(r'#include "(\w+\.cuh)"', line)
        if header is None:
            lines.append(line)
        elif header[1] not in seen:
            lines += [_expanded(header[1], seen), f'#line {number + 1} "{file}"']
    return "\n".join(lines)


def _declarations(source: str) -> dict[str, Declaration]:
    """Every ``KERNEL(threads) name(parameters)`` of the source."""
    macros = dict(re.findall(r"(?m)^#define (\w+) ((?:.*\\\n)*.*)$", source))
    found = {}
    for threads, name, parameters in re.findall(r"(?m)^KERNEL\((\d+)\)\s+(\w+)\(([^)]*)\)", source):
        text = re.sub(r"\b[A-Z]{3,}\b", lambda word: macros.get(word[0], word[0]), parameters).replace("\\\n", " ")
        found[name] = Declaration(name, int(threads), tuple(_argument(part) for part in text.split(",")))
    return found


def _argument(text: str) -> Argument:
    type_, pointer, name = re.fullmatch(r"\s*(?:const )?([\w ]+?) (\*?)(\w+)\s*", text).groups()  # type: ignore[union-attr]
    return Argument(type_, name, bool(pointer))
