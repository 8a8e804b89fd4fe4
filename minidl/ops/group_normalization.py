"""Group normalisation: the channels are cut into groups, and all numbers of a group within one sample form one row.

    h = standardize(rows of x)        y = gamma h + beta        with gamma and beta for each channel

    dgamma = sum dy h      dbeta = sum dy      dx = standardize_grad(rows of gamma dy)

Shapes: x, y, h (n, ..., c); rows (n, groups, numbers of a group); r (n, groups, 1). A group holds neighbouring channels. One
group is layer normalisation over the whole sample, a group for each channel is instance normalisation.
Source: Wu and He 2018; Ulyanov et al. 2016 (instance normalisation).
"""

from __future__ import annotations

from math import prod

from minidl.backend import Array
from minidl.ops.layer_normalization import standardize, standardize_grad


def group_normalize(
    x: Array, gamma: Array | None, beta: Array | None, groups: int, epsilon: float
) -> tuple[Array, Array, Array]:
    """y, h and r."""
    rows, r = standardize(_rows(x, groups), epsilon)
    y = h = _back(rows, x.shape)
    if gamma is not None:
        y = y * gamma
    return (y if beta is None else y + beta), h, r


def group_normalize_grad(dy: Array, h: Array, r: Array, gamma: Array | None, groups: int) -> tuple[Array, Array, Array]:
    """dx, dgamma (c,) and dbeta (c,)."""
    axes = tuple(range(dy.ndim - 1))
    dgamma, dbeta = (a.sum(axis=axes, dtype="float64").astype(h.dtype) for a in (dy * h, dy))
    dh = dy if gamma is None else dy * gamma
    return _back(standardize_grad(_rows(dh, groups), _rows(h, groups), r), dy.shape), dgamma, dbeta


def _rows(x: Array, groups: int) -> Array:
    """(n, ..., c) -> (n, groups, positions times channels of a group)."""
    n, positions, width = len(x), prod(x.shape[1:-1]), x.shape[-1] // groups
    return x.reshape(n, positions, groups, width).transpose(0, 2, 1, 3).reshape(n, groups, positions * width)


def _back(rows: Array, shape: tuple[int, ...]) -> Array:
    """The other way round."""
    n, groups, _ = rows.shape
    positions, width = prod(shape[1:-1]), shape[-1] // groups
    return rows.reshape(n, groups, positions, width).transpose(0, 2, 1, 3).reshape(shape)
