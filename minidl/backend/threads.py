"""How many threads kernels and BLAS use: one number for the whole process, whichever thread of Python calls.

Compiled kernels read it where it stands in memory, so that it costs nothing and needs no kernel to be loaded. Results have
the same bits for any number, except those of BLAS.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from minidl import config
from minidl.backend import blas

IN_USE = ctypes.c_int64(config.threads())  # what kernels read


def set_threads(n: int) -> None:
    """Let kernels and BLAS use ``n`` threads from now on, in the whole process (the variable MINIDL_THREADS does it at start).

    Raises ArgumentTypeError for anything but an integer, ArgumentError outside 1 <= n <= the number of cores (or
    NUMBA_NUM_THREADS). Nothing changes then.

    >>> import minidl
    >>> before = minidl.get_threads()
    >>> minidl.set_threads(1)
    >>> minidl.get_threads()
    1
    >>> minidl.set_threads(before)
    """
    config.set_number_of_threads(n)
    IN_USE.value = config.threads()
    blas.set_threads(config.threads())


def get_threads() -> int:
    """How many threads kernels may use.

    >>> get_threads() >= 1
    True
    """
    return config.threads()


@contextmanager
def use_threads(n: int) -> Iterator[None]:
    """Context manager: ``n`` threads inside the block, in the whole process; arguments and errors as for ``set_threads``.

    >>> with use_threads(1):
    ...     get_threads()
    1
    """
    before, of_blas = config.threads(), blas.threads()
    set_threads(n)
    try:
        yield
    finally:
        set_threads(before)
        if of_blas is not None:
            blas.set_threads(of_blas)  # which may have been told another number, by its own variable


if os.environ.get("MINIDL_THREADS"):
    blas.set_threads(config.threads())
