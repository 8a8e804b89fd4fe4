"""Larger images: each position becomes s along an axis, either as a copy of it or on the straight line to its neighbour.

    nearest   y[q s + r] = x[q],                                  r = 0 .. s - 1
    linear    y[q s + r] = (1 - f) x[j] + f x[j + 1],             j + f = q + (r + 1/2) / s - 1/2,   0 <= f < 1

The second line puts the centre of position i of an axis at i + 1/2, of both the small and the large one, and asks where the
centre of an output lies among those of the inputs. It depends on r alone how far that is from q: so there are s pairs of
weights, whatever the length. Before the first and behind the last centre the value stays what it is there. Several axes are
taken one after the other, which is bilinear for two.

Both are linear maps, and the gradient is the transpose: dx[q] is the sum of dy over all outputs in which x[q] has a part,
times its weight there.

Shapes: x (n, *spatial, c), y (n, *(s n), c), ``size`` one factor s for each spatial axis.
Source: the half-pixel centres of TensorFlow 2 and of PyTorch (``align_corners=False``).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from minidl.backend import Array, array_namespace, op


@op
def nearest(x: Array, size: tuple[int, ...]) -> Array:
    """Each position s times: (n, *spatial, c) -> (n, *(s n), c)."""
    n, *spatial, c = x.shape
    once = tuple(part for length in spatial for part in (length, 1))
    times = tuple(part for pair in zip(spatial, size) for part in pair)
    copies = array_namespace(x).broadcast_to(x.reshape(n, *once, c), (n, *times, c))
    return copies.reshape(n, *(length * s for length, s in zip(spatial, size)), c)


@op
def nearest_grad(dy: Array, size: tuple[int, ...]) -> Array:
    """dx = the sum of dy over the copies of each position: (n, *(s n), c) -> (n, *spatial, c)."""
    n, *spatial, c = dy.shape
    copies = dy.reshape(n, *(part for length, s in zip(spatial, size) for part in (length // s, s)), c)
    return copies.sum(axis=tuple(range(2, 2 * len(size) + 1, 2)))


@op
def linear(x: Array, size: tuple[int, ...]) -> Array:
    """On the straight lines between neighbours: (n, *spatial, c) -> (n, *(s n), c)."""
    for axis, s in enumerate(size, 1):
        x = _stretch(x, axis, s) if s > 1 else x
    return x.copy() if prod(size) == 1 else x


@op
def linear_grad(dy: Array, size: tuple[int, ...]) -> Array:
    """dx: each output's share goes back to the two inputs it lies between: (n, *(s n), c) -> (n, *spatial, c)."""
    for axis, s in reversed(list(enumerate(size, 1))):
        dy = _gather(dy, axis, s) if s > 1 else dy
    return dy.copy() if prod(size) == 1 else dy


def _stretch(x: Array, axis: int, s: int) -> Array:
    """``linear`` along one axis."""
    xp, n = array_namespace(x), x.shape[axis]
    before, first, last, behind = x.shape[:axis], x[_along(axis, 0, 1)], x[_along(axis, n - 1, n)], x.shape[axis + 1 :]
    wide = xp.concatenate([first, x, last], axis=axis)  # position q of x is q + 1 of this
    y = xp.empty((*before, n, s, *behind), x.dtype)
    for r, j, f in _weights(s):
        part = wide[_along(axis, 1 + j, 1 + j + n)]
        if f:
            part = (1 - f) * part + f * wide[_along(axis, 2 + j, 2 + j + n)]
        y[(*(slice(None),) * (axis + 1), r)] = part
    return y.reshape(*before, n * s, *behind)


def _gather(dy: Array, axis: int, s: int) -> Array:
    """The transpose of ``_stretch``."""
    xp, n = array_namespace(dy), dy.shape[axis] // s
    before, behind = dy.shape[:axis], dy.shape[axis + 1 :]
    parts = dy.reshape(*before, n, s, *behind)
    wide = xp.zeros((*before, n + 2, *behind), dy.dtype)
    for r, j, f in _weights(s):
        part = parts[(*(slice(None),) * (axis + 1), r)]
        wide[_along(axis, 1 + j, 1 + j + n)] += (1 - f) * part if f else part
        if f:
            wide[_along(axis, 2 + j, 2 + j + n)] += f * part
    dx = wide[_along(axis, 1, n + 1)]
    dx[_along(axis, 0, 1)] += wide[_along(axis, 0, 1)]  # what stood outside were the first and the last position
    dx[_along(axis, n - 1, n)] += wide[_along(axis, n + 1, n + 2)]
    return xp.ascontiguousarray(dx)


def _weights(s: int) -> Iterator[tuple[int, int, float]]:
    """r, and j - q and f of the formula above: -1 and the larger part of one in the first half, 0 in the second.

    >>> list(_weights(2))
    [(0, -1, 0.75), (1, 0, 0.25)]
    """
    for r in range(s):
        j = -1 if 2 * r + 1 < s else 0
        yield r, j, (2 * r + 1 - s) / (2 * s) - j


def _along(axis: int, first: int, last: int) -> tuple[slice, ...]:
    """The positions ``first`` .. ``last`` - 1 of an axis."""
    return (*(slice(None),) * axis, slice(first, last))
