"""Rows of a table by their ids, and the sums of what goes back to them: each row is read and written as a whole.

Forwards the ids are shared among the threads. Backwards the units are: a thread owns some columns of dW and goes over all ids
in their order, so that nobody else adds to its numbers, and the bits do not depend on the number of threads. Where only the
rows that occur are wanted, one thread finds them, and each sums some of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays, threads
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import copy_run

CHUNK = 1 << 15  # numbers of one task forwards, about
COLUMNS = 32  # of one task backwards


@replays
def embed(ids: Any, W: Any) -> Any:
    """Kernel of ``ops.embedding.embed``; ids are int64."""
    if ids.dtype != np.int64 or W.dtype not in FLOATS:
        return NotImplemented
    rows, units = W.shape
    y = CPU.pool.empty((*ids.shape, units), W.dtype)
    if y.size:
        tasks = min(-(-y.size // CHUNK), ids.size)
        _embed_on_threads(ids.reshape(-1), W.reshape(-1), y.reshape(-1), rows, units, tasks)
    return y


@replays
def embed_grad_W(ids: Any, dy: Any, rows: int, out: Any = None) -> Any:
    """Kernel of ``ops.embedding.embed_grad_W``; ids are int64."""
    units = dy.shape[-1]
    if ids.dtype != np.int64 or dy.dtype not in FLOATS or dy.shape[:-1] != ids.shape:
        return NotImplemented
    if out is not None and (out.dtype != dy.dtype or out.shape != (rows, units) or not out.flags.carray):
        return NotImplemented
    dW = CPU.pool.empty((rows, units), dy.dtype) if out is None else out
    if dW.size:
        _grad_on_threads(ids.reshape(-1), dy.reshape(-1), dW.reshape(-1), rows, units)
    return dW


def embed_grad_rows(ids: Any, dy: Any, rows: int) -> Any:
    """Kernel of ``ops.embedding.embed_grad_rows``; ids are int64."""
    units = dy.shape[-1]
    if ids.dtype != np.int64 or dy.dtype not in FLOATS or dy.shape[:-1] != ids.shape:
        return NotImplemented
    r, scratch = CPU.pool.empty((ids.size,), np.int64), CPU.pool.empty((rows + ids.size,), np.int64)
    count = _find(ids.reshape(-1), rows, r, scratch)
    sums = CPU.pool.empty((count, units), dy.dtype)
    if sums.size:
        _sum_on_threads(scratch[rows:], dy.reshape(-1), sums.reshape(-1), units, min(-(-sums.size // CHUNK), count, threads()))
    return r[:count], sums


@inner
def _embed_share(first, last, ids, W, y, rows, units, tasks):  # type: ignore[no-untyped-def]
    for i in range(first * len(ids) // tasks, last * len(ids) // tasks):
        row = ids[i]
        if row < 0 or row >= rows:
            y[i * units : (i + 1) * units] = np.nan
        else:
            copy_run(W, row * units, y, i * units, units)


@compiled
def _embed_on_threads(ids, W, y, rows, units, tasks):  # type: ignore[no-untyped-def]
    in_parallel(_embed_share, tasks, (ids, W, y, rows, units, tasks))


@inner
def _grad_share(first, last, ids, dy, dW, rows, units):  # type: ignore[no-untyped-def]
    begin, end = first * COLUMNS, min(last * COLUMNS, units)
    for row in range(rows):
        dW[row * units + begin : row * units + end] = 0
    for i in range(len(ids)):
        row = ids[i]
        if row >= 0 and row < rows:
            total, part = dW[row * units + begin : row * units + end], dy[i * units + begin : i * units + end]
            for j in range(len(total)):
                total[j] += part[j]


@compiled
def _grad_on_threads(ids, dy, dW, rows, units):  # type: ignore[no-untyped-def]
    in_parallel(_grad_share, (units + COLUMNS - 1) // COLUMNS, (ids, dy, dW, rows, units))


@compiled
def _find(ids, rows, r, scratch):  # type: ignore[no-untyped-def]
    """Writes the ids that have a row to r, each once, and behind the first ``rows`` numbers of scratch each id's place in r.

    place[row] holds anything at the start: it is believed only where r says the same (Briggs and Torczon 1993). So no memory
    as long as the table is cleared, and what this costs depends on the ids alone.
    """
    place, places = scratch[:rows], scratch[rows:]
    count = 0
    for i in range(len(ids)):
        row = ids[i]
        places[i] = -1
        if row >= 0 and row < rows:
            p = place[row]
            if p < 0 or p >= count or r[p] != row:
                p = count
                place[row], r[p] = p, row
                count += 1
            places[i] = p
    return count


@inner
def _sum_share(first, last, places, dy, sums, units, tasks):  # type: ignore[no-untyped-def]
    """Sums the rows of some places; as the places are counted by first occurrence, it sees where a sum begins."""
    count = len(sums) // units
    begin, end = first * count // tasks, last * count // tasks
    begun = begin
    for i in range(len(places)):
        p = places[i]
        if p >= begin and p < end:
            if p == begun:
                begun += 1
                copy_run(dy, i * units, sums, p * units, units)
            else:
                total, part = sums[p * units : (p + 1) * units], dy[i * units : (i + 1) * units]
                for j in range(len(total)):
                    total[j] += part[j]


@compiled
def _sum_on_threads(places, dy, sums, units, tasks):  # type: ignore[no-untyped-def]
    in_parallel(_sum_share, tasks, (places, dy, sums, units, tasks))
