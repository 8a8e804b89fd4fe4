"""``minidl/ops/layer_normalization.py`` in plain Python loops; the gradient with the whole Jacobian of each row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def _rows(*arrays: np.ndarray) -> Any:
    """Each row of the arrays, as Python's numbers."""
    for at in np.ndindex(arrays[0].shape[:-1]):
        yield at, [[float(number) for number in a[at]] for a in arrays]


def layer_normalize(x: np.ndarray, gamma: Any, beta: Any, epsilon: float) -> tuple:
    y, mean, r = np.zeros(x.shape), np.zeros((*x.shape[:-1], 1)), np.zeros((*x.shape[:-1], 1))
    for at, (row,) in _rows(x):
        middle = math.fsum(row) / len(row)
        inverse = 1 / math.sqrt(math.fsum((v - middle) ** 2 for v in row) / len(row) + epsilon)
        mean[at], r[at] = middle, inverse
        for k, v in enumerate(row):
            scale, shift = 1.0 if gamma is None else float(gamma[k]), 0.0 if beta is None else float(beta[k])
            y[(*at, k)] = scale * (v - middle) * inverse + shift
    return y, mean, r


def standardize(x: np.ndarray, epsilon: float) -> tuple:
    y, _, r = layer_normalize(x, None, None, epsilon)
    return y, r


def _through(g: list[float], h: list[float], r: float) -> list[float]:
    """dx_i = sum_j g_j dh_j/dx_i, with dh_j/dx_i = r (delta_ij - 1/c - h_i h_j / c)."""
    c = len(g)
    return [math.fsum(g[j] * r * ((i == j) - 1 / c - h[i] * h[j] / c) for j in range(c)) for i in range(c)]


def standardize_grad(dh: np.ndarray, h: np.ndarray, r: np.ndarray) -> tuple:
    dx = np.zeros(dh.shape)
    for at, (g, row, (inverse,)) in _rows(dh, h, r):
        dx[at] = _through(g, row, inverse)
    return (dx,)


def layer_normalize_grad(dy: np.ndarray, x: np.ndarray, mean: np.ndarray, r: np.ndarray, gamma: Any) -> tuple:
    c = x.shape[-1]
    scale = [1.0 if gamma is None else float(gamma[k]) for k in range(c)]
    dx, of_gamma, of_beta = np.zeros(x.shape), [[0.0] for _ in range(c)], [[0.0] for _ in range(c)]
    for at, (d, row, (middle,), (inverse,)) in _rows(dy, x, mean, r):
        h = [(v - middle) * inverse for v in row]
        dx[at] = _through([a * b for a, b in zip(d, scale)], h, inverse)
        for k in range(c):
            of_gamma[k].append(d[k] * h[k])
            of_beta[k].append(d[k])
    return dx, np.array([math.fsum(terms) for terms in of_gamma]), np.array([math.fsum(terms) for terms in of_beta])


NAIVE: dict[str, Any] = {
    f"layer_normalization.{f.__name__}": f for f in (standardize, standardize_grad, layer_normalize, layer_normalize_grad)
}
