"""Zeros around an array, and the border of an array cut off: two linear maps, each the transpose of the other.

    P  pads:   y[i] = x[i - a]  where 0 <= i - a < n, else 0          n -> a + n + b positions
    C  crops:  y[i] = x[i + a]                                        n -> n - a - b positions

along each spatial axis, which has its own a in front and b behind. <P x, dy> is the sum of x[i] dy[i + a], which is <x, C dy>:
so dx = C dy behind a padding, and dx = P dy behind a cropping.

Shapes: x (n, *spatial, c), ``pads`` one pair (a, b) for each spatial axis.
Source: Ghent 6 (ZeroPadding3D of the spectral axis).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op

Pads = tuple[tuple[int, int], ...]


@op
def zero_pad(x: Array, pads: Pads) -> Array:
    """x with zeros around its spatial axes: (n, *spatial, c) -> (n, *(a + n + b), c)."""
    spatial = x.shape[1:-1]
    y = array_namespace(x).zeros((x.shape[0], *(a + n + b for n, (a, b) in zip(spatial, pads)), x.shape[-1]), x.dtype)
    y[:, *(slice(a, a + n) for n, (a, _) in zip(spatial, pads))] = x
    return y


@op
def crop(x: Array, pads: Pads) -> Array:
    """x without the first a and the last b positions of each spatial axis: (n, *spatial, c) -> (n, *(n - a - b), c)."""
    return x[:, *(slice(a, n - b) for n, (a, b) in zip(x.shape[1:-1], pads))].copy()
