"""Activation functions on the GPU, one pass over memory each; the dispatcher hands over flat arrays.

The exponential is CuPy's own, which is one pass as well.
"""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike, blocks, width

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # as in ops/activation.py

_module = Module("activation.cu")


def sign(x: Any) -> Any:
    """Kernel of ``ops.activation.sign``."""
    return _each("sign", x)


def sigmoid(x: Any) -> Any:
    """Kernel of ``ops.activation.sigmoid``."""
    return _each("sigmoid", x)


def sigmoid_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.sigmoid_grad``."""
    return _each("sigmoid_grad", dy, y)


def tanh(x: Any) -> Any:
    """Kernel of ``ops.activation.tanh``."""
    return _each("tanh_", x)


def tanh_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.tanh_grad``."""
    return _each("tanh_grad", dy, y)


def relu(x: Any) -> Any:
    """Kernel of ``ops.activation.relu``."""
    return _each("relu", x)


def relu_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.relu_grad``."""
    return _each("relu_grad", dy, y)


def softplus(x: Any) -> Any:
    """Kernel of ``ops.activation.softplus``."""
    return _each("softplus", x)


def softplus_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.softplus_grad``."""
    return _each("softplus_grad", dy, y)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Kernel of ``ops.activation.leaky_relu``."""
    return _each("leaky_relu", x, options=(negative_slope,))


def leaky_relu_grad(dy: Any, y: Any, negative_slope: float = 0.2) -> Any:
    """Kernel of ``ops.activation.leaky_relu_grad``."""
    return _each("leaky_relu_grad", dy, y, options=(negative_slope,))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Kernel of ``ops.activation.elu``."""
    return _each("elu", x, options=(alpha,))


def elu_grad(dy: Any, y: Any, alpha: float = 1.0) -> Any:
    """Kernel of ``ops.activation.elu_grad``."""
    return _each("elu_grad", dy, y, options=(alpha,))


def hard_sigmoid(x: Any, slope: float = 1 / 6) -> Any:
    """Kernel of ``ops.activation.hard_sigmoid`` with today's slope."""
    return _each("hard_sigmoid", x) if slope == 1 / 6 else NotImplemented


def hard_sigmoid_grad(dy: Any, y: Any, slope: float = 1 / 6) -> Any:
    """Kernel of ``ops.activation.hard_sigmoid_grad`` with today's slope."""
    return _each("hard_sigmoid_grad", dy, y) if slope == 1 / 6 else NotImplemented


def selu(x: Any) -> Any:
    """Kernel of ``ops.activation.selu``."""
    return _each("selu", x, options=(SELU_SCALE, SELU_ALPHA))


def selu_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.selu_grad``."""
    return _each("selu_grad", dy, y, options=(SELU_SCALE, SELU_ALPHA))


def softsign(x: Any) -> Any:
    """Kernel of ``ops.activation.softsign``."""
    return _each("softsign", x)


def softsign_grad(dy: Any, y: Any) -> Any:
    """Kernel of ``ops.activation.softsign_grad``."""
    return _each("softsign_grad", dy, y)


def swish(x: Any) -> Any:
    """Kernel of ``ops.activation.swish``."""
    return _each("swish", x)


def swish_grad(dy: Any, x: Any) -> Any:
    """Kernel of ``ops.activation.swish_grad``."""
    return _each("swish_grad", dy, x)


def mish(x: Any) -> Any:
    """Kernel of ``ops.activation.mish``."""
    return _each("mish", x)


def mish_grad(dy: Any, x: Any) -> Any:
    """Kernel of ``ops.activation.mish_grad``."""
    return _each("mish_grad", dy, x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Kernel of ``ops.activation.gelu``."""
    return _each("gelu", x, options=(bool(approximate),))


def gelu_grad(dy: Any, x: Any, approximate: bool = False) -> Any:
    """Kernel of ``ops.activation.gelu_grad``."""
    return _each("gelu_grad", dy, x, options=(bool(approximate),))


def _each(kernel: str, *arrays: Any, options: tuple[float, ...] = ()) -> Any:
    """``kernel`` over flat arrays of one shape and floating type; anything else is declined."""
    first = arrays[0]
    if not alike(*arrays) or any(a.shape != first.shape for a in arrays):
        return NotImplemented
    result = backend_of(first).empty(first.shape, first.dtype)
    together = width((first.size,), *arrays, result)
    groups = first.size // together
    _module(kernel, first, blocks(groups), *arrays, result, groups, *options, WIDTH=together)
    return result
