"""Joining branches of a graph, element by element. Branches may have the length 1 along an axis where others are longer.

    name                y                              dx_i
    add                 x_1 + x_2 + ...                dy
    subtract            x_1 - x_2                      dy for x_1, -dy for x_2
    average             (x_1 + ... + x_m) / m          dy / m
    multiply            x_1 x_2 ... x_m                dy times the product of all others
    maximum, minimum    the largest, the smallest      dy where x_i is the first that equals y, else 0

A branch that was repeated along an axis takes the sum of dx along it (``sum_to``). The product of all others is made of
the products in front and behind, and never by a division: x may be zero. Of equal numbers the first one takes the gradient of
a maximum, as it does in max pooling.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op


@op
def add(*xs: Array) -> Array:
    """The sum."""
    y = xs[0] + xs[1]
    for x in xs[2:]:
        if x.shape == y.shape:
            y += x
        else:
            y = y + x
    return y


@op
def average(*xs: Array) -> Array:
    """The mean."""
    return add.reference(*xs) / len(xs)  # type: ignore[attr-defined]


@op
def multiply(*xs: Array) -> Array:
    """The product."""
    y = xs[0] * xs[1]
    for x in xs[2:]:
        y = y * x
    return y


@op
def multiply_grad(dy: Array, *xs: Array) -> tuple[Array, ...]:
    """dx_i = dy times the product of all x but x_i, each of the shape of dy."""
    before, behind = [dy], [None] * len(xs)  # dy x_1 ... x_(i-1), and x_(i+1) ... x_m
    for x in xs[:-1]:
        before.append(before[-1] * x)
    for i in range(len(xs) - 2, -1, -1):
        behind[i] = xs[i + 1] if behind[i + 1] is None else xs[i + 1] * behind[i + 1]
    return tuple(a if b is None else a * b for a, b in zip(before, behind))


@op
def maximum(*xs: Array) -> Array:
    """The largest; NaN where one is NaN."""
    xp, y = array_namespace(xs[0]), xs[0]
    for x in xs[1:]:
        y = xp.maximum(y, x)
    return y


@op
def minimum(*xs: Array) -> Array:
    """The smallest; NaN where one is NaN."""
    xp, y = array_namespace(xs[0]), xs[0]
    for x in xs[1:]:
        y = xp.minimum(y, x)
    return y


@op
def first_equal_grad(dy: Array, y: Array, *xs: Array) -> tuple[Array, ...]:
    """dx_i = dy where x_i is the first that equals y (or is NaN), else 0, each of the shape of dy."""
    xp = array_namespace(dy)
    left, parts = xp.ones(dy.shape, bool), []
    for x in xs:
        wins = left & ((x == y) | (x != x))
        parts.append(xp.where(wins, dy, 0))
        left = left & ~wins
    return tuple(parts)


@op
def sum_to(dx: Array, shape: tuple[int, ...]) -> Array:
    """dx summed over the axes along which an array of ``shape`` was repeated to become one of the shape of dx."""
    axes = tuple(axis for axis, (n, m) in enumerate(zip(dx.shape, shape)) if n != m)
    return dx.sum(axis=axes, keepdims=True, dtype="float64").astype(dx.dtype) if axes else dx
