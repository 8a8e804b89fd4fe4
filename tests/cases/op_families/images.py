"""Padding, cropping and upsampling: a case for each number of axes, and for each way in which an axis can be special."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases.op_case import Arguments, add, normal

# name, size, batch, spatial, pads, channels; cropping is tried on what padding gives
BORDERS: list[tuple[str, str, int, tuple[int, ...], tuple[tuple[int, int], ...], int]] = [
    ("1d", "tiny", 2, (5,), ((1, 2),), 3),
    ("1d in front", "tiny", 2, (3,), ((2, 0),), 1),
    ("1d behind", "tiny", 1, (1,), ((0, 3),), 2),
    ("1d nothing", "tiny", 2, (4,), ((0, 0),), 3),
    ("2d", "small", 2, (3, 5), ((1, 2), (3, 0)), 3),
    ("2d batch 0", "tiny", 0, (3, 2), ((1, 1), (0, 2)), 3),
    ("3d", "small", 1, (2, 3, 4), ((1, 0), (0, 2), (2, 1)), 2),
    ("3d spectral axis", "small", 2, (2, 2, 5), ((0, 0), (0, 0), (2, 2)), 3),
    ("2d images", "medium", 5, (28, 27), ((2, 2), (3, 1)), 20),
]
# name, size, batch, spatial, factors, channels
ENLARGED: list[tuple[str, str, int, tuple[int, ...], tuple[int, ...], int]] = [
    ("1d twice", "tiny", 2, (4,), (2,), 3),
    ("1d three times", "tiny", 2, (3,), (3,), 2),
    ("1d one step", "tiny", 1, (1,), (5,), 3),
    ("1d once", "tiny", 2, (3,), (1,), 2),
    ("2d", "small", 2, (3, 4), (2, 3), 3),
    ("2d one axis", "small", 2, (3, 2), (1, 4), 5),
    ("2d batch 0", "tiny", 0, (3, 2), (2, 2), 3),
    ("2d one pixel", "tiny", 1, (1, 1), (2, 3), 1),
    ("3d", "small", 1, (2, 3, 2), (2, 1, 3), 2),
    ("2d images", "medium", 5, (14, 13), (2, 2), 20),
]


def _borders(name: str, size: str, n: int, spatial: tuple[int, ...], pads: tuple[tuple[int, int], ...], c: int) -> None:
    large = tuple(a + length + b for length, (a, b) in zip(spatial, pads))

    def on(shape: tuple[int, ...]) -> Callable[..., Arguments]:
        return lambda rng, dtype: ((normal(rng, dtype, n, *shape, c), pads), {})

    def special(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (rng.choice([np.nan, np.inf, -np.inf, -0.0, 1.0], (n, *large, c)).astype(dtype), pads), {}

    add("padding.zero_pad", name, on(spatial), size, "elementwise")
    add("padding.crop", name, on(large), size, "elementwise")
    for op in ("zero_pad", "crop"):
        add(f"padding.{op}", f"{name}, special numbers", special, size, "elementwise")


def _enlarged(name: str, size: str, n: int, spatial: tuple[int, ...], factors: tuple[int, ...], c: int) -> None:
    large = tuple(length * s for length, s in zip(spatial, factors))

    def on(shape: tuple[int, ...]) -> Callable[..., Arguments]:
        return lambda rng, dtype: ((normal(rng, dtype, n, *shape, c), factors), {})

    def some_nan(rng: np.random.Generator, dtype: Any) -> Arguments:
        x = normal(rng, dtype, n, *spatial, c)
        return (np.where(rng.random(x.shape) < 0.2, dtype(np.nan), x), factors), {}

    for op, exactness in (("nearest", "elementwise"), ("linear", "scaled")):
        add(f"upsampling.{op}", name, on(spatial), size, exactness)
        add(f"upsampling.{op}", f"{name}, some nan", some_nan, size, exactness)
        add(f"upsampling.{op}_grad", name, on(large), size)


for _row in BORDERS:
    _borders(*_row)
for _row_of_factors in ENLARGED:
    _enlarged(*_row_of_factors)
