"""``minidl/ops/noise.py`` with the functions of Python's math; ``words`` are those of the generator written in Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

NOISE = 4
Q = -1.7580993408473766  # Klambauer et al. 2017: the limit of a SELU to the left


def table(words: Callable[[tuple[int, int], tuple[int, int, int], int], np.ndarray]) -> dict[str, Any]:
    """The functions, for a generator of words."""

    def drawn(step: np.ndarray, key: tuple[int, int], call: int, count: int) -> np.ndarray:
        return words(key, (int(step[0]), call, NOISE), count)

    def normal(step: np.ndarray, key: tuple[int, int], call: int, count: int) -> list[float]:
        uniform = [(int(word) + 0.5) / 2**32 for word in drawn(step, key, call, count + count % 2)]
        found = []
        for u, v in zip(uniform[::2], uniform[1::2]):
            radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v - math.pi / 4  # turned by 45 degrees
            found += [radius * math.cos(angle), radius * math.sin(angle)]
        return found[:count]

    def gaussian_noise(x: np.ndarray, stddev: float, key: Any, step: Any, call: int) -> tuple:
        z = np.array(normal(step, key, call, x.size), np.float64).reshape(x.shape)
        return (x.astype(np.float64) + stddev * z,)

    def gaussian_dropout(x: np.ndarray, rate: float, key: Any, step: Any, call: int) -> tuple:
        z = np.array(normal(step, key, call, x.size), np.float64).reshape(x.shape)
        factor = 1 + math.sqrt(rate / (1 - rate)) * z
        return x.astype(np.float64) * factor, factor

    def alpha_dropout(x: np.ndarray, rate: float, key: Any, step: Any, call: int, mask_shape: Any) -> tuple:
        threshold = round(rate * 2**32)
        mask = np.array([int(word) >= threshold for word in drawn(step, key, call, math.prod(mask_shape))], bool)
        mask, y = mask.reshape(mask_shape), np.zeros(x.shape)
        a = ((1 - rate) * (1 + rate * Q**2)) ** -0.5
        for at in np.ndindex(x.shape):
            keep = mask[tuple(0 if n == 1 else i for i, n in zip(at, mask_shape))]
            y[at] = a * (float(x[at]) if keep else Q) - a * Q * rate
        return y, mask

    def alpha_dropout_grad(dy: np.ndarray, mask: np.ndarray, rate: float) -> tuple:
        a = ((1 - rate) * (1 + rate * Q**2)) ** -0.5
        return (a * dy.astype(np.float64) * mask,)

    return {
        "noise.random_words": lambda step, key, call, count: (drawn(step, key, call, count),),
        "noise.gaussian_noise": gaussian_noise,
        "noise.gaussian_dropout": gaussian_dropout,
        "noise.alpha_dropout": alpha_dropout,
        "noise.alpha_dropout_grad": alpha_dropout_grad,
    }
