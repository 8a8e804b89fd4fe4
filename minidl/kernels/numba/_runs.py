"""Runs of consecutive numbers, copied and cleared in vectors.

A loop over slices would do, but Numba counts the owner of an array at each slice, which takes as long as the slice of a
few hundred numbers.
"""

from __future__ import annotations

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._vector import LANES, load, splat, store


@inner
def copy_run(source, start, target, to, count):  # type: ignore[no-untyped-def]
    """target[to : to + count] = source[start : start + count]."""
    for k in range(0, count, LANES):
        store(target, to + k, count - k, load(source, start + k, count - k, 0))


@inner
def clear_run(target, to, count):  # type: ignore[no-untyped-def]
    """target[to : to + count] = 0."""
    for k in range(0, count, LANES):
        store(target, to + k, count - k, splat(target, 0))
