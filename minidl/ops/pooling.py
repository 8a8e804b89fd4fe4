"""Pooling: each window of each channel gives one number. Windows may overlap; padding never wins and is never counted.

    max       y = max over the window;   the gradient goes to the first position that attains it, in row-major order
    average   y = sum / m;               the gradient is shared equally, m = number of window positions inside the input

Shapes: x (n, *spatial, c), y (n, *out, c). NaN wins a maximum, as in NumPy.
Sources: Lecture 2018, Practical 2020 (2x2 max), Ghent 6 (spectral axis only);
TensorFlow's rule for "same" and for the average's divisor.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import Array, array_namespace, op
from minidl.geometry import Window
from minidl.ops.convolution import pad


@op
def max_pool(x: Array, window: Window) -> tuple[Array, Array]:
    """y and, for the gradient, the winning tap of each window: (n, *out, c) of small integers."""
    xp = array_namespace(x)
    out = window.output_shape(x.shape[1:-1])
    x_padded = pad(x, window, -xp.inf)
    y = winners = None
    for tap, slices in enumerate(window.tap_slices(out)):
        candidate = x_padded[:, *slices]
        if y is None or winners is None:
            y, winners = candidate.copy(), xp.empty(candidate.shape, tap_dtype(window))
            winners[...] = xp.asarray(_first_taps(x.shape[1:-1], window))  # so that padding cannot win against -inf
            continue
        better = (candidate > y) | ((candidate != candidate) & (y == y))  # a NaN beats every number
        xp.copyto(y, candidate, where=better)
        xp.copyto(winners, winners.dtype.type(tap), where=better)
    assert y is not None
    assert winners is not None
    return y, winners


@op
def max_pool_grad(dy: Array, winners: Array, spatial: tuple[int, ...], window: Window) -> Array:
    """dx: each dy goes to the input that won its window, and inputs that won several windows sum: (n, *spatial, c)."""
    return _spread(spatial, window, dy, lambda tap: dy * (winners == tap))


@op
def average_pool(x: Array, window: Window) -> Array:
    """y = mean of the window's positions inside the input: (n, *out, c)."""
    xp = array_namespace(x)
    out = window.output_shape(x.shape[1:-1])
    x_padded = pad(x, window)
    y = xp.zeros((x.shape[0], *out, x.shape[-1]), x.dtype)
    for slices in window.tap_slices(out):
        y += x_padded[:, *slices]
    return y / xp.asarray(_counts(x.shape[1:-1], window), x.dtype)


@op
def average_pool_grad(dy: Array, spatial: tuple[int, ...], window: Window) -> Array:
    """dx: each dy is shared equally among its window's positions: (n, *spatial, c)."""
    share = dy / array_namespace(dy).asarray(_counts(spatial, window), dy.dtype)
    return _spread(spatial, window, share, lambda tap: share)


def tap_dtype(window: Window) -> np.dtype:
    """The smallest integer type that can number the window's taps."""
    return np.min_scalar_type(window.taps - 1)


def _spread(spatial, window, dy, contribution):  # type: ignore[no-untyped-def]
    """The transpose of reading windows: add ``contribution(tap)`` at the position where each tap looked."""
    xp = array_namespace(dy)
    pads = window.pads(spatial)
    padded = xp.zeros((dy.shape[0], *(a + n + b for n, (a, b) in zip(spatial, pads)), dy.shape[-1]), dy.dtype)
    for tap, slices in enumerate(window.tap_slices(dy.shape[1:-1])):
        padded[:, *slices] += contribution(tap)
    return padded[:, *(slice(a, a + n) for n, (a, _) in zip(spatial, pads))]


def _counts(spatial: tuple[int, ...], window: Window) -> np.ndarray:
    """How many positions of each window lie inside the input: (*out, 1)."""
    counts = np.ones(())
    pads, output = window.pads(spatial), window.output_shape(spatial)
    for n, out, k, s, d, (before, _) in zip(spatial, output, window.size, window.strides, window.dilation, pads):
        positions = np.arange(out)[:, None] * s - before + np.arange(k) * d
        counts = np.multiply.outer(counts, ((positions >= 0) & (positions < n)).sum(axis=1))
    return counts[..., None]


def _first_taps(spatial: tuple[int, ...], window: Window) -> np.ndarray:
    """The first tap of each window that lies inside the input: (*out, 1)."""
    firsts = np.zeros((), tap_dtype(window))
    pads, output = window.pads(spatial), window.output_shape(spatial)
    for out, k, s, d, (before, _) in zip(output, window.size, window.strides, window.dilation, pads):
        positions = np.arange(out)[:, None] * s - before + np.arange(k) * d
        firsts = np.add.outer(firsts * k, (positions >= 0).argmax(axis=1))
    return firsts[..., None]
