"""``minidl/ops/rectifier.py`` and ``prelu.py`` in plain Python loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def rectify(x: np.ndarray, slope: float = 0.0, threshold: float = 0.0, highest: float | None = None) -> tuple:
    y = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        number = float(x[at])
        if math.isnan(number):
            y[at] = math.nan
        elif number > threshold:
            y[at] = number if highest is None else min(number, highest)
        elif slope:
            y[at] = slope * (number - threshold)
    return (y,)


def rectify_grad(
    dy: np.ndarray, x: np.ndarray, slope: float = 0.0, threshold: float = 0.0, highest: float | None = None
) -> tuple:
    dx = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        number = float(x[at])
        if not number > threshold:
            dx[at] = slope * float(dy[at])
        elif highest is None or number <= highest:
            dx[at] = float(dy[at])
    return (dx,)


def _slope(at: tuple[int, ...], a: np.ndarray) -> tuple[int, ...]:
    """Where the slope of a place of x stands."""
    return tuple(0 if n == 1 else i for i, n in zip(at[1:], a.shape))


def prelu(x: np.ndarray, a: np.ndarray) -> tuple:
    y = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        y[at] = float(x[at]) if x[at] > 0 else float(a[_slope(at, a)]) * float(x[at])
    return (y,)


def prelu_grad(dy: np.ndarray, x: np.ndarray, a: np.ndarray) -> tuple:
    dx, terms = np.zeros(x.shape), {place: [0.0] for place in np.ndindex(a.shape)}
    for at in np.ndindex(x.shape):
        place = _slope(at, a)
        dx[at] = float(dy[at]) * (1.0 if x[at] > 0 else float(a[place]))
        if not x[at] > 0:
            terms[place].append(float(dy[at]) * float(x[at]))
    da = np.zeros(a.shape)
    for place, numbers in terms.items():
        da[place] = math.fsum(numbers)
    return dx, da


NAIVE: dict[str, Any] = {
    "rectifier.rectify": rectify,
    "rectifier.rectify_grad": rectify_grad,
    "prelu.prelu": prelu,
    "prelu.prelu_grad": prelu_grad,
}
