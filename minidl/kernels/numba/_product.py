"""The matrix product c = a b of matrices in any layout, then + bias and ReLU: b is packed, tiles run over it.

    c[i, j] = sum_k a[i, k] b[k, j]        a (m, depth), b (depth, n), c (m, n)

Each thread has one part of the rows or columns of c. ``PANEL_DEPTH`` rows of b at a time are packed into panels as wide as a
tile, several panels together, so that long runs of b are read; a panel and the rows of a under work stay in the first cache,
the packed rows of b and a block of rows of a in the second. Rows of a that stand side by side are copied tile by tile.
How c is cut up does not change the order in which a number of c is summed, so its bits do not depend on it: how is measured
(``_tuning``). Where c is small and the depth is not, the threads share the depth, in a fixed number of partial sums.
"""

from __future__ import annotations

from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from minidl import config
from minidl.backend.dispatch import CPU
from minidl.backend.frozen import is_frozen, prepared
from minidl.backend.tape import again, write
from minidl.kernels.numba._along_depth import cost_along_depth, pair_along_depth, sum_columns
from minidl.kernels.numba._blocking import few_rows_shape, tile_cost, tile_shape, tile_shapes
from minidl.kernels.numba._column_tiles import column_copier, copy_columns
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import FLOATS, compiled, inner, threads
from minidl.kernels.numba._matrix import Matrix
from minidl.kernels.numba._panels import pack_b, packer, whole_panels
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import new_run
from minidl.kernels.numba._tile import Size, finished_tile, tile
from minidl.kernels.numba._transpose import turn
from minidl.kernels.numba._tuning import quickest
from minidl.kernels.numba._vector import LANES, load, store

PANEL_DEPTH = 264  # rows of b packed together: panels of them are read from the second cache, as fast as from the first
NARROW_COLUMNS, NARROW_DEPTH = 16, 384  # up to so many columns, so many rows of b: the panel is no larger
SHORT_DEPTH = 64  # the same for gradients of a few weights: more sums, which round less, cost little there
BLOCK_ROWS = 384  # rows of a under work, at most
UNPACKED_ROWS = 64  # up to so many rows of a, b is read from where it stands; fewer for narrow tiles, which read it in pieces
AHEAD_ROWS = 256  # of a, up to which packing b ahead saves a part of the time that is worth its memory
DEEP, SMALL_RESULT = 2048, 1 << 16  # so much depth for so few numbers of c: the threads share the depth instead
SHARES = 8  # partial sums then, whatever the number of threads
PANELS = 8  # of b, packed together where each is read once: long runs of its rows are read, and they stay in the second cache
COPIED_PANELS = 4  # of b, from which on rows of a that stand side by side are copied, tile by tile
STRIP = 64  # rows of a for which packing b is worth while
ROWS_TO_TURN_FOR = 16  # of a, from which on columns of b may be turned on their side
FEW_ROWS, FEWEST_COLUMNS = 3, 2  # up to so many rows of a, b is read once and not packed, unless it is a single column
SMALL_ROWS = 8  # the same for small gradients of a few weights, whose rows of a stand side by side
SMALL_WORK = 200_000  # multiply-adds below which one thread is quicker than waking another
CLEARLY = 0.9  # of the time that tiles take for the same columns: what sums along the depth may take at most, by the model
WAYS, NEARLY = 8, 1.3  # how many ways are measured at most, and how much worse than the best the model may find them
# In steps of the innermost loop: of one number of b where it is packed, and where it is not; of a, and where it is copied too.
_PACK_COST, _STREAM_COST, _READ_COST, _COPY_COST = 0.4, 0.02, 0.1, 0.25
FAR, _FAR_COST = 1 << 20, 0.5  # bytes of a matrix that does not stay in a core's cache, and of reading one number of it more


class Code(NamedTuple):
    """The pieces of machine code that a product is made of: sizes and addresses."""

    tile: Any  # rows, width, address: see ``tile_of``
    pack: Any  # of ``packer``, for panels as wide as the tile
    columns: Any  # of ``column_copier``, for as many as the tile has rows
    finish: Any  # of ``finisher``
    along: Any  # of ``pair_along_depth``, for the spare columns


