"""How many rows and vectors a tile has: a short menu of sizes that fill the registers, so that few are compiled."""

from __future__ import annotations

from functools import lru_cache

from minidl.kernels.numba._machine import MACHINE
from minidl.kernels.numba._tile import Size, natural_lanes, tile_of

# {(registers, bytes computed in one piece): (rows, vectors)}: rows x vectors accumulators, one row of b, one broadcast number
_MENU = {
    (32, 64): ((10, 2), (5, 4), (6, 4), (7, 3), (8, 3), (3, 7), (8, 2), (7, 2), (14, 2), (14, 1), (6, 1), (5, 2)),
    (32, 32): (
        (4, 6),
        (5, 5),
        (6, 4),
        (7, 3),
        (8, 3),
        (3, 7),
        (4, 4),
        (7, 2),
        (14, 1),
        (8, 4),
        (4, 8),
        (5, 8),
        (6, 1),
        (5, 3),
        (5, 2),
    ),
    (32, 16): ((5, 4), (6, 4), (7, 3), (8, 3), (4, 5), (3, 7), (8, 2), (12, 2), (14, 1), (6, 1), (5, 2)),
    (16, 32): ((4, 3), (4, 2), (6, 2), (12, 1), (2, 4), (6, 1), (5, 2)),
    (16, 16): ((4, 2), (6, 2), (12, 1), (2, 4), (6, 1)),
}
_TILE_COST = 0.25  # cycles: some 40 to begin and end a tile, for 160 steps
# With 16 registers a step has many instructions beside its multiply-adds: how many of all begin in a cycle, and those of the
# loop. Measured on Zen 3 beside another program: 4 x 3 vectors 91 % of the peak, 6 x 2 and 5 x 2 84 %, 12 x 1 73 %.
_BEGUN, _OF_LOOP = 4, 4


@lru_cache(maxsize=4096)
def tile_shape(rows: int, columns: int, itemsize: int, fewest_rows: bool = False, group: int = 0) -> Size | None:
    """The size from the menu that covers rows x columns results in the least time; None where there are too few rows.

    ``fewest_rows``: only sizes of at most ``rows`` rows, for kernels whose last tile overlaps the one before it.
    ``group``: only widths that divide it.
    """
    lanes = natural_lanes(itemsize)
    best, best_cost = None, float("inf")
    for count, vectors in _MENU[MACHINE.registers, MACHINE.vector_bytes]:
        if (fewest_rows and count > rows) or group % (vectors * lanes):
            continue
        cost = _cost(count, vectors, rows, columns, lanes)
        if cost < best_cost:
            best, best_cost = (count, vectors), cost
    return best and _size(*best, itemsize)


@lru_cache(maxsize=4096)
def tiles_of_two_heights(rows: int, columns: int, itemsize: int, group: int = 0) -> tuple[int, int, int, int, int, int] | None:
    """Sizes for exactly so many rows: as few tiles as a size of the menu needs, each as high as another, or one row lower.

    (rows, width, address) of the higher, (rows, address) of the lower, and how many rows the higher ones compute. ``group``:
    only widths that divide it. None where no width does.
    """
    lanes = natural_lanes(itemsize)
    best, best_cost = None, float("inf")
    for most, vectors in _MENU[MACHINE.registers, MACHINE.vector_bytes]:
        if group % (vectors * lanes):
            continue
        tiles = -(-rows // most)
        high = -(-rows // tiles)
        first = (rows - tiles * (high - 1)) * high
        panels = -(-columns // (vectors * lanes)) * vectors * lanes
        cost = _cost(high, vectors, first, panels, lanes) + _cost(max(high - 1, 1), vectors, rows - first, panels, lanes)
        if cost < best_cost:
            best, best_cost = (high, vectors, first), cost
    if best is None:
        return None
    high, vectors, first = best
    higher, lower = _size(high, vectors, itemsize), _size(max(high - 1, 1), vectors, itemsize)
    return *higher, lower[0], lower[2], first


@lru_cache(maxsize=8)
def tile_shapes(itemsize: int) -> tuple[Size, ...]:
    """All sizes of the menu."""
    return tuple([_size(*shape, itemsize) for shape in _MENU[MACHINE.registers, MACHINE.vector_bytes]])


def _size(count: int, vectors: int, itemsize: int) -> Size:
    lanes = natural_lanes(itemsize)
    if MACHINE.registers * MACHINE.vector_bytes == 32 * 32 and vectors % 2 == 0:
        vectors, lanes = vectors // 2, 2 * lanes  # whole registers, computed in halves: half as many instructions
    return tile_of(count, vectors, lanes, itemsize)


@lru_cache(maxsize=4096)
def few_rows_shape(rows: int, columns: int, itemsize: int) -> Size:
    """The size for few rows, for which b is read once: wide, so that b is read in long runs.

    Where there are fewer columns than lanes, a shorter vector: 2, 4, 8 ...
    """
    lanes = min(natural_lanes(itemsize), 1 << columns.bit_length() - 1)
    most = 8
    if rows > 3 or (MACHINE.vector_bytes == 16 and rows > 1):  # one row uses each vector of b once, which needs no register
        most = min(most, (MACHINE.registers - 2) // (rows + 1))
    return tile_of(rows, min(most, columns // lanes), lanes, itemsize)


def tile_cost(size: Size, rows: int, columns: int, itemsize: int) -> float:
    """Cycles for one step in depth of rows x columns results in tiles of ``size``."""
    lanes = natural_lanes(itemsize)
    return _cost(size[0], size[1] // lanes, rows, columns, lanes)


def _cost(count: int, vectors: int, rows: int, columns: int, lanes: int) -> float:
    tiles = -(-rows // count) * -(-columns // (vectors * lanes))
    # one step of the innermost loop: two multiply-adds or two loads a cycle; ten accumulators do not quite hide the latency
    # of four; then what a tile costs beside, spread over its depth
    step = max(count * vectors / 2, (count + vectors) / 2, 5.2)
    if MACHINE.registers == 16:
        step = max(step, (count * vectors + count + vectors + _OF_LOOP) / _BEGUN)
    return tiles * (step + _TILE_COST)
