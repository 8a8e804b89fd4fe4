"""Kernels for the ops in ``minidl.ops`` on the CPU, compiled by Numba on first use; files with underscores hold their parts."""

import os

from minidl.errors import ArgumentError


def _check_number_of_threads() -> None:
    """Before Numba is imported, which fails half-way and without the variable's name for a number that no team can have.

    What is no number at all, Numba warns of and goes on.
    """
    given = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if given.removeprefix("-").isdecimal() and int(given) < 1:
        raise ArgumentError("NUMBA_NUM_THREADS", repr(given), "a positive integer", "unset NUMBA_NUM_THREADS")


_check_number_of_threads()
