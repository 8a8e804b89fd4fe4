"""Runs of consecutive numbers: a kernel's own memory, copied and cleared in vectors.

Loops over slices would do, but Numba counts the owner of an array at each slice, which takes as long as the slice of a
few hundred numbers. NumPy's functions would do, but Numba compiles them for every kind of number.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner
from minidl.kernels.numba._private import has
from minidl.kernels.numba._vector import LANES, load, load_all, splat, store, store_all

CACHE_LINE = 64  # bytes


@inner
def copy_run(source, start, target, to, count):  # type: ignore[no-untyped-def]
    """target[to : to + count] = source[start : start + count]."""
    whole = count - count % LANES
    for k in range(0, whole, LANES):
        store_all(target, to + k, load_all(source, start + k))
    if whole < count:
        store(target, to + whole, count - whole, load(source, start + whole, count - whole, 0))


@inner
def clear_run(target, to, count):  # type: ignore[no-untyped-def]
    """target[to : to + count] = 0."""
    whole = count - count % LANES
    for k in range(0, whole, LANES):
        store_all(target, to + k, splat(target, 0))
    if whole < count:
        store(target, to + whole, count - whole, splat(target, 0))


if DISABLED:

    def new_run(count, dtype):  # type: ignore[no-untyped-def]
        """Memory for so many numbers, with whatever is there."""
        return np.empty(count, dtype)

elif has("arrays"):
    from numba import types
    from numba.extending import intrinsic

    from minidl.kernels.numba._private import new_array_value

    @intrinsic
    def new_run(typingctx, count, dtype):  # type: ignore[no-untyped-def]
        """Memory for so many numbers, with whatever is there."""
        kind = types.Array(dtype.dtype, 1, "C")

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return new_array_value(context, builder, kind, args[0], CACHE_LINE)

        return kind(types.intp, dtype), codegen

else:

    @inner
    def new_run(count, dtype):  # type: ignore[no-untyped-def]
        """Memory for so many numbers, with whatever is there."""
        return np.empty(count, dtype)


@inner
def zero_run(count, dtype):  # type: ignore[no-untyped-def]
    """Memory for so many numbers, all zero."""
    run = new_run(count, dtype)
    clear_run(run, 0, count)
    return run
