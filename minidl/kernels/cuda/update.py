"""The optimizers' rules on the GPU: one launch for all parameters, each number is read and written once."""

from __future__ import annotations

from typing import Any

from minidl.backend.table import ArrayTable
from minidl.kernels.cuda._module import Module, alike

_module = Module("update.cu")


def decay(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.decay``."""
    return _step("decay", 1, table, scalars)


def sgd(table: ArrayTable, scalars: Any) -> Any:
    """Kernel of ``ops.update.sgd``."""
    return _step("sgd", 2, table, scalars)


def momentum(table: ArrayTable, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Kernel of ``ops.update.momentum``."""
    return _step("momentum", 3, table, scalars, momentum, nesterov)


def rmsprop(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop``."""
    return _step("rmsprop", 3, table, scalars, rho, 1 - rho, epsilon)


def rmsprop_outside(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop_outside``."""
    return _step("rmsprop_outside", 3, table, scalars, rho, 1 - rho, epsilon)


def rmsprop_momentum(table: ArrayTable, scalars: Any, rho: float, epsilon: float, momentum: float) -> Any:
    """Kernel of ``ops.update.rmsprop_momentum``."""
    return _step("rmsprop_momentum", 4, table, scalars, rho, 1 - rho, epsilon, momentum)


def rmsprop_centered(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.rmsprop_centered``."""
    return _step("rmsprop_centered", 4, table, scalars, rho, 1 - rho, epsilon)


def rmsprop_centered_momentum(table: ArrayTable, scalars: Any, rho: float, epsilon: float, momentum: float) -> Any:
    """Kernel of ``ops.update.rmsprop_centered_momentum``."""
    return _step("rmsprop_centered_momentum", 5, table, scalars, rho, 1 - rho, epsilon, momentum)


def adam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adam``."""
    return _step("adam", 4, table, scalars, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)


def amsgrad(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.amsgrad``."""
    return _step("amsgrad", 5, table, scalars, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)


def adamax(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adamax``."""
    return _step("adamax", 4, table, scalars, beta_1, 1 - beta_1, beta_2, epsilon)


def nadam(table: ArrayTable, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.nadam``."""
    return _step("nadam", 4, table, scalars, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon, count=4)


def adagrad(table: ArrayTable, scalars: Any, epsilon: float) -> Any:
    """Kernel of ``ops.update.adagrad``."""
    return _step("adagrad", 3, table, scalars, epsilon)


def adagrad_outside(table: ArrayTable, scalars: Any, epsilon: float) -> Any:
    """Kernel of ``ops.update.adagrad_outside``."""
    return _step("adagrad_outside", 3, table, scalars, epsilon)


def adadelta(table: ArrayTable, scalars: Any, rho: float, epsilon: float) -> Any:
    """Kernel of ``ops.update.adadelta``."""
    return _step("adadelta", 4, table, scalars, rho, 1 - rho, epsilon)


def _step(kernel: str, columns: int, table: ArrayTable, scalars: Any, *constants: Any, count: int = 1) -> Any:
    """float32 and float64 are taken; anything else is declined, and so is a table that a kernel would misread."""
    if not alike(table.first, scalars) or table.columns != columns or len(scalars) < count:
        return NotImplemented
    _module(kernel, scalars, table.tasks, table.pieces, table.starts, scalars, *constants)
    return None
