"""Matrices in flat arrays, row after row or column after column, so that one kernel takes both.

From Python a kernel gets them as plain tuples, which ``in_rows`` and ``in_columns`` make: Numba finds the type of a named
tuple three times slower, and small models would wait for it. The kernel makes a ``Matrix`` of the tuple, to read it by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Matrix(NamedTuple):
    """Number (i, j) stands at ``numbers[i * row_step + j * column_step]``. Steps count numbers, not bytes."""

    numbers: Any  # flat
    rows: int
    columns: int
    row_step: int  # from a row to the next
    column_step: int  # from a column to the next


def in_rows(array: Any, rows: int, columns: int) -> tuple[Any, int, int, int, int]:
    """The fields of the Matrix (rows, columns) that ``array``, in C order, holds row after row."""
    return array.reshape(-1), rows, columns, columns, 1


def in_columns(array: Any, rows: int, columns: int) -> tuple[Any, int, int, int, int]:
    """The fields of the Matrix (rows, columns) that ``array``, in C order, holds column after column."""
    return array.reshape(-1), rows, columns, 1, rows
