"""Cases of ``minidl/ops/noise.py``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.op_case import WIDTHS, Arguments, add, normal

KEY, CALL = (1671, 2), 1


def _step() -> np.ndarray:
    return np.array([5], np.int64)


def _cases(size: str, shape: tuple[int, ...], mask_shape: tuple[int, ...], rate: float) -> None:
    def alpha(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *shape), rate, KEY, _step(), CALL, mask_shape), {}

    def alpha_back(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *shape), rng.random(mask_shape) >= rate, rate), {}

    name = f"{shape} mask {mask_shape} rate {rate}"
    add("noise.alpha_dropout", name, alpha, size)
    add("noise.alpha_dropout_grad", name, alpha_back, size, "elementwise")
    if shape == mask_shape:
        for op in ("gaussian_noise", "gaussian_dropout"):
            add(f"noise.{op}", name, lambda r, d: ((normal(r, d, *shape), rate, KEY, _step(), CALL), {}), size)


for _width in WIDTHS:
    _cases("tiny", (_width,), (_width,), 0.5)
for _rate in (0.0, 0.1, 0.9):
    _cases("small", (3, 17), (3, 17), _rate)
_cases("tiny", (0, 5), (0, 5), 0.5)
_cases("tiny", (2, 3, 5), (2, 1, 5), 0.5)
_cases("small", (3, 7), (1, 7), 0.3)
_cases("medium", (128, 513), (128, 513), 0.3)
for _count in (0, 1, 7, 8, 9, 1000):
    _size = "tiny" if _count < 10 else "medium"
    add("noise.random_words", str(_count), lambda rng, dtype, n=_count: ((_step(), KEY, CALL, n), {}), _size)
