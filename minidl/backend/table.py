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
        self.columns = len(self.rows[0])  # arrays that pieces are cut of
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
        self.pieces = backend.asarray(np.array(pieces, np.int64).reshape(len(pieces), self.columns + 1))
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


class RowTable(ArrayTable):
    """Single rows of large arrays, so that a step costs what these rows cost.

    Args:
        value, state: arrays (rows, units), whole and in C order.
        numbers: those of the rows meant, each once.
        grad: (len(numbers), units): the gradient of these rows alone, side by side.

    Who iterates over it, as a reference does, is given copies of the rows, and they are put back when it goes on. It has no
    columns cut into pieces: kernels that walk those decline it, and others take the rows where they stand.

    >>> W = np.zeros((5, 2))
    >>> for value, grad in RowTable(W, np.array([3, 1]), np.array([[1.0, 2], [3, 4]]), []):
    ...     value -= grad
    >>> W[[1, 3]].tolist()
    [[-3.0, -4.0], [-1.0, -2.0]]
    """

    def __init__(self, value: Array, numbers: Array, grad: Array, state: Sequence[Array]) -> None:
        self.first, self.size, self.columns = value, grad.size, 0
        self.numbers, self.grad, self.wholes = numbers, grad, (value, *state)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        copies = [whole[self.numbers] for whole in self.wholes]
        value, *state = (copy.reshape(-1) for copy in copies)
        yield value, self.grad.reshape(-1), *state
        for whole, copy in zip(self.wholes, copies):
            whole[self.numbers] = copy
