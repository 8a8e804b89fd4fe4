"""``minidl/ops/merge.py`` and ``unit_normalization.py`` in plain Python loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def _places(out: tuple[int, ...], *arrays: np.ndarray) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """Each place of the result, and the places of the arrays that belong to it."""
    for at in np.ndindex(out):
        yield at, [tuple(0 if n == 1 else i for i, n in zip(at, a.shape)) for a in arrays]


def _join(function: Callable[[list[float]], float]) -> Callable[..., tuple]:
    def joined(*xs: np.ndarray) -> tuple:
        y = np.zeros(np.broadcast_shapes(*(x.shape for x in xs)))
        for at, places in _places(y.shape, *xs):
            y[at] = function([float(x[place]) for x, place in zip(xs, places)])
        return (y,)

    return joined


def _extreme(function: Callable[[list[float]], float]) -> Callable[[list[float]], float]:
    return lambda numbers: math.nan if any(map(math.isnan, numbers)) else function(numbers)


def multiply_grad(dy: np.ndarray, *xs: np.ndarray) -> tuple:
    parts = [np.zeros(dy.shape) for _ in xs]
    for at, places in _places(dy.shape, *xs):
        numbers = [float(x[place]) for x, place in zip(xs, places)]
        for i, part in enumerate(parts):
            part[at] = float(dy[at]) * math.prod(numbers[:i] + numbers[i + 1 :])
    return tuple(parts)


def first_equal_grad(dy: np.ndarray, y: np.ndarray, *xs: np.ndarray) -> tuple:
    parts = [np.zeros(dy.shape) for _ in xs]
    for at, places in _places(dy.shape, *xs):
        numbers = [float(x[place]) for x, place in zip(xs, places)]
        winner = next((i for i, number in enumerate(numbers) if number == y[at] or math.isnan(number)), None)
        if winner is not None:
            parts[winner][at] = dy[at]
    return tuple(parts)


def sum_to(dx: np.ndarray, shape: tuple[int, ...]) -> tuple:
    terms: dict[tuple[int, ...], list[float]] = {}
    for at in np.ndindex(dx.shape):
        place = tuple(0 if n == 1 else i for i, n in zip(at, shape))
        terms.setdefault(place, []).append(float(dx[at]))
    y = np.zeros(shape)
    for place, numbers in terms.items():
        y[place] = math.fsum(numbers)
    return (y,)


def unit_normalize(x: np.ndarray, epsilon: float) -> tuple:
    y, r = np.zeros(x.shape), np.zeros((*x.shape[:-1], 1))
    for row in np.ndindex(x.shape[:-1]):
        length = max(math.hypot(*(float(number) for number in x[row])), epsilon)
        r[row] = length
        y[row] = [float(number) / length for number in x[row]]
    return y, r


def unit_normalize_grad(dy: np.ndarray, y: np.ndarray, r: np.ndarray, epsilon: float) -> tuple:
    dx = np.zeros(dy.shape)
    for row in np.ndindex(dy.shape[:-1]):
        length = float(r[row][0])
        along = math.fsum(float(a) * float(b) for a, b in zip(dy[row], y[row])) if length > np.asarray(epsilon, r.dtype) else 0
        dx[row] = [(float(a) - along * float(b)) / length for a, b in zip(dy[row], y[row])]
    return (dx,)


NAIVE: dict[str, Any] = {
    "merge.add": _join(math.fsum),
    "merge.average": _join(lambda numbers: math.fsum(numbers) / len(numbers)),
    "merge.multiply": _join(math.prod),
    "merge.maximum": _join(_extreme(max)),
    "merge.minimum": _join(_extreme(min)),
    "merge.multiply_grad": multiply_grad,
    "merge.first_equal_grad": first_equal_grad,
    "merge.sum_to": sum_to,
    "unit_normalization.unit_normalize": unit_normalize,
    "unit_normalization.unit_normalize_grad": unit_normalize_grad,
}
