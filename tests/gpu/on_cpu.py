"""CUDA kernels compiled by g++ and run on the CPU: what stands behind ``RawModule`` of the stand-in for CuPy.

``order`` is how the threads of a block take turns. A kernel whose result depends on it has a race.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
ORDERS = ("ascending", "descending", "random")
FAULTS = ("", "some threads ended without reaching a barrier", "threads wait at different barriers", "threads wait for ever")
SANITIZED = bool(os.environ.get("MINIDL_TEST_SANITIZER"))  # set for the process that runs under AddressSanitizer
MOST_THREADS, MOST_BLOCKS = 1024, (2**31 - 1, 65535, 65535)

COMPILER = shutil.which("g++")
_order = 0
recording: list[Any] | None = None  # what is launched while a graph is recorded
launches: list[str] = []  # names of the kernels that ran, for tests that ask


class LaunchError(RuntimeError):
    """A launch that CUDA would refuse, or that would not end on a GPU."""


@contextmanager
def lanes_in_order(order: str) -> Iterator[None]:
    """Threads of a block, and blocks, take turns in this order."""
    global _order
    before, _order = _order, ORDERS.index(order)
    try:
        yield
    finally:
        _order = before


FLAGS = ["-std=c++17", "-fPIC", "-Wno-unknown-pragmas", "-x"]
FLAGS = [*(["-O0", "-g1", "-fsanitize=address"] if SANITIZED else ["-O1"]), *FLAGS]  # -O2 compiles for longer than it saves
LIBRARIES = ["-nostdlib", "-lgcc"] if sys.platform == "linux" and not SANITIZED else []  # Python has brought in the others


def key(*texts: str) -> str:
    """A name made of everything that goes into a file."""
    return hashlib.sha256("\0".join([*texts, HEADER.read_text(), str(COMPILER), *FLAGS]).encode()).hexdigest()[:24]


def make(path: Path, text: str, language: str, *options: str) -> None:
    """The file that g++ makes of a text, if it is not there; of two processes that do so at once the last one wins, whole."""
    if path.exists():
        return
    assert COMPILER is not None
    with tempfile.TemporaryDirectory(dir=path.parent) as own:
        code, made = Path(own) / "code", Path(own) / path.name
        code.write_text(text)
        libraries = LIBRARIES if "-shared" in options else []
        command = [COMPILER, *FLAGS, language, *options, str(code), "-o", str(made), *libraries]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"g++ cannot compile the kernels:\n{done.stderr[-4000:]}")
        os.replace(made, path)


def build(source: str, options: tuple[str, ...]) -> ctypes.CDLL:
    """The shared library of a source; kept between runs."""
    names = re.findall(r"(?m)^KERNEL\(\d+\)\s+(\w+)\(", source)
    macros = [option[2:].replace("=", " ", 1) for option in options if option.startswith("-D")]
    text = "\n".join(
        [f'#include "{HEADER.name}"', *(f"#define {m}" for m in macros), source, *map("RUN_ON_CPU({})".format, names), ""]
    )
    folder = Path(tempfile.gettempdir()) / f"minidl-cuda-on-cpu-{os.getuid()}"
    parsed = folder / key()  # the header as g++ keeps it, found before the header itself: a third of the time
    parsed.mkdir(exist_ok=True, parents=True)
    library = folder / f"{key(text)}.so"
    if not library.exists():
        make(parsed / f"{HEADER.name}.gch", HEADER.read_text(), "c++-header")
        make(library, text, "c++", f"-I{parsed}", f"-I{HEADER.parent}", "-shared")
    return ctypes.CDLL(str(library))


class RawModule:
    """As ``cupy.RawModule``: nothing is compiled before the first ``get_function``."""

    def __init__(self, *, code: str, options: tuple[str, ...] = ()) -> None:
        self.code, self.options = code, options
        self._library: ctypes.CDLL | None = None

    def get_function(self, name: str) -> RawKernel:
        if self._library is None:
            self._library = build(self.code, self.options)
        return RawKernel(self._library, name)


class RawKernel:
    """A kernel; called, it runs on the CPU."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.name = name
        self._run = getattr(library, f"run_{name}")
        types = getattr(library, f"types_of_{name}")
        types.restype = ctypes.c_char_p
        self.types = types().decode().split()  # as the C++ compiler sees them, not as the launcher reads them

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        if not all(isinstance(size, int) and size > 0 for size in (*grid, *block)):
            raise LaunchError(f"{self.name}: grid {grid}, block {block}")
        (x, y, z), threads = (*grid, 1, 1)[:3], block[0]
        if threads > MOST_THREADS or len(block) > 1 or any(n > most for n, most in zip((x, y, z), MOST_BLOCKS)):
            raise LaunchError(f"{self.name}: grid {grid}, block {block} is more than a GPU takes")
        if len(args) != len(self.types):
            raise LaunchError(f"{self.name} takes {len(self.types)} arguments, not {len(args)}")
        slots = [self._slot(number, type_, a) for number, (type_, a) in enumerate(zip(self.types, args))]
        addresses = (ctypes.c_void_p * len(slots))(*(slot.ctypes.data for slot in slots))
        if recording is not None:
            recording.append(lambda: self._launch(x, y, z, threads, addresses, slots, args))
            return
        self._launch(x, y, z, threads, addresses, slots, args)

    def _launch(self, x: int, y: int, z: int, threads: int, addresses: Any, slots: Any, args: tuple[Any, ...]) -> None:
        launches.append(self.name)
        fault = self._run(x, y, z, threads, addresses, _order, len(launches))
        if fault:
            raise LaunchError(f"{self.name}: {FAULTS[fault]}")
        for a in args:
            if hasattr(a, "check_guards"):
                a.check_guards(self.name)

    def _slot(self, number: int, declared: str, value: Any) -> np.ndarray:
        """The argument's bytes as CuPy would hand them over, their type compared with the compiled kernel's."""
        if hasattr(value, "data") and hasattr(value.data, "ptr"):
            given, slot = f"*{value.dtype.kind}{value.itemsize}", np.array([value.data.ptr], np.uintp)
        elif isinstance(value, np.generic):
            null = declared.startswith("*") and value == 0 and value.itemsize == 8
            given, slot = declared if null else f"{value.dtype.kind}{value.itemsize}", np.array([value])
        else:
            raise LaunchError(f"{self.name}: argument {number} is a {type(value).__name__}, which CuPy packs without looking")
        if given != declared:
            raise LaunchError(f"{self.name}: argument {number} is declared {declared} and given {given}")
        return slot
