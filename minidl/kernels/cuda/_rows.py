"""How rows are spread over blocks where a warp takes a row, or where rows may be so wide that a block does."""

from __future__ import annotations

WARPS = 8  # in a block of 256 threads
WIDE = 512  # numbers of a row


def row_blocks(rows: int) -> int:
    """Blocks for this many rows.

    >>> row_blocks(9)
    2
    """
    return -(-rows // WARPS)


def teams(rows: int, columns: int) -> tuple[int, bool]:
    """Blocks for this many rows, and whether the rows are so wide that each takes a whole block.

    >>> teams(9, 100), teams(9, 1000)
    ((2, False), (9, True))
    """
    wide = columns > WIDE
    return (rows if wide else row_blocks(rows)), wide
