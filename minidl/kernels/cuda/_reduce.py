"""Sums over the rows of a matrix, in shares that several blocks add up in a fixed order."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, blocks

_ROWS_OF_A_SHARE, _MOST_SHARES = 512, 256
_MOST_BESIDE = 160  # columns


def column_shares(rows: int, columns: int) -> tuple[int, int]:
    """The grid of a ``column_sums`` kernel: blocks of 32 columns, and shares; of the sizes alone, so the bits are the same.

    >>> column_shares(100, 33), column_shares(10**6, 1)
    ((2, 1), (1, 256))
    """
    return -(-columns // 32), max(1, min(_MOST_SHARES, rows // _ROWS_OF_A_SHARE))


def side_by_side(rows: int, columns: int) -> int:
    """How many rows of a narrow matrix are summed as one, so that a block's 32 columns are all in use.

    >>> side_by_side(8000, 20), side_by_side(7999, 20), side_by_side(8000, 500), side_by_side(3, 20)
    (8, 1, 1, 1)
    """
    most = _MOST_BESIDE // columns if columns else 1
    return max(count for count in (1, 2, 4, 8, 16, 32) if count == 1 or (count <= most and rows % count == 0))


def partial_sums(like: Any, grid: tuple[int, int], columns: int) -> Any:
    """Scratch for ``column_sums``."""
    return backend_of(like).empty((grid[1], columns), "float64")


def add_shares(module: Module, partial: Any, result: Any, divisor: float = 1.0) -> None:
    """result = the sum of the shares / divisor."""
    module("add_shares", result, blocks(result.size), partial, result, len(partial), result.size, divisor)
