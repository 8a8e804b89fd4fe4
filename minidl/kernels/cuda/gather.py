"""Rows by index on the GPU, where a data set is kept on the device."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import C_NAMES, FLOATS, Module, blocks

_module = Module("gather.cu")


def gather(x: Any, indices: Any, dtype: Any) -> Any:
    """Kernel of ``ops.gather.gather``, to floating types; indices are int64."""
    dtype = np.dtype(dtype)
    if dtype not in FLOATS or x.dtype.name not in C_NAMES or indices.dtype != "int64" or indices.ndim != 1 or not x.ndim:
        return NotImplemented
    y = backend_of(x).empty((len(indices), *x.shape[1:]), dtype)
    _module("gather", y, blocks(y.size), x, indices, y, len(indices), prod(x.shape[1:]), stored=x.dtype)
    return y
