"""How rows are spread over blocks where a warp takes a row."""

from __future__ import annotations

WARPS = 8  # in a block of 256 threads


def row_blocks(rows: int) -> int:
    """Blocks for this many rows.

    >>> row_blocks(9)
    2
    """
    return -(-rows // WARPS)
