"""``keras.utils.io_utils`` of Keras 2.1: a data set in an HDF5 file, and a question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from minidl.errors import ArgumentError, MissingPackageError


class HDF5Matrix:
    """Rows ``start`` to ``end`` of a data set in an HDF5 file, which are read when they are asked for. Needs h5py.

    Args:
        datapath: the file.
        dataset: the name of the data set in it.
        start, end: the rows; None goes to the last one.
        normalizer: a function of what is read, which gives what is returned.
    """

    refs: ClassVar[dict[str, Any]] = {}  # open files

    def __init__(
        self,
        datapath: str,
        dataset: str,
        start: int = 0,
        end: int | None = None,
        normalizer: Callable[[Any], Any] | None = None,
    ) -> None:
        if datapath not in self.refs:
            self.refs[datapath] = _h5py("HDF5Matrix").File(datapath, "r")
        self.data = self.refs[datapath][dataset]
        self.start, self.end = start, self.data.shape[0] if end is None else end
        self.normalizer = normalizer

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            first, last, step = key.indices(len(self))
            rows: Any = slice(first + self.start, max(first, last) + self.start, step)
        elif isinstance(key, (int, np.integer)):
            index = int(key) + (len(self) if key < 0 else 0)
            if not 0 <= index < len(self):
                raise IndexError(key)
            rows = index + self.start
        else:
            wanted = np.asarray(key)
            if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self):
                raise IndexError(f"rows up to {wanted.max()} of {len(self)}")
            found, places = np.unique(wanted + self.start, return_inverse=True)  # HDF5 reads in ascending order only
            read = self.data[found.tolist()][places]
            return read if self.normalizer is None else self.normalizer(read)
        return self.data[rows] if self.normalizer is None else self.normalizer(self.data[rows])

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the rows."""
        return (len(self), *self.data.shape[1:])

    @property
    def dtype(self) -> Any:
        """The element type in the file."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))


def _h5py(where: str) -> Any:
    try:
        import h5py  # optional
    except ImportError as error:
        raise MissingPackageError(where, f"no h5py ({error})", "h5py, which reads HDF5", "pip install h5py") from None
    return h5py


def ask_to_proceed_with_overwrite(filepath: str) -> bool:
    """Whether the user allows to replace a file."""
    answer = input(f"[WARNING] {filepath} already exists - overwrite? [y/n]")
    while answer not in ("y", "n"):
        answer = input('Enter "y" (overwrite) or "n" (cancel).')
    if answer == "y":
        print("[TIP] Next time specify overwrite=True!")
    return answer == "y"


def save_array(array: Any, name: str) -> None:
    """Refused: it wrote PyTables. Of Keras 1."""
    raise ArgumentError("keras.utils.io_utils.save_array", "a call, which would need PyTables", fix="numpy.save(name, array)")


def load_array(name: str) -> Any:
    """Refused: it read PyTables. Of Keras 1."""
    raise ArgumentError("keras.utils.io_utils.load_array", "a call, which would need PyTables", fix="numpy.load(name)")
