"""The affine map y = x W + b on the last axis, for any number of axes before it.

x (..., in), W (in, out), b (out,)     y = x W + b
dx = dy W^T          dW = x^T dy  and  db = sum dy, both summed over every axis but the last
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op, op_of_ops
from minidl.ops.activation import relu


@op
def dense(x: Array, W: Array, b: Array | None = None, activation: str = "linear") -> Array:
    """y = x W + b: (..., in) -> (..., out); with ``activation="relu"`` y = max(x W + b, 0), which kernels do in one pass."""
    rows = x.reshape(-1, W.shape[0]) if x.ndim != 2 else x  # one large product instead of many small ones
    y = rows @ W
    if b is not None:
        y += b
    if activation == "relu":
        y = relu(y)
    return y.reshape(*x.shape[:-1], W.shape[1])


@op
def dense_grad_x(dy: Array, W: Array) -> Array:
    """dx = dy W^T: (..., out) -> (..., in)."""
    rows = dy.reshape(-1, W.shape[1])
    return (rows @ W.T).reshape(*dy.shape[:-1], W.shape[0])


@op
def dense_grad_W(x: Array, dy: Array, out: Array | None = None) -> Array:
    """dW = x^T dy, summed over all samples: (in, out)."""
    xp = array_namespace(x)
    return xp.matmul(x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1]), out=out)


@op
def bias_grad(dy: Array, out: Array | None = None) -> Array:
    """db = dy summed over every axis but the last: (out,)."""
    return dy.sum(axis=tuple(range(dy.ndim - 1)), out=out)


@op_of_ops
def dense_grads(x: Array, dy: Array, out: tuple[Array | None, Array | None] = (None, None)) -> tuple[Array, Array]:
    """dW and db: (in, out) and (out,). Both read dy, which a GPU does once."""
    return dense_grad_W(x, dy, out=out[0]), bias_grad(dy, out=out[1])
