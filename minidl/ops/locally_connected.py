"""Local connections: a convolution whose kernel is another one at every position.

Let U(x) (``unfold``) list what the window meets at every output position p: one row of taps and channels q. Then

    y[n, p]  = U(x)[n, p] W[p] + b[p]          a matrix product at each position, over the batch
    dW[p]    = U(x)[:, p]^T dy[:, p]
    db[p]    = sum_n dy[n, p]
    dx       = U^T(dU) with dU[n, p] = dy[n, p] W[p]^T

Shapes: x (n, *spatial, c), W (positions, taps c, f), b (*out, f), y (n, *out, f); positions is the product of ``out``.
Sources: Lecture 2020 ("locally-connected"); LeCun 1989; Taigman et al. 2014.
"""

from __future__ import annotations

from math import prod

from minidl.backend import Array, op
from minidl.geometry import Window
from minidl.ops.activation import relu
from minidl.ops.convolution import fold, unfold


@op
def connect(x: Array, W: Array, b: Array | None, window: Window, activation: str = "linear") -> Array:
    """y: (n, *spatial, c) -> (n, *out, f); with ``activation="relu"`` its positive part, as for ``dense``."""
    out = window.output_shape(x.shape[1:-1])
    y = (_by_position(unfold(x, window), window.rank) @ W).swapaxes(0, 1)  # (n, positions, f)
    y = y.reshape(x.shape[0], *out, W.shape[-1])
    if b is not None:
        y = y + b
    return relu(y) if activation == "relu" else y


@op
def connect_grad_x(dy: Array, W: Array, spatial: tuple[int, ...], window: Window) -> Array:
    """dx: (n, *out, f) -> (n, *spatial, c)."""
    n, *out, _ = dy.shape
    patches = (_by_position(dy, window.rank) @ W.swapaxes(1, 2)).swapaxes(0, 1)  # (n, positions, taps c)
    return fold(patches.reshape(n, *out, window.taps, W.shape[1] // window.taps), spatial, window)


@op
def connect_grad_W(x: Array, dy: Array, window: Window, out: Array | None = None) -> Array:
    """dW: (positions, taps c, f)."""
    dW = _by_position(unfold(x, window), window.rank).swapaxes(1, 2) @ _by_position(dy, window.rank)
    if out is None:
        return dW
    out[...] = dW
    return out


@op
def connect_grad_b(dy: Array, out: Array | None = None) -> Array:
    """db = dy summed over the batch: (*out, f)."""
    return dy.sum(axis=0, out=out)


def _by_position(rows: Array, rank: int) -> Array:
    """(n, *out, ...) -> (positions, n, numbers of each position)."""
    n, out = rows.shape[0], rows.shape[1 : 1 + rank]
    return rows.reshape(n, prod(out), prod(rows.shape[1 + rank :])).swapaxes(0, 1)
