"""How many rows and vectors a tile has: a short menu of sizes that fill the registers, so that few versions are compiled."""

from __future__ import annotations

from functools import lru_cache

from minidl.kernels.numba._tile import REGISTERS, Size, tile_size, vector_lanes

# (rows, vectors): rows x vectors accumulators, one row of b and one broadcast number
_MENU = {
    32: ((5, 4), (6, 4), (7, 3), (8, 3), (3, 7), (7, 2), (14, 2), (14, 1)),
    16: ((4, 2), (6, 2), (12, 1), (2, 4)),
}


@lru_cache(maxsize=4096)
def tile_shape(rows: int, columns: int, itemsize: int, fewest_rows: bool = False) -> Size | None:
    """The size from the menu that covers rows x columns results in the least time; None where there are too few rows.

    ``fewest_rows``: only sizes of at most ``rows`` rows, for kernels whose last tile overlaps the one before it.
    """
    lanes = vector_lanes(itemsize)
    best, best_cost = None, float("inf")
    for count, vectors in _MENU[REGISTERS]:
        if fewest_rows and count > rows:
            continue
        tiles = -(-rows // count) * -(-columns // (vectors * lanes))
        # one step of the innermost loop: two multiply-adds or two loads a cycle, and four cycles of latency to hide
        cost = tiles * max(count * vectors / 2, (count + vectors) / 2, 4)
        if cost < best_cost:
            best, best_cost = tile_size(count, vectors, lanes), cost
    return best
