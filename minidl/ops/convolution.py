"""Convolution in any number of dimensions, as a matrix product of patches.

Let U (``unfold``) be the linear map that lists, for every output position, the inputs its window meets. Then

    y  = U(x) W + b                 a matrix product: one row per output position, one column per filter
    dW = U(x)^T dy                  the product's gradient in its right factor
    dx = U^T(dy W^T)                the product's gradient in its left factor, put back by the transpose of U (``fold``)

Shapes: x (n, *spatial, c), W (*size, c / groups, f), b (f,), y (n, *out, f). With groups, filter block g sees channel block g.
As everywhere in deep learning the kernel is not flipped: this is the signal processors' cross-correlation.
Sources: Lecture 2018 (valid and same), Lecture 2020 (the 5x5 example); Chellapilla et al. 2006 (patches and a matrix product).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op
from minidl.geometry import Window
from minidl.ops.activation import relu


def pad(x: Array, window: Window, value: float = 0.0) -> Array:
    """x with the window's padding around the spatial axes; x itself where there is none."""
    pads = window.pads(x.shape[1:-1])
    if not any(before or behind for before, behind in pads):
        return x
    return array_namespace(x).pad(x, ((0, 0), *pads, (0, 0)), constant_values=value)


@op
def unfold(x: Array, window: Window) -> Array:
    """Patches (n, *out, taps, c) of x (n, *spatial, c): what the window meets at every output position."""
    xp = array_namespace(x)
    out = window.output_shape(x.shape[1:-1])
    x_padded = pad(x, window)
    patches = xp.empty((x.shape[0], *out, window.taps, x.shape[-1]), x.dtype)
    for tap, slices in enumerate(window.tap_slices(out)):
        patches[..., tap, :] = x_padded[:, *slices]
    return patches


@op
def fold(patches: Array, spatial: tuple[int, ...], window: Window) -> Array:
    """The transpose of ``unfold``: adds every patch entry to the input it came from, (n, *out, taps, c) -> (n, *spatial, c)."""
    xp = array_namespace(patches)
    n, *out, _, c = patches.shape
    pads = window.pads(spatial)
    padded = xp.zeros((n, *(before + size + behind for size, (before, behind) in zip(spatial, pads)), c), patches.dtype)
    for tap, slices in enumerate(window.tap_slices(out)):
        padded[:, *slices] += patches[..., tap, :]
    return padded[:, *(slice(before, before + size) for size, (before, _) in zip(spatial, pads))]


@op
def convolve(x: Array, W: Array, b: Array | None, window: Window, groups: int = 1, activation: str = "linear") -> Array:
    """y = U(x) W + b: (n, *spatial, c) -> (n, *out, f); with ``activation="relu"`` its positive part, as for ``dense``."""
    out = window.output_shape(x.shape[1:-1])
    y = _from_groups(_rows(unfold(x, window), groups) @ _columns(W, groups))
    if b is not None:
        y += b
    if activation == "relu":
        y = relu(y)
    return y.reshape(x.shape[0], *out, W.shape[-1])


@op
def convolve_grad_x(dy: Array, W: Array, spatial: tuple[int, ...], window: Window, groups: int = 1) -> Array:
    """dx = U^T(dy W^T): (n, *out, f) -> (n, *spatial, c)."""
    n, *out, f = dy.shape
    patches = _to_groups(dy.reshape(-1, f), groups) @ _columns(W, groups).swapaxes(1, 2)  # (g, rows, taps c/g)
    c = W.shape[-2]
    patches = patches.reshape(groups, -1, window.taps, c).transpose(1, 2, 0, 3)
    return fold(patches.reshape(n, *out, window.taps, groups * c), spatial, window)


@op
def convolve_grad_W(x: Array, dy: Array, window: Window, groups: int = 1, out: Array | None = None) -> Array:
    """dW = U(x)^T dy: (*size, c / groups, f)."""
    f = dy.shape[-1]
    dW = _rows(unfold(x, window), groups).swapaxes(1, 2) @ _to_groups(dy.reshape(-1, f), groups)  # (g, taps c/g, f/g)
    dW = dW.transpose(1, 0, 2).reshape(*window.size, x.shape[-1] // groups, f)
    if out is None:
        return dW
    out[...] = dW
    return out


def _rows(patches: Array, groups: int) -> Array:
    """(n, *out, taps, c) -> (groups, n * positions, taps * c / groups)."""
    *_, taps, c = patches.shape
    if groups == 1:
        return patches.reshape(1, -1, taps * c)
    split = patches.reshape(-1, taps, groups, c // groups)
    return split.transpose(2, 0, 1, 3).reshape(groups, -1, taps * (c // groups))


def _columns(W: Array, groups: int) -> Array:
    """(*size, c / groups, f) -> (groups, taps * c / groups, f / groups)."""
    f = W.shape[-1]
    return W.reshape(-1, groups, f // groups).transpose(1, 0, 2)


def _to_groups(rows: Array, groups: int) -> Array:
    """(rows, f) -> (groups, rows, f / groups)."""
    return rows.reshape(rows.shape[0], groups, rows.shape[1] // groups).transpose(1, 0, 2)


def _from_groups(y: Array) -> Array:
    """(groups, rows, f / groups) -> (rows, f)."""
    groups, rows, f = y.shape
    return y.transpose(1, 0, 2).reshape(rows, groups * f)
