"""How rows are spread over blocks where a warp or a part of it takes a row, or where rows may be so wide that a block does."""

from __future__ import annotations

THREADS = 256  # of a block
WIDE = 512  # numbers of a row


def lanes(columns: int) -> int:
    """How many threads take a row of so many columns together: each has four to seven numbers, of long rows more.

    >>> [lanes(columns) for columns in (1, 10, 20, 1000)]
    [1, 2, 4, 32]
    """
    return min(32, 1 << max(0, (columns // 4).bit_length() - 1))


def row_blocks(rows: int, lanes: int = 32) -> int:
    """Blocks for this many rows, each taken by so many threads.

    >>> row_blocks(9), row_blocks(9, 4)
    (2, 1)
    """
    return -(-rows * lanes // THREADS)


def teams(rows: int, columns: int) -> tuple[int, bool]:
    """Blocks for this many rows, and whether the rows are so wide that each takes a whole block.

    >>> teams(9, 100), teams(9, 1000)
    ((2, False), (9, True))
    """
    wide = columns > WIDE
    return (rows if wide else row_blocks(rows)), wide
