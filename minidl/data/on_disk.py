"""Inputs that stay where they are, such as a data set in an HDF5 file: a batch reads its own rows and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minidl.backend.base import host_array


def is_on_disk(x: Any) -> bool:
    """Whether ``x`` reads rows when they are asked for, as arrays of h5py and zarr do; they have ``chunks``."""
    return not isinstance(x, np.ndarray) and all(hasattr(x, name) for name in ("shape", "dtype", "chunks", "__getitem__"))


class OnDisk:
    """Rows ``start`` to ``stop`` of such an array, with the face of a NumPy array that data for training needs.

    Rows are read by slices, or by indices in ascending order, which is all that HDF5 can do, and put in order afterwards.
    """

    flags = SimpleNamespace(c_contiguous=False)  # rows are read by indexing, never by a kernel

    def __init__(self, source: Any, start: int = 0, stop: int | None = None) -> None:
        self.source, self.start = source, start
        length = source.shape[0] if stop is None else stop
        self.shape: tuple[int, ...] = (max(length - start, 0), *source.shape[1:])
        self.dtype = np.dtype(source.dtype).newbyteorder("=")

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """What the rows take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> np.ndarray:
        if isinstance(which, slice):
            first, last, _ = which.indices(len(self))
            return host_array(self.source[self.start + first : self.start + max(last, first)], None, "x")
        ascending = np.argsort(which)
        rows = host_array(self.source[(np.asarray(which)[ascending] + self.start).tolist()], None, "x")
        found = np.empty_like(rows)
        found[ascending] = rows
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def part(self, which: slice) -> OnDisk:
        """A part of the rows, still not read."""
        first, last, _ = which.indices(len(self))
        return OnDisk(self.source, self.start + first, self.start + last)
