"""The optimizers' rules on the GPU: each number of value, gradient and state is read and written once."""

from __future__ import annotations

from typing import Any

from minidl.kernels.cuda._module import Module, alike, blocks

_module = Module("update.cu")


def sgd(value: Any, grad: Any, scalars: Any) -> Any:
    """Twin of ``ops.update.sgd``."""
    return _step("sgd", (value, grad), scalars)


def momentum(value: Any, grad: Any, velocity: Any, scalars: Any, momentum: float, nesterov: bool) -> Any:
    """Twin of ``ops.update.momentum``."""
    return _step("momentum", (value, grad, velocity), scalars, momentum, nesterov)


def rmsprop(value: Any, grad: Any, square: Any, scalars: Any, rho: float, epsilon: float) -> Any:
    """Twin of ``ops.update.rmsprop``."""
    return _step("rmsprop", (value, grad, square), scalars, rho, 1 - rho, epsilon)


def adam(value: Any, grad: Any, mean: Any, square: Any, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> Any:
    """Twin of ``ops.update.adam``."""
    return _step("adam", (value, grad, mean, square), scalars, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)


def _step(kernel: str, arrays: tuple[Any, ...], scalars: Any, *constants: Any) -> Any:
    """Flat arrays of one length and floating type are taken; anything else is declined."""
    value = arrays[0]
    if not alike(*arrays, scalars) or value.ndim != 1 or any(a.shape != value.shape for a in arrays):
        return NotImplemented
    _module(kernel, value, blocks(value.size), *arrays, scalars, *constants, value.size)
    return None
