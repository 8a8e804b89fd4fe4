"""The optimizers' rules on the GPU: one launch for all parameters, each number is read and written once."""

from __future__ import annotations

from typing import Any

from minidl.backend.table import ArrayTable
from minidl.kernels.cuda._module import Module, alike

_module = Module("update.cu")


def sgd(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.sgd``."""
    return _step("sgd", table, scalars)


def momentum(table: ArrayTable, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Kernel of ``ops.update.momentum``."""
    return _step("momentum", table, scalars, momentum, nesterov)


def rmsprop(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop``."""
    return _step("rmsprop", table, scalars, rho, 1 - rho, epsilon)


def adam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adam``."""
    return _step("adam", table, scalars, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)


def _step(kernel: str, table: ArrayTable, scalars: Any, *constants: Any) -> Any:
    """float32 and float64 are taken; anything else is declined."""
    if not alike(table.first, scalars):
        return NotImplemented
    _module(kernel, scalars, table.tasks, table.pieces, table.starts, scalars, *constants)
    return None
