"""Padding, cropping and upsampling in plain Python loops; see ``naive.py``."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np


def _everywhere(n: int, spatial: Any, c: int) -> Any:
    return itertools.product(range(n), itertools.product(*map(range, spatial)), range(c))


def zero_pad(x: np.ndarray, pads: Any) -> tuple:
    n, *spatial, c = x.shape
    y = np.zeros((n, *(a + size + b for size, (a, b) in zip(spatial, pads)), c), x.dtype)
    for i, at, k in _everywhere(n, spatial, c):
        y[(i, *(p + a for p, (a, _) in zip(at, pads)), k)] = x[(i, *at, k)]
    return (y,)


def crop(x: np.ndarray, pads: Any) -> tuple:
    n, *spatial, c = x.shape
    sizes = [size - a - b for size, (a, b) in zip(spatial, pads)]
    y = np.zeros((n, *sizes, c), x.dtype)
    for i, at, k in _everywhere(n, sizes, c):
        y[(i, *at, k)] = x[(i, *(p + a for p, (a, _) in zip(at, pads)), k)]
    return (y,)


def nearest(x: np.ndarray, size: Any) -> tuple:
    n, *spatial, c = x.shape
    large = [length * s for length, s in zip(spatial, size)]
    y = np.zeros((n, *large, c))
    for i, at, k in _everywhere(n, large, c):
        y[(i, *at, k)] = x[(i, *(p // s for p, s in zip(at, size)), k)]
    return (y,)


def nearest_grad(dy: np.ndarray, size: Any) -> tuple:
    n, *large, c = dy.shape
    dx = np.zeros((n, *(length // s for length, s in zip(large, size)), c))
    for i, at, k in _everywhere(n, large, c):
        dx[(i, *(p // s for p, s in zip(at, size)), k)] += float(dy[(i, *at, k)])
    return (dx,)


def _corners(at: Any, size: Any, spatial: Any) -> Any:
    """The inputs that the output at ``at`` lies between, and the weight of each."""
    ways = []
    for p, s, length in zip(at, size, spatial):
        place = min(max((p + 0.5) / s - 0.5, 0), length - 1)  # among the centres of the inputs
        low = math.floor(place)
        ways.append([(low, 1 - (place - low)), (min(low + 1, length - 1), place - low)])
    for corner in itertools.product(*ways):
        weight = math.prod(w for _, w in corner)
        if weight:
            yield tuple(p for p, _ in corner), weight


def linear(x: np.ndarray, size: Any) -> tuple:
    n, *spatial, c = x.shape
    large = [length * s for length, s in zip(spatial, size)]
    y = np.zeros((n, *large, c))
    for i, at, k in _everywhere(n, large, c):
        for corner, weight in _corners(at, size, spatial):
            y[(i, *at, k)] += weight * float(x[(i, *corner, k)])
    return (y,)


def linear_grad(dy: np.ndarray, size: Any) -> tuple:
    n, *large, c = dy.shape
    spatial = [length // s for length, s in zip(large, size)]
    dx = np.zeros((n, *spatial, c))
    for i, at, k in _everywhere(n, large, c):
        for corner, weight in _corners(at, size, spatial):
            dx[(i, *corner, k)] += weight * float(dy[(i, *at, k)])
    return (dx,)


NAIVE = {
    **{f"padding.{f.__name__}": f for f in (zero_pad, crop)},
    **{f"upsampling.{f.__name__}": f for f in (nearest, nearest_grad, linear, linear_grad)},
}