@inner
def _pack_a(code, a, i0, first, last, k0, depth, packed):  # type: ignore[no-untyped-def]
    """Rows first to last of a[i0:, k0 : k0 + depth] as tiles (tiles, depth, rows); the last one overlaps the one before it.

    Where a has fewer rows than a tile, the rest of it stays as it is.
    """
    rows, start = code.tile[0], (i0 + first) * a.row_step + k0 * a.column_step
    tiles = (last - first) // rows if a.row_step == 1 else 0
    if tiles:
        copy_columns(code.columns, tiles, depth, a.numbers, start, a.column_step, packed, 0)
    for r in range(first + tiles * rows, last, rows):
        used = min(rows, last)
        begin = min(r, last - used)
        at, to = start + (begin - first) * a.row_step, (r - first) * depth
        for k in range(depth):
            for i in range(used):
                packed[to + k * rows + i] = a.numbers[at + i * a.row_step + k * a.column_step]


@inner
def _sum_spare_columns(code, a, b, c, bias, i0, i1, j0, j1):  # type: ignore[no-untyped-def]
    """c[i0:i1, j0:j1] along the depth, for a in rows."""
    depth, n, spare = b.rows, b.columns, j1 - j0
    right, right_start, right_step = b.numbers, j0 * b.column_step, b.column_step
    if b.row_step != 1:
        right, right_start, right_step = new_run(spare * depth, c.dtype), 0, depth  # (spare, depth)
        turn(code.pack[0], b.numbers, j0, b.row_step, depth, spare, right, 0, depth)
    sum_columns(
        code.along, rows=i1 - i0, columns=spare, depth=depth,
        a=a.numbers, a_start=i0 * a.row_step, a_row_step=a.row_step,
        b=right, b_start=right_start, b_row_step=right_step, c=c, c_start=i0 * n + j0, c_row_step=n,
    )  # fmt: skip
    if code.finish[0] or code.finish[1]:
        at = i0 * n + j0
        finish(
            code.finish, sums=c, s_start=at, s_row_step=n, y=c, y_start=at, y_row_step=n,
            rows=i1 - i0, columns=spare, bias=bias, b_start=j0,
        )  # fmt: skip


