"""Batches of a data set held in arrays, taken one by one or many at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from minidl.backend import Array
from minidl.ops.gather import gather, gather_and_look

IN_ORDER = 1 << 22  # bytes of a column that are copied at most


class Batch(NamedTuple):
    """Some samples on the device; a tuple of arrays for a model with several inputs, or with several outputs."""

    x: Any
    y: Any
    weight: Any  # of several outputs: None, or a tuple in which each may be None
    size: int


class Ahead(NamedTuple):
    """Batches that come next, for who takes their rows without Python in between.

    Attributes:
        x, y: the data, on the host.
        dtypes: what x and y become in a batch.
        order: indices of all samples in the order in which they are taken; None: as they stand.
        start: which sample of it comes next.
        size: samples of a batch.
        left: whole batches.
        unseen: whether batches of x have to be finite; where one is not, it is taken by itself, and there is a warning.
    """

    x: np.ndarray
    y: np.ndarray
    dtypes: tuple[Any, Any]
    order: np.ndarray | None
    start: int
    size: int
    left: int
    unseen: bool


class Seen(Protocol):
    """What batches ask the data that they are taken from."""

    @property
    def unseen(self) -> set[int]:
        """Which columns nobody has looked at for numbers that are not finite."""

    def look_at_rest(self) -> None:
        """Look at them, and warn."""

    def were_taken(self) -> None:
        """All batches were taken, and looked at."""


class Batches:
    """The batches of one pass.

    Args:
        data: whose they are.
        count: samples.
        size: samples of a batch; the last may have fewer.
        order: the order of samples, or None.
        columns, dtypes: the arrays to take rows of, and what these become.
        send: for each column what carries rows to the device.
        pack: makes a batch of the rows of all columns.
    """

    def __init__(
        self,
        data: Seen,
        count: int,
        size: int,
        order: Array | None,
        columns: list[Array],
        dtypes: list[Any],
        send: list[Callable[[Array], Array]],
        pack: Callable[[list[Array], int], Batch],
    ) -> None:
        self._data, self._count, self._size, self._order = data, count, size, order
        self._columns, self._dtypes, self._send, self._pack = list(map(_in_order, columns)), dtypes, send, pack
        self._next = 0

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        start, stop = self._next, min(self._next + self._size, self._count)
        if start >= stop:
            self._data.were_taken()
            raise StopIteration
        self._next = stop
        which = slice(start, stop) if self._order is None else self._order[start:stop]
        rows = [send(rows) for send, rows in zip(self._send, self._rows(which), strict=True)]
        return self._pack(rows, stop - start)

    def ahead(self) -> Ahead | None:
        """The whole batches that come next, two or more; None where there are not, or not of one x and one y on the host."""
        left = (self._count - self._next) // self._size
        order = () if self._order is None else (self._order,)
        if left < 2 or len(self._columns) != 2 or not all(isinstance(a, np.ndarray) for a in (*self._columns, *order)):
            return None
        x, y, weight, _ = self._pack(self._columns, self._count)
        if x is not self._columns[0] or y is not self._columns[1] or weight is not None:
            return None
        of_x, of_y = self._dtypes
        return Ahead(x, y, (of_x, of_y), self._order, self._next, self._size, left, 0 in self._data.unseen)

    def skip(self, count: int) -> None:
        """So many batches were taken by somebody else."""
        self._next += count * self._size

    def _rows(self, which: Any) -> list[Array]:
        """Some rows of all columns; before that a warning where those of an x are not finite that nobody has looked at."""
        unseen = self._data.unseen
        if not unseen:
            return [take(a, which, dtype) for a, dtype in zip(self._columns, self._dtypes)]
        ways = [_take_and_look if index in unseen else _take_alone for index in range(len(self._columns))]  # they begin with x
        found = [way(a, which, dtype) for way, a, dtype in zip(ways, self._columns, self._dtypes)]
        if not all(finite for _, finite in found):
            self._data.look_at_rest()
        return [rows for rows, _ in found]


def take(array: Array, which: Any, dtype: Any) -> Array:
    """Rows in C order, by slice (a view where dtype and order are right already) or by index."""
    if isinstance(which, slice) or not array.flags.c_contiguous:  # which the op would copy whole, for each batch
        rows = array[which]
        return rows if rows.dtype == dtype and rows.flags.c_contiguous else _cast(rows, dtype)
    if array.ndim == 1 and array.dtype == dtype:
        return array[which]  # labels, mostly, of which the op would ask NumPy too
    return gather(array, which, dtype)


def _take_alone(array: Array, which: Any, dtype: Any) -> tuple[Array, bool]:
    return take(array, which, dtype), True


def _take_and_look(array: Array, which: Any, dtype: Any) -> tuple[Array, bool]:
    """``take``, and whether all numbers are finite; False also where some are so large that it takes a longer look to tell."""
    if not isinstance(which, slice) and array.flags.c_contiguous:
        rows, finite = gather_and_look(array, which, dtype)
        return rows, bool(finite)
    rows = take(array, which, dtype)
    flat = rows.reshape(-1)
    with np.errstate(all="ignore"):
        return rows, float(flat.dot(flat)) <= largest_number(flat.dtype)


def _in_order(column: Array) -> Array:
    """A column in C order where a copy takes little memory: rows of others are cut out slowly."""
    small = isinstance(column, np.ndarray) and column.nbytes <= IN_ORDER
    return np.ascontiguousarray(column) if small and not column.flags.c_contiguous else column


@np.errstate(all="ignore")  # what is too large is reported when the data is checked
def _cast(rows: Array, dtype: Any) -> Array:
    return rows.astype(dtype, order="C", copy=False)


def as_it_is(rows: Array) -> Array:
    """For rows that are on the device."""
    return rows


@lru_cache(maxsize=8)
def largest_number(dtype: np.dtype) -> float:
    """The largest finite number of a floating type."""
    return float(np.finfo(dtype).max)
