"""The ops for data a second time, with Python's own numbers and loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def pixel_at(pixels: list[float], index: int, mode: str) -> float:
    """The pixel at ``index`` of an axis that goes on beyond its ends, walked step by step."""
    n = len(pixels)
    if mode in ("nearest", "constant"):
        return pixels[min(max(index, 0), n - 1)]
    around = pixels if mode == "wrap" else pixels + pixels[::-1]
    while index < 0:
        index += len(around)
    while index >= len(around):
        index -= len(around)
    return around[index]


def warp(x: Any, matrix: Any, displacement: Any, order: int, mode: str, value: float, dtype: Any) -> tuple:
    _n, h, w, _channels = x.shape
    y = np.zeros(x.shape)
    for image, i, j, c in np.ndindex(y.shape):
        place = []
        for axis in (0, 1):
            a, b, offset = map(float, matrix[image, axis])
            moved = 0.0 if displacement is None else float(displacement[image, axis, i, j])
            place.append(a * i + b * j + offset + moved)
        r, s = place
        if mode == "constant" and not (-1e-6 <= r <= h - 1 + 1e-6 and -1e-6 <= s <= w - 1 + 1e-6):
            y[image, i, j, c] = value
            continue
        if mode in ("nearest", "constant"):
            r, s = min(max(r, 0.0), h - 1.0), min(max(s, 0.0), w - 1.0)

        def read(row: int, column: int, image: int = image, c: int = c) -> float:
            columns = [pixel_at([float(x[image, k, m, c]) for k in range(h)], row, mode) for m in range(w)]
            return pixel_at(columns, column, mode)

        if order == 0:
            y[image, i, j, c] = read(math.floor(r + 0.5), math.floor(s + 0.5))
            continue
        a, b = math.floor(r), math.floor(s)
        p, q = r - a, s - b
        taps = [(a, b, (1 - p) * (1 - q)), (a, b + 1, (1 - p) * q), (a + 1, b, p * (1 - q)), (a + 1, b + 1, p * q)]
        y[image, i, j, c] = math.fsum(weight * read(row, column) for row, column, weight in taps)
    return (y,)


def words_at(draw: Callable[..., np.ndarray]) -> Callable[..., tuple]:
    """The op, made of the words of one address."""

    def rows(addresses: np.ndarray, key: tuple[int, int], use: int, count: int) -> tuple:
        found = np.zeros((len(addresses), count), np.uint32)
        for i, (step, call) in enumerate(addresses.tolist()):
            found[i] = draw(key, (step, call, use), count)
        return (found,)

    return rows
