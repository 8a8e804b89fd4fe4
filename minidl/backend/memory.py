"""A recycling pool for NumPy: large blocks are lent out and come back by themselves when their last view dies.

Fresh memory from the operating system costs a page fault per 4 KiB; memory used a moment ago is mapped and often still in
the cache. What is lent is a view of a flat array over memory that is not itself an array: NumPy makes that flat array the
``base`` of every view, of views of views too, so a weak reference to it tells when the last of them has died.

>>> pool = Pool()
>>> a = pool.empty((1000, 1000), "float32")
>>> view = a[10:20]; del a; pool.free_bytes
0
>>> del view; pool.free_bytes >= 4_000_000
True
"""

from __future__ import annotations

import weakref
from collections import deque
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

SMALL = 16 * 1024  # bytes; below this NumPy's own cache is faster
ALIGNMENT = 64  # bytes: one cache line, one AVX-512 vector


class Pool:
    """Lends uninitialised arrays.

    Args:
        limit: free bytes kept at the most; what comes back beyond it is given to the operating system.
        poison: fill each lent block with NaN bytes, so that a kernel which forgets to write an element is seen (tests do).
    """

    def __init__(self, limit: int = 2 << 30, poison: bool = False) -> None:
        self.limit, self.poison = limit, poison
        self.free_bytes = 0
        self._free: dict[int, deque[tuple[memoryview, int]]] = {}
        self._lent: set[_Loan] = set()  # a weak reference that nobody holds would never call back

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Memory for an array of ``shape`` and ``dtype``, contents unspecified."""
        dtype = np.dtype(dtype)
        nbytes = prod(shape) * dtype.itemsize
        if nbytes < SMALL:
            array = np.empty(shape, dtype)
        else:
            array = self._lend(nbytes, shape, dtype)
        if self.poison and nbytes:
            array.reshape(-1).view(np.uint8)[:] = 0xFF  # NaN in every float type, -1 in every integer
        return array

    def clear(self) -> None:
        """Give all free blocks back to the operating system."""
        self._free.clear()
        self.free_bytes = 0

    def _lend(self, nbytes: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        size = _size_class(nbytes)
        try:
            block, offset = self._free[size].pop()  # the block returned last is the one still in the cache
            self.free_bytes -= size
        except (KeyError, IndexError):
            block = memoryview(np.empty(size + ALIGNMENT, np.uint8))  # type: ignore[arg-type]
            offset = -np.frombuffer(block, np.uint8).ctypes.data % ALIGNMENT
        flat = np.frombuffer(block, dtype, nbytes // dtype.itemsize, offset)  # the base of every later view
        loan = _Loan(flat, self._give_back)
        loan.block, loan.offset, loan.size = block, offset, size
        self._lent.add(loan)
        return flat.reshape(shape)

    def _give_back(self, loan: _Loan) -> None:
        self._lent.discard(loan)
        if self.free_bytes + loan.size <= self.limit:
            self._free.setdefault(loan.size, deque()).append((loan.block, loan.offset))
            self.free_bytes += loan.size


class _Loan(weakref.ref):
    """A lent array, and the memory it goes back to."""

    __slots__ = ("block", "offset", "size")
    block: memoryview
    offset: int
    size: int

    def __hash__(self) -> int:
        return id(self)  # a reference alone would ask the array, which has no hash

    def __eq__(self, other: object) -> bool:
        return self is other


@lru_cache(maxsize=4096)
def _size_class(nbytes: int) -> int:
    """``nbytes`` rounded up to one of eight sizes per power of two, so that nearly equal requests share blocks."""
    step = 1 << max((nbytes - 1).bit_length() - 4, 12)
    return -(-nbytes // step) * step