@inner
def _part(code, a, b, ahead, c, bias, i0, i1, j0, j1, spare):  # type: ignore[no-untyped-def]
    """c[i0:i1, j0:j1], whose last ``spare`` columns are summed along the depth; ``ahead``: b is packed, by ``whole_panels``."""
    rows, width, _ = code.tile
    n, depth = b.columns, b.rows
    m, columns = i1 - i0, j1 - j0 - spare
    if spare:
        _sum_spare_columns(code, a, b, c, bias, i0, i1, j1 - spare, j1)
    if not columns:
        return
    panels = (columns + width - 1) // width
    narrow = SHORT_DEPTH if a.row_step == 1 and a.rows <= NARROW_COLUMNS else NARROW_DEPTH  # of all rows: bits follow from it
    together = min(depth, PANEL_DEPTH if n > NARROW_COLUMNS else narrow)
    as_it_stands = not ahead and b.column_step == 1 and m <= min(UNPACKED_ROWS, width)  # then whole panels are not packed
    first_packed = columns // width if as_it_stands else 0
    # rows of a are copied tile by tile where they stand side by side and are read often, unless a is such a tile already, and
    # with zeros where they are too few
    by_columns = (a.row_step == 1 and panels >= COPIED_PANELS and a.column_step > rows) or m < rows
    most = BLOCK_ROWS // rows * rows  # whole tiles: one that reached into the next block would be summed there again
    at_once = PANELS if m <= most else panels  # of b, packed together: all of them, where they are read again
    to_pack = 0 if ahead else min(at_once, panels - first_packed)
    packed = new_run(to_pack * width * together, c.dtype)  # (panels, together, width), of b
    a_tiles = (min(m, most) + rows - 1) // rows
    copied = new_run(a_tiles * rows * together if by_columns else 1, c.dtype)  # (tiles, together, rows), of a
    if m < rows:
        copied[:] = 0
    edge = new_run(rows * width, c.dtype)  # (rows, width): a tile of which only some rows are wanted
    whole = columns // width * width  # columns of whole panels; what is left of a last one is summed aside, in whole vectors
    aside = new_run(width * (m if together < depth else min(m, most)) if whole < columns else 1, c.dtype)  # (rows, width)
    for k0 in range(0, depth, together):
        block = min(together, depth - k0)
        for r0 in range(0, m, most):
            count = min(most, m - r0)
            left, left_start = a.numbers, i0 * a.row_step + k0 * a.column_step
            left_row, left_k = a.row_step, a.column_step
            if by_columns:
                _pack_a(code, a, i0, r0, r0 + count, k0, block, copied)
                left, left_start, left_row, left_k = copied, 0, 1, rows
            for p in range(panels):
                packs = (p - first_packed) % at_once  # its place among those that are packed together
                right, right_start, right_k = packed, packs * width * block, width
                if ahead:
                    right, right_start, right_k = b.numbers, ((j0 // width + p) * depth + k0) * width, width
                elif p < first_packed:
                    right, right_start, right_k = b.numbers, k0 * b.row_step + j0 + p * width, b.row_step
                elif packs == 0 and r0 == 0:
                    j = p * width
                    some = min(at_once * width, columns - j)
                    pack_b(code.pack, b, k0, j0 + j, block, some, packed)
                sums, at, step = c, (i0 + r0) * n + j0 + p * width, n
                add_bias, relu = (code.finish[0], code.finish[1]) if k0 + block == depth else (0, 0)
                if p * width == whole:
                    sums, at, step, add_bias, relu = aside, (r0 if together < depth else 0) * width, width, 0, 0
                for r in range(r0, r0 + count, rows):
                    first = min(r, max(m - rows, 0))  # the last tile overlaps the one before it
                    start, out = left_start + first * left_row, at + (r - r0) * step
                    if by_columns:
                        start = (r - r0) * block
                    if first == r and m >= rows:
                        finished_tile(
                            code.tile, outer=1, depth=block,
                            a=left, a_start=start, a_row_step=left_row, a_outer_step=0, a_k_step=left_k,
                            b=right, b_start=right_start, b_outer_step=0, b_k_step=right_k,
                            c=sums, c_start=out, c_row_step=step, add=k0,
                            bias=bias, bias_start=j0 + p * width, add_bias=add_bias, relu=relu,
                        )  # fmt: skip
                        continue
                    tile(
                        code.tile, outer=1, depth=block,
                        a=left, a_start=start, a_row_step=left_row, a_outer_step=0, a_k_step=left_k,
                        b=right, b_start=right_start, b_outer_step=0, b_k_step=right_k,
                        c=edge, c_start=0, c_row_step=width, add=0,
                    )  # fmt: skip
                    for row in range(r, min(r + rows, m)):
                        for j in range(0, width, LANES):
                            to, number = out + (row - r) * step + j, load(edge, (row - first) * width + j, width - j, 0)
                            store(sums, to, width - j, number + load(sums, to, width - j, 0) if k0 else number)
                    if add_bias or relu:
                        finish(
                            code.finish, sums=sums, s_start=out, s_row_step=step, y=sums, y_start=out, y_row_step=step,
                            rows=min(rows, m - r), columns=width, bias=bias, b_start=j0 + p * width,
                        )  # fmt: skip
            if whole < columns and k0 + block == depth:
                finish(
                    code.finish, sums=aside, s_start=(r0 if together < depth else 0) * width, s_row_step=width,
                    y=c, y_start=(i0 + r0) * n + j0 + whole, y_row_step=n,
                    rows=count, columns=columns - whole, bias=bias, b_start=j0 + whole,
                )  # fmt: skip


@inner
def _parts(first, last, code, a, b, ahead, c, bias, cuts, spare, turned):  # type: ignore[no-untyped-def]
    """Parts first to last of (rows of parts, columns of parts) = cuts, whose borders are multiples of the tile.

    Parts below each other are computed as one, for which b is packed once; where there are none, those beside each other.
    """
    rows, width, _ = code.tile
    down, across = cuts
    m, n = a.rows, b.columns
    tiles, panels = (m + rows - 1) // rows, (n - spare + width - 1) // width
    while first < last:
        j, i = first // down, first % down
        beside, below = (last - first, 1) if down == 1 else (1, min(last - first, down - i))
        first += beside * below
        i0, i1 = min(i * tiles // down * rows, m), min((i + below) * tiles // down * rows, m)
        j0 = min(j * panels // across * width, n)
        j1 = n if j + beside == across else min((j + beside) * panels // across * width, n)
        if i0 < i1 and j0 < j1:
            _part(code, a, b, ahead, c, bias, i0, i1, j0, j1, spare if j1 == n else 0)
            if len(turned):
                turn(code.pack[0], c, i0 * n + j0, n, i1 - i0, j1 - j0, turned, j0 * m + i0, m)


@compiled
def _on_threads(code, a, b, ahead, c, bias, cuts, spare, turned):  # type: ignore[no-untyped-def]
    in_parallel(_parts, cuts[0] * cuts[1], (Code(*code), Matrix(*a), Matrix(*b), ahead, c, bias, cuts, spare, turned))


@inner
def _rows_share(first, last, size, after, a, b, c, bias):  # type: ignore[no-untyped-def]
    """Panels first to last of c for so few rows that b is read once, where it stands; the last panel overlaps."""
    width, m, n, depth = size[1], a.rows, b.columns, b.rows
    sums = new_run(m * width, c.dtype)  # (m, width)
    for p in range(first, last):
        j = min(p * width, n - width)
        for k in range(0, depth, PANEL_DEPTH):  # not in one go: the longer a sum, the more it rounds
            tile(
                size, outer=1, depth=min(PANEL_DEPTH, depth - k),
                a=a.numbers, a_start=k * a.column_step, a_row_step=a.row_step, a_outer_step=0, a_k_step=a.column_step,
                b=b.numbers, b_start=j + k * b.row_step, b_outer_step=0, b_k_step=b.row_step,
                c=sums, c_start=0, c_row_step=width, add=k,
            )  # fmt: skip
        skip = p * width - j  # columns of the panel before
        finish(
            after, sums=sums, s_start=skip, s_row_step=width, y=c, y_start=j + skip, y_row_step=n,
            rows=m, columns=width - skip, bias=bias, b_start=j + skip,
        )  # fmt: skip


@compiled
def _rows_on_threads(work, size, after, a, b, c, bias):  # type: ignore[no-untyped-def]
    arguments = (size, after, Matrix(*a), Matrix(*b), c, bias)
    tasks = (b[2] + size[1] - 1) // size[1]
    if work == 1:
        _rows_share(0, tasks, *arguments)
    else:
        in_parallel(_rows_share, tasks, arguments)


@inner
def _deep_share(first, last, code, a, b, parts, bias, spare):  # type: ignore[no-untyped-def]
    """Each share sums an equal part of the depth by itself, into its row of parts (shares, m n)."""
    depth = b.rows
    for s in range(first, last):
        k0, k1 = s * depth // len(parts), (s + 1) * depth // len(parts)
        left = Matrix(a.numbers[k0 * a.column_step :], a.rows, k1 - k0, a.row_step, a.column_step)
        right = Matrix(b.numbers[k0 * b.row_step :], k1 - k0, b.columns, b.row_step, b.column_step)
        _part(code, left, right, False, parts[s], bias, 0, a.rows, 0, b.columns, spare)


@compiled
def _deep_on_threads(code, a, b, parts, bias, spare):  # type: ignore[no-untyped-def]
    in_parallel(_deep_share, len(parts), (Code(*code), Matrix(*a), Matrix(*b), parts, bias, spare))


Way = tuple[Size, tuple[int, int]]  # the size of the tile and (rows, columns) of parts, one for each thread


@lru_cache(maxsize=4096)
def _in_pieces(way: Way, m: int, n: int) -> Way:
    """The same way with smaller parts, some of which a thread that is slowed down can leave to the others."""
    size, (down, across) = way
    if down == 1:
        return size, (1, max(across, -(-n // size[1])))
    return size, (down * max(1, m // (down * STRIP)), across)


@lru_cache(maxsize=4096)
def spare_columns(m: int, n: int, depth: int, itemsize: int) -> int:
    """How many of the last columns are better summed along the depth, as they would not fill a vector."""

    def cost(columns: int) -> float:
        return min([tile_cost(size, m, columns, itemsize) for size in tile_shapes(itemsize)])

    spare = n % LANES
    along = cost_along_depth(m, spare, depth, itemsize)
    return spare if m >= ROWS_TO_TURN_FOR and along < CLEARLY * (cost(n) - cost(n - spare)) else 0


@lru_cache(maxsize=4096)
def ways(
    m: int,
    n: int,
    depth: int,
    spare: int,
    work: int,
    copies: bool,
    in_columns: bool,
    itemsize: int,
    ahead: bool = False,
    turns: bool = False,
) -> list[Way]:
    """Those in which the slowest thread takes least, by what tiles cost in the model: the best first.

    ``turns``: c is turned on its side. Its columns are rows then, and two threads must not write to the same ones: lines of
    memory would travel between their cores all the time.
    """
    found = []
    from_a, from_b = (_FAR_COST * (numbers * itemsize > FAR) for numbers in (m * depth, n * depth))
    for down in range(1, work + 1):
        if work % down or (turns and down > 1):
            continue
        part_m, part_n = -(-m // down), -(-n // (work // down))
        for size in tile_shapes(itemsize):
            rows, columns = -(-part_m // size[0]) * size[0], -(-part_n // size[1]) * size[1]
            packs = not ahead and (in_columns or part_m > min(UNPACKED_ROWS, size[1]))
            cost = tile_cost(size, rows, columns, itemsize) + ((_PACK_COST if packs else _STREAM_COST) + from_b) * columns
            if part_m % size[0]:  # a last tile overlaps the one before it, and is copied row by row
                cost += tile_cost(size, size[0], columns, itemsize) / 2
            cost += (_READ_COST + from_a + _COPY_COST * copies) * rows + cost_along_depth(rows, spare, depth, itemsize)
            found.append((cost, (size, (down, work // down))))
    found.sort(key=itemgetter(0))
    return [way for cost, way in found[:WAYS] if cost <= NEARLY * found[0][0]]


_chosen: dict[tuple[Any, ...], Way] = {}  # of this process


def _choose(key: tuple[Any, ...], code: Any, a: Any, right: Any, c: Any, bias: Any, turned: Any) -> Way:
    """The quickest of the ``ways`` for a product, which it computes on the way; ``right(width)`` is b, or its panels."""
    _, m, n, depth, work, by_columns, in_columns, itemsize, spare, ahead, turns = key
    layouts = by_columns, in_columns, itemsize, ahead, turns
    possible = ways(m, n - spare, depth, spare, work, *layouts)
    alone = ways(m, n - spare, depth, spare, 1, *layouts)[0] if work > 1 else None
    right = cache(right)

    def run(way: Way) -> None:
        size, cuts = way if way[1] == (1, 1) else _in_pieces(way, m, n - spare)  # pieces would be shared out
        _on_threads.dispatcher(code(size), a, right(size[1]), ahead, c, bias, cuts, spare, turned)

    layout = f"{'columns' if by_columns else 'rows'} times {'panels' if ahead else 'columns' if in_columns else 'rows'}"
    name = f"product {m} {depth} {n}, {layout}{', turned' * turns}, {8 * itemsize} bits, {work} threads"
    small = m * n * depth < SMALL_WORK  # over before a clock could tell; where all columns are spare, no tile is used
    way = possible[0] if small or n == spare else quickest(name, possible, run, alone)
    if len(_chosen) > 4096:
        _chosen.clear()
    _chosen[key] = way
    return way


@compiled
def _add_up(shares, c):  # type: ignore[no-untyped-def]
    c[:] = shares[0]
    for s in range(1, len(shares)):
        for i in range(len(c)):
            c[i] += shares[s, i]


_NOTHING = {dtype: np.empty(0, dtype) for dtype in FLOATS}


@lru_cache(maxsize=4096)
def _code(size: Size, bias: bool, relu: bool, itemsize: int, spare: int) -> tuple[Any, ...]:
    """The fields of a Code."""
    of_tile = size, packer(size[1], itemsize), column_copier(size[0], itemsize)
    return *of_tile, finisher(bias, relu, itemsize), pair_along_depth(spare, itemsize)


def _copy_turned(c: Any, m: int, n: int, turned: Any) -> None:
    """c (m, n) on its side into ``turned``, where that is given."""
    if turned is not None:
        again(write, turned.reshape(n, m), c.reshape(m, n).T)


def product(a: Any, b: Any, c: Any, bias: Any = None, relu: bool = False, turned: Any = None, weights: Any = None) -> None:
    """c (m, n) = a (m, depth) b (depth, n), then + bias (n,), then ReLU; on its side in ``turned``, too, where that is given.

    a and b are what ``in_rows`` and ``in_columns`` give, c, turned and bias are flat, c in C order. ``weights``: the array that
    b looks at; where it is frozen, b is packed once.
    """
    of_a, m, depth, a_row_step, a_column_step = a
    of_b, _, n, b_row_step, b_column_step = b
    if m == 0 or n == 0:
        return
    if n <= NARROW_COLUMNS and n < m and a_row_step == 1 and bias is None and not relu:  # on its side: c in whole vectors
        on_its_side = CPU.pool.empty((n * m,), c.dtype) if turned is None else turned
        b_turned, a_turned = (of_b, n, depth, b_column_step, b_row_step), (of_a, depth, m, a_column_step, a_row_step)
        product(b_turned, a_turned, on_its_side, turned=c)
        return
    itemsize = c.itemsize
    small = m * n * depth < SMALL_WORK
    work = 1 if small else threads()
    deep = depth >= DEEP and m * n <= SMALL_RESULT and bias is None and not relu
    after = bias is not None, relu
    bias = _NOTHING[c.dtype] if bias is None else bias
    few = SMALL_ROWS if small and a_row_step == 1 else FEW_ROWS  # whatever the number of threads: bits depend on it
    if m <= few and b_column_step == 1 and n >= FEWEST_COLUMNS:
        _rows_on_threads(work, few_rows_shape(m, n, itemsize), finisher(*after, itemsize), a, b, c, bias)
        _copy_turned(c, m, n, turned)
        return
    in_rows = a_column_step == 1  # then rows of a are read in vectors along the depth
    spare = spare_columns(m, n, depth, itemsize) if in_rows else 0
    if deep:
        shares = CPU.pool.empty((SHARES, m * n), c.dtype)
        _deep_on_threads(_code(tile_shape(m, n - spare, itemsize), *after, itemsize, spare), a, b, shares, bias, spare)
        _add_up(shares, c)
        _copy_turned(c, m, n, turned)
        return
    turns = turned is not None
    turned = turned if turns else _NOTHING[c.dtype]
    ahead = weights is not None and m <= AHEAD_ROWS and not spare and is_frozen(weights)

    def right(width: int) -> tuple[Any, int, int, int, int]:
        return (whole_panels(b, width), *b[1:]) if ahead else b

    key = config.tuning(), m, n, depth, work, a_row_step == 1, b_row_step == 1, itemsize, spare, ahead, turns
    way = _chosen.get(key) or _choose(key, lambda size: _code(size, *after, itemsize, spare), a, right, c, bias, turned)
    size, cuts = way if work == 1 else _in_pieces(way, m, n - spare)
    if ahead:
        b = prepared(weights, ("panels", size[1]), lambda: whole_panels(b, size[1])), *b[1:]
    _on_threads(_code(size, *after, itemsize, spare), a, b, ahead, c, bias, cuts, spare, turned)
