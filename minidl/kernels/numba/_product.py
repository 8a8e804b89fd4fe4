"""The matrix product c = a b of flat arrays with any strides, then + bias and ReLU: b is packed, tiles run over it.

    c[i, j] = sum_k a[i a_row + k a_k] b[k b_k + j b_column]

Each thread has one part of the rows or columns of c. ``DEPTH`` rows of b at a time are packed into panels as wide as a tile;
a panel and the rows of a under work stay in the first cache, the packed rows of b and a block of rows of a in the second.
How c is cut up does not change the order in which a number of c is summed, so its bits do not depend on it. Where c is
small and the depth is not, the threads share the depth, in a fixed number of partial sums.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._blocking import tile_cost, tile_shape
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import FLOATS, compiled, inner, threads
from minidl.kernels.numba._parallel import in_parallel, sum_of
from minidl.kernels.numba._runs import new_run
from minidl.kernels.numba._tile import Size, natural_lanes, tile, tile_of
from minidl.kernels.numba._transpose import transpose, transposer
from minidl.kernels.numba._vector import LANES, load, store

DEPTH = 160  # rows of b packed together: 160 x 48 floats are 30 KiB
NARROW, DEEP = 16, 384  # up to so many columns, so many rows: the panel is no larger
SHORT = 64  # the same for gradients of a few weights: more sums, which round less, cost little there
BLOCK = 384  # rows of a under work, at most
UNPACKED = 64  # up to so many rows, b is read often enough from where it stands
DEEP_ENOUGH, SMALL_RESULT = 2048, 1 << 16  # so much depth for so few results: the threads share the depth instead
SHARES = 8  # partial sums then, whatever the number of threads
FEW = 3  # up to so many rows, b is read once and not packed
SMALL = 200_000  # multiply-adds below which one thread is quicker than waking another
_PACK_COST, _COPY_COST = 0.4, 0.25  # of one number of b, and of a where it is copied, in steps of the innermost loop


@inner
def pack_b(moves, b, start, b_k, b_column, depth, columns, width, packed):  # type: ignore[no-untyped-def]
    """``depth`` rows of b from ``start`` as panels (panels, depth, width), zeros behind the last column."""
    turn, copy = moves
    edge = turn[0]
    for j0 in range(0, columns, width):
        panel, used = j0 * depth, min(width, columns - j0)
        if b_column == 1:
            finish(copy, b, start + j0, b_k, packed, panel, width, depth, used, b, 0)
        else:
            whole_j, whole_k = used - used % edge, (depth - depth % edge) if b_k == 1 else 0
            for j in range(0, whole_j, edge):
                for k in range(0, whole_k, edge):
                    transpose(turn, b, start + k + (j0 + j) * b_column, b_column, packed, panel + k * width + j, width)
            for k in range(depth):
                for j in range(whole_j if k < whole_k else 0, used):
                    packed[panel + k * width + j] = b[start + k * b_k + (j0 + j) * b_column]
        for k in range(depth if used < width else 0):
            for j in range(used, width):
                packed[panel + k * width + j] = 0


@inner
def _pack_a(moves, a, start, a_row, a_k, depth, rows, packed, width):  # type: ignore[no-untyped-def]
    """``depth`` columns of ``rows`` rows of a from ``start``, one column after another, ``width`` numbers apart."""
    if a_row == 1:
        finish(moves[1], a, start, a_k, packed, 0, width, depth, rows, a, 0)
    else:
        for k in range(depth):
            for r in range(rows):
                packed[k * width + r] = a[start + r * a_row + k * a_k]


@inner
def _part(size, moves, i0, i1, j0, j1, n, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after):  # type: ignore[no-untyped-def]
    """Rows i0 to i1, columns j0 to j1 of c (.., n)."""
    rows, width, _ = size
    m, columns = i1 - i0, j1 - j0
    panels = (columns + width - 1) // width
    together = min(depth, DEPTH if n > NARROW else SHORT if a_row == 1 and m <= NARROW else DEEP)
    as_it_stands = b_column == 1 and m <= UNPACKED  # then whole panels of b are not packed
    first_packed = columns // width if as_it_stands else 0
    packed = new_run((panels - first_packed) * width * together, c.dtype)
    by_columns = a_row == 1 or m < rows  # then rows of a are copied: side by side, and zeros where they are too few
    most = BLOCK // rows * rows  # whole tiles: one that reached into the next block would be summed there again
    a_width = max(min(m, most), rows)
    copied = new_run(a_width * together if by_columns else 1, c.dtype)
    if m < rows:
        copied[:] = 0
    edge = new_run(rows * width, c.dtype)
    for k0 in range(0, depth, together):
        block = min(together, depth - k0)
        skipped = first_packed * width
        if skipped < columns:
            b_start = k0 * b_k + (j0 + skipped) * b_column
            pack_b(moves, b, b_start, b_k, b_column, block, columns - skipped, width, packed)
        for r0 in range(0, m, most):
            count = min(most, m - r0)
            r_first = min(r0, max(m - rows, 0))  # a last block of few rows begins earlier
            left, left_start, left_row, left_k = a, i0 * a_row + k0 * a_k, a_row, a_k
            if by_columns:
                at = (i0 + r_first) * a_row + k0 * a_k
                _pack_a(moves, a, at, a_row, a_k, block, r0 + count - r_first, copied, a_width)
                left, left_start, left_row, left_k = copied, -r_first, 1, a_width
            for p in range(panels):
                used = min(width, columns - p * width)
                right, right_start, right_k = packed, (p - first_packed) * width * block, width
                if p < first_packed:
                    right, right_start, right_k = b, k0 * b_k + j0 + p * width, b_k
                for r in range(r0, r0 + count, rows):
                    first = min(r, max(m - rows, 0))  # the last tile overlaps the one before it
                    start, out = left_start + first * left_row, (i0 + r) * n + j0 + p * width
                    if first == r and used == width and m >= rows:
                        tile(size, 1, block, left, start, left_row, 0, left_k, right, right_start, 0, right_k, c, out, n, k0)
                        continue
                    tile(size, 1, block, left, start, left_row, 0, left_k, right, right_start, 0, right_k, edge, 0, width, 0)
                    for row in range(r, min(r + rows, m)):
                        for j in range(0, used, LANES):
                            at, number = out + (row - r) * n + j, load(edge, (row - first) * width + j, used - j, 0)
                            store(c, at, used - j, number + load(c, at, used - j, 0) if k0 else number)
            if k0 + block == depth and (after[0] or after[1]):
                at = (i0 + r0) * n + j0
                finish(after, c, at, n, c, at, n, count, columns, bias, j0)


@inner
def _parts(first, last, size, moves, m, n, cuts, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after):  # type: ignore[no-untyped-def]
    """Parts first to last of (rows of parts, columns of parts) = cuts, whose borders are multiples of the tile."""
    rows, width, _ = size
    tiles, panels = (m + rows - 1) // rows, (n + width - 1) // width
    for index in range(first, last):
        i, j = index // cuts[1], index % cuts[1]
        i0, i1 = min(i * tiles // cuts[0] * rows, m), min((i + 1) * tiles // cuts[0] * rows, m)
        j0, j1 = min(j * panels // cuts[1] * width, n), min((j + 1) * panels // cuts[1] * width, n)
        if i0 < i1 and j0 < j1:
            _part(size, moves, i0, i1, j0, j1, n, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after)


@compiled
def _on_threads(size, moves, m, n, cuts, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after):  # type: ignore[no-untyped-def]
    arguments = (size, moves, m, n, cuts, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after)
    in_parallel(_parts, cuts[0] * cuts[1], arguments)


@inner
def _rows_share(first, last, size, m, n, depth, a, a_row, a_k, b, b_k, c, bias, after):  # type: ignore[no-untyped-def]
    """Panels first to last of c for so few rows that b is read once, where it stands; the last panel overlaps."""
    width = size[1]
    sums = new_run(m * width, c.dtype)
    for p in range(first, last):
        j = min(p * width, n - width)
        for k in range(0, depth, DEPTH):  # not in one go: the longer a sum, the more it rounds
            tile(size, 1, min(DEPTH, depth - k), a, k * a_k, a_row, 0, a_k, b, j + k * b_k, 0, b_k, sums, 0, width, k)
        skip = p * width - j  # columns of the panel before
        finish(after, sums, skip, width, c, j + skip, n, m, width - skip, bias, j + skip)


@compiled
def _rows_on_threads(work, size, tasks, m, n, depth, a, a_row, a_k, b, b_k, c, bias, after):  # type: ignore[no-untyped-def]
    arguments = (size, m, n, depth, a, a_row, a_k, b, b_k, c, bias, after)
    if work == 1:
        _rows_share(0, tasks, *arguments)
    else:
        in_parallel(_rows_share, tasks, arguments)


@inner
def _deep_share(first, last, size, moves, m, n, depth, a, a_row, a_k, b, b_k, b_column, parts, bias, after):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the depth by itself."""
    for s in range(first, last):
        k0, k1 = s * depth // len(parts), (s + 1) * depth // len(parts)
        left, right = a[k0 * a_k :], b[k0 * b_k :]
        _part(size, moves, 0, m, 0, n, n, k1 - k0, left, a_row, a_k, right, b_k, b_column, parts[s], bias, after)


