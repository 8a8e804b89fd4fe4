"""What users hold, as NumPy arrays: pandas tables, PyTorch tensors, lists, and whatever else offers its numbers.

No library is imported for it; objects are recognised by their attributes.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend.base import host_array
from minidl.errors import ArgumentTypeError, DataError, DataWarning, described, warn

_CPU = 1  # the number of the processor's memory among DLPack's devices


def to_host(x: Any, where: str) -> np.ndarray:
    """``x`` as a NumPy array on the host in native byte order: a view where that is possible, never a changed original.

    Raises ArgumentTypeError or DataError, with the fix, for what holds no real numbers in a rectangular array.
    """
    if isinstance(x, np.ndarray):
        return host_array(x, None, where)
    backend = backends.current()
    if isinstance(x, backend.array_type):
        return host_array(backend.to_numpy(x), None, where)
    if is_table(x):
        return host_array(_of_table(x, where), None, where)
    _refuse_what_is_no_array(x, where)
    if hasattr(x, "__dlpack__") and not hasattr(x, "__array__"):
        x = _of_dlpack(x, where)
    return host_array(x, None, where)


def is_table(x: Any) -> bool:
    """Whether ``x`` is a DataFrame or a Series of pandas."""
    return hasattr(x, "iloc") and hasattr(x, "to_numpy") and hasattr(x, "index")


def _refuse_what_is_no_array(x: Any, where: str) -> None:
    expected = "an array of all samples"
    if callable(getattr(x, "__next__", None)):
        raise ArgumentTypeError(where, f"a {type(x).__name__}", expected, "np.stack(list(...))")
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise ArgumentTypeError(where, f"a sparse {type(x).__name__}", expected, "x.toarray()")
    if inspect.isgeneratorfunction(x):
        fix = f"call it, {x.__name__}(), for a stream of batches; Dataset.from_generator({x.__name__}) calls it in each epoch"
        raise ArgumentTypeError(where, f"the generator function {x.__name__}", expected, fix)
    if isinstance(x, (dict, set, frozenset)) or callable(x):
        raise ArgumentTypeError(where, described(x), expected)


def _of_dlpack(x: Any, where: str) -> np.ndarray:
    """A view of an array that another library offers through DLPack alone."""
    device = x.__dlpack_device__()[0] if hasattr(x, "__dlpack_device__") else _CPU
    if int(device) != _CPU:
        received = f"a {type(x).__name__} in the memory of another device"
        raise ArgumentTypeError(where, received, "an array in the memory of the CPU", "a copy of it on the CPU")
    try:
        return np.from_dlpack(x)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        received = f"a {type(x).__name__} that DLPack cannot share ({error})"
        raise ArgumentTypeError(where, received, "real numbers in the memory of the CPU") from None


# -- pandas ------------------------------------------------------------------------------------------------------------


def _of_table(x: Any, where: str) -> np.ndarray:
    """The numbers of a DataFrame (rows, columns) or a Series (rows,), by position: the index plays no part."""
    if not hasattr(x, "columns"):
        dtype = _number_type(x.dtype, x, f"the Series {x.name!r}" if x.name is not None else "a Series", where, "y")
        return x.to_numpy(dtype=dtype)
    kinds = list(x.dtypes)
    for at, kind in enumerate(kinds):
        if not (isinstance(kind, np.dtype) and kind.kind in "biuf"):
            _number_type(kind, x.iloc[:, at], f"column {x.columns[at]!r}", where, "x")
    # Columns of several types meet in the one that holds them all; pandas would make objects of booleans and integers.
    dtypes = {kind if isinstance(kind, np.dtype) else _number_type(kind, None, "", where, "") for kind in kinds}
    return x.to_numpy(dtype=np.result_type(*dtypes)) if dtypes else np.empty(x.shape)


def _number_type(kind: Any, column: Any, name: str, where: str, letter: str) -> np.dtype:
    """NumPy's element type for a column of numbers. Raises for other columns, and for numbers that are missing."""
    if isinstance(kind, np.dtype) and kind.kind in "biuf":
        return kind
    numbers = getattr(kind, "kind", "O") in tuple("biuf")
    if not numbers:
        raise ArgumentTypeError(where, f"{name} of dtype {kind}", "columns of numbers", _column_fix(kind, name, letter))
    if column is not None and (missing := np.asarray(column.isna(), bool)).any():  # NumPy has no integer that is missing
        received = f"{name} of dtype {kind} with missing values, first in row {int(missing.argmax())}"
        raise DataError(where, received, "a number in every row", f"{letter}.fillna(0), or {letter}.dropna() and the same rows")
    return np.dtype(getattr(kind, "numpy_dtype", None) or getattr(kind, "subtype", None) or kind.type)


def _column_fix(kind: Any, name: str, letter: str) -> str:
    """The next thing to try for a column of anything but numbers."""
    text = str(kind)
    if text.startswith(("datetime", "timedelta", "period")):
        return "numbers of it, such as the year or the days since a date, or leave it out"
    codes = "its codes, astype('category').cat.codes"
    if letter == "y":
        return f"{codes}, if these are classes; pandas.to_numeric, if these are numbers written as text"
    return (
        f"pandas.get_dummies(x), a column for each value, or {codes}; pandas.to_numeric, if these are numbers written as text"
    )


def check_rows(where: str, names: Sequence[str], given: Sequence[Any]) -> None:
    """Warn where pandas objects that belong together have different indices: rows are paired by position."""
    tables = [(name, x) for name, x in zip(names, given) if type(x) is not np.ndarray and is_table(x)]
    for name, table in tables[1:]:
        first, other = tables[0]
        if len(table) == len(other) and not table.index.equals(other.index):
            message = f"{where}: {first} and {name} have different indices; rows are paired by position and the indices ignored"
            warn(f"{message}. To pair by index: {name}.loc[{first}.index]; else reset_index(drop=True) for both.", DataWarning)
