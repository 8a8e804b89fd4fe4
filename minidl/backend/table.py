"""Rows of flat arrays that one call of a kernel walks, while every array stays where it is.

An optimizer treats the numbers of all parameters alike, and a call for each parameter would cost more than the arithmetic
of a small one. So a kernel is given addresses: the rows are cut into pieces, and the pieces are dealt out to tasks of nearly
equal size, as if the rows stood one behind the other.

    row     value   grad    state ...                            flat arrays of one length
    piece   address of each array, length                        a part of one row
    task    pieces starts[t] .. starts[t + 1] - 1                what one thread (CPU) or block (GPU) does in one go
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend.base import Array, Backend


class ArrayTable:
    """Rows (value, gradient, state ...) of flat arrays: of one dtype, one device, and within a row of one length.

    Args:
        rows: tuples of arrays in C order with one axis; the table keeps them alive.
        backend: the device of the arrays.

    ``for value, grad, *state in table`` gives the rows. ``pieces`` (n, arrays + 1) and ``starts`` (tasks + 1,) are integers
    on the device of the arrays, as the module describes.

    >>> from minidl.backend.dispatch import CPU
    >>> table = ArrayTable([(np.zeros(3), np.ones(3)), (np.zeros(2), np.ones(2))], CPU)
    >>> table.size, table.pieces[:, -1].tolist(), table.starts.tolist()
    (5, [3, 2], [0, 2])
    """

    def __init__(self, rows: Sequence[tuple[Array, ...]], backend: Backend) -> None:
        self.rows = tuple(rows)
        self.first = self.rows[0][0]  # any of the arrays: their dtype and device
        self.size = sum(row[0].size for row in self.rows)
        pieces, starts, done = [], [0], 0
        for row in self.rows:
            begin = 0
            while begin < row[0].size:  # up to the end of the row or of the task
                length = min(row[0].size - begin, backend.task_size - done % backend.task_size)
                pieces.append([*(backend.address(array) + begin * array.itemsize for array in row), length])
                begin, done = begin + length, done + length
                if done % backend.task_size == 0:
                    starts.append(len(pieces))
        if starts[-1] < len(pieces):
            starts.append(len(pieces))
        self.pieces = backend.asarray(np.array(pieces, np.int64).reshape(len(pieces), len(self.rows[0]) + 1))
        self.starts = backend.asarray(np.array(starts, np.int64))

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        return iter(self.rows)

    @staticmethod
    def fits(row: Sequence[Any]) -> bool:
        """Whether these arrays can be a row: flat, in C order, of one length and dtype; all but the gradient writable."""
        first = row[0]
        return all(
            a.ndim == 1
            and a.flags.c_contiguous
            and a.shape == first.shape
            and a.dtype == first.dtype
            and (column == 1 or getattr(a.flags, "writeable", True))  # CuPy's always are
            for column, a in enumerate(row)
        )