@compiled
def _deep_on_threads(size, moves, m, n, depth, a, a_row, a_k, b, b_k, b_column, parts, bias, after):  # type: ignore[no-untyped-def]
    in_parallel(_deep_share, len(parts), (size, moves, m, n, depth, a, a_row, a_k, b, b_k, b_column, parts, bias, after))


@lru_cache(maxsize=4096)
def _cut(m: int, n: int, work: int, copies: bool, itemsize: int) -> tuple[Size, tuple[int, int]]:
    """The size of the tile and (rows, columns) of parts, one for each thread, for which the slowest thread takes least."""
    best, best_cost = None, float("inf")
    for down in range(1, work + 1):
        if work % down:
            continue
        part_m, part_n = -(-m // down), -(-n // (work // down))
        size = tile_shape(part_m, part_n, itemsize)
        assert size is not None
        part_m, part_n = -(-part_m // size[0]) * size[0], -(-part_n // size[1]) * size[1]
        cost = tile_cost(size, part_m, part_n, itemsize) + _PACK_COST * part_n + _COPY_COST * part_m * copies
        if cost < best_cost:
            best, best_cost = (size, (down, work // down)), cost
    assert best is not None
    return best


_NO_BIAS = {dtype: np.empty(0, dtype) for dtype in FLOATS}


def product(
    m: int,
    n: int,
    depth: int,
    a: Any,
    a_row: int,
    a_k: int,
    b: Any,
    b_k: int,
    b_column: int,
    c: Any,
    bias: Any = None,
    relu: bool = False,
) -> None:
    """c (m, n) = a (m, depth) b (depth, n), then + bias (n,), then ReLU; all arrays flat, c in C order."""
    if m == 0 or n == 0:
        return
    if n <= NARROW < m and a_row == 1 and bias is None and not relu:  # as a wide product, c on its side: whole vectors
        turned = CPU.pool.empty((n, m), c.dtype)
        product(n, m, depth, b, b_column, b_k, a, a_k, 1, turned.reshape(-1))
        c.reshape(m, n)[...] = turned.T
        return
    work = 1 if m * n * depth < SMALL else threads()
    after = finisher(bias is not None, relu, c.itemsize)
    moves = transposer(c.itemsize), finisher(False, False, c.itemsize)  # what turns a block, and what copies one
    deep = depth >= DEEP_ENOUGH and m * n <= SMALL_RESULT and bias is None and not relu
    bias = _NO_BIAS[c.dtype] if bias is None else bias
    lanes = natural_lanes(c.itemsize)
    if m <= FEW and b_column == 1 and n >= lanes:
        size = tile_of(m, min(8, n // lanes), lanes, c.itemsize)
        _rows_on_threads(work, size, -(-n // size[1]), m, n, depth, a, a_row, a_k, b, b_k, c, bias, after)
        return
    if deep:
        shares = CPU.pool.empty((SHARES, m * n), c.dtype)
        of_shares = tile_shape(m, n, c.itemsize)
        _deep_on_threads(of_shares, moves, m, n, depth, a, a_row, a_k, b, b_k, b_column, shares, bias, after)
        c[:] = sum_of(shares)
        return
    size, cuts = _cut(m, n, work, a_row == 1, c.itemsize)
    _on_threads(size, moves, m, n, cuts, depth, a, a_row, a_k, b, b_k, b_column, c, bias, after)
