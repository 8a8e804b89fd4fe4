"""Penalties and clipping on the GPU: one launch for all parameters, and norms that nothing waits for."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.backend.table import ArrayTable
from minidl.kernels.cuda._module import FLOATS, Module, alike

_module = Module("gradients.cu")


def penalize(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.penalize``."""
    if not alike(table.first, scalars) or table.columns != 2 or len(scalars) < 2:
        return NotImplemented
    _module("penalize", table.first, table.tasks, table.pieces, table.starts, scalars)
    return None


def clip(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.clip``."""
    if not alike(table.first, scalars) or table.columns != 1:
        return NotImplemented
    _module("clip", table.first, table.tasks, table.pieces, table.starts, scalars)
    return None


def add_squares(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.add_squares``: a sum for each block, and one block adds them in their order."""
    if not _of_gradients(table, scalars):
        return NotImplemented
    sums = backend_of(scalars).empty((table.tasks,), "float64")
    _module("squares", table.first, table.tasks, table.pieces, table.starts, sums)
    _module("add_to_total", table.first, 1, sums, scalars, table.tasks)
    return None


def scale(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.gradients.scale``."""
    if not _of_gradients(table, scalars):
        return NotImplemented
    _module("scale", table.first, table.tasks, table.pieces, table.starts, scalars)
    return None


def _of_gradients(table: ArrayTable, scalars: Any) -> bool:
    return table.first.dtype in FLOATS and scalars.dtype == "float64" and table.columns == 1
