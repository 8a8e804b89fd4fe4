"""The softmax of some rows that fit the cache, in three passes: many rows at once, so that none waits for its own sums.

The numbers of a row behind its last whole vector are a part of their own, whose mask is then the same in all rows. The
exponentials wait in whole vectors of their own: a processor that reads what it has just stored under a mask has to wait.
Rows of 2, 4 or 8 numbers share a vector.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._runs import new_run
from minidl.kernels.numba._vector import (
    LANES,
    across_1,
    across_2,
    across_4,
    exp,
    largest,
    load,
    splat,
    store,
    store_all,
    total,
    where,
)

CHUNK = 1 << 12  # numbers of one task, about: they and their results stay in the first cache


@inner
def scratch_of(z, rows, classes):  # type: ignore[no-untyped-def]
    """Memory for ``softmax_rows``: of each row the exponentials in whole vectors, the largest logit, and the sum."""
    width = (classes + LANES - 1) // LANES * LANES
    return new_run(max(rows, 2) * width, z.dtype), new_run(rows, z.dtype), new_run(rows, z.dtype)


@inner
def softmax_rows(z, p, begin, end, classes, scratch):  # type: ignore[no-untyped-def]
    """Write softmax(z) of the rows begin .. end - 1 to p, and to the scratch their largest logits and the sums."""
    if classes == 2 or classes == 4 or classes == 8:
        _rows_of_a_part(z, p, begin, end, classes, scratch)
    else:
        _rows_of_vectors(z, p, begin, end, classes, scratch)


@inner
def _rows_of_a_part(z, p, begin, end, classes, scratch):  # type: ignore[no-untyped-def]
    """Several rows in a vector: what is found of a row stands in all of its lanes."""
    spread, peaks, sums = scratch
    first, stop = begin * classes, end * classes
    behind = (stop - first + LANES - 1) // LANES * LANES  # the peaks, then the sums
    for at in range(first, stop, LANES):
        v = load(z, at, stop - at, 0)
        peak = _higher(splat(z, -np.inf), v)
        peak = _higher(peak, across_1(peak))
        peak = _higher(peak, across_2(peak)) if classes > 2 else peak
        peak = _higher(peak, across_4(peak)) if classes > 4 else peak
        e = exp(v - peak)
        part = e + across_1(e)
        part = part + across_2(part) if classes > 2 else part
        part = part + across_4(part) if classes > 4 else part
        store(p, at, stop - at, e * (splat(z, 1) / part))
        store_all(spread, at - first, peak)
        store_all(spread, behind + at - first, part)
    for row in range(end - begin):
        peaks[row], sums[row] = spread[row * classes], spread[behind + row * classes]


@inner
def _rows_of_vectors(z, p, begin, end, classes, scratch):  # type: ignore[no-untyped-def]
    few = classes % LANES
    exponentials, peaks, sums = scratch
    for row in range(begin, end):
        highest, stop = splat(z, -np.inf), (row + 1) * classes - few
        for at in range(row * classes, stop, LANES):
            highest = _higher(highest, load(z, at, LANES, 0))
        if few:
            highest = _higher(highest, load(z, stop, few, -np.inf))
        peaks[row - begin] = largest(highest)
    to = 0
    for row in range(begin, end):
        part, peak, stop = splat(z, 0), peaks[row - begin], (row + 1) * classes - few
        for at in range(row * classes, stop, LANES):
            e = exp(load(z, at, LANES, 0) - peak)
            part = part + e
            store(exponentials, to, LANES, e)
            to += LANES
        if few:
            e = exp(load(z, stop, few, -np.inf) - peak)
            part = part + e
            store(exponentials, to, LANES, e)
            to += LANES
        sums[row - begin] = total(part)  # NaN where one of the row is
    of = 0
    for row in range(begin, end):
        share, stop = splat(z, 1) / sums[row - begin], (row + 1) * classes - few
        for at in range(row * classes, stop, LANES):
            store(p, at, LANES, load(exponentials, of, LANES, 0) * share)
            of += LANES
        if few:
            store(p, stop, few, load(exponentials, of, LANES, 0) * share)
            of += LANES


@inner
def _higher(highest, v):  # type: ignore[no-untyped-def]
    return where(v > highest, v, highest)  # never NaN, which is above nothing
