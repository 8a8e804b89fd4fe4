"""The ops of attention in plain loops; see ``tests/ops/naive.py``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np


def _places(*counts: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, counts))


def dot_scores(q: np.ndarray, k: np.ndarray) -> tuple:
    s = np.zeros((*q.shape[:-1], k.shape[-2]))
    for *f, i, j in _places(*s.shape):
        s[(*f, i, j)] = math.fsum(float(q[(*f, i, d)]) * float(k[(*f, j, d)]) for d in range(q.shape[-1]))
    return (s,)


def dot_scores_grad(ds: np.ndarray, q: np.ndarray, k: np.ndarray) -> tuple:
    dq, dk = np.zeros(q.shape), np.zeros(k.shape)
    for *f, i, j in _places(*ds.shape):
        for d in range(q.shape[-1]):
            dq[(*f, i, d)] += float(ds[(*f, i, j)]) * float(k[(*f, j, d)])
            dk[(*f, j, d)] += float(ds[(*f, i, j)]) * float(q[(*f, i, d)])
    return dq, dk


def additive_scores(q: np.ndarray, k: np.ndarray, w: np.ndarray) -> tuple:
    s = np.zeros((*q.shape[:-1], k.shape[-2]))
    t = np.zeros((*s.shape, q.shape[-1]))
    for *f, i, j in _places(*s.shape):
        for d in range(q.shape[-1]):
            t[(*f, i, j, d)] = math.tanh(float(q[(*f, i, d)]) + float(k[(*f, j, d)]))
        s[(*f, i, j)] = math.fsum(float(w[d]) * t[(*f, i, j, d)] for d in range(q.shape[-1]))
    return s, t


def additive_scores_grad(ds: np.ndarray, t: np.ndarray, w: np.ndarray) -> tuple:
    *front, queries, keys, size = t.shape
    dq, dk, dw = np.zeros((*front, queries, size)), np.zeros((*front, keys, size)), np.zeros(size)
    for *f, i, j in _places(*ds.shape):
        for d in range(size):
            tanh = float(t[(*f, i, j, d)])
            inner = float(ds[(*f, i, j)]) * float(w[d]) * (1 - tanh * tanh)
            dq[(*f, i, d)] += inner
            dk[(*f, j, d)] += inner
            dw[d] += float(ds[(*f, i, j)]) * tanh
    return dq, dk, dw


def masked_softmax(s: np.ndarray, mask: np.ndarray) -> tuple:
    mask, p = np.broadcast_to(mask, s.shape), np.zeros(s.shape)
    for *f, i in _places(*s.shape[:-1]):
        seen = [j for j in range(s.shape[-1]) if mask[(*f, i, j)]]
        largest = max((float(s[(*f, i, j)]) for j in seen), default=0.0)
        powers = {j: math.exp(float(s[(*f, i, j)]) - largest) for j in seen}
        for j in seen:
            p[(*f, i, j)] = powers[j] / math.fsum(powers.values())
    return (p,)


def weighted_mean(p: np.ndarray, v: np.ndarray) -> tuple:
    y = np.zeros((*p.shape[:-1], v.shape[-1]))
    for *f, i, e in _places(*y.shape):
        y[(*f, i, e)] = math.fsum(float(p[(*f, i, j)]) * float(v[(*f, j, e)]) for j in range(p.shape[-1]))
    return (y,)


def weighted_mean_grad(dy: np.ndarray, p: np.ndarray, v: np.ndarray) -> tuple:
    dp, dv = np.zeros(p.shape), np.zeros(v.shape)
    for *f, i, j in _places(*p.shape):
        for e in range(v.shape[-1]):
            dp[(*f, i, j)] += float(dy[(*f, i, e)]) * float(v[(*f, j, e)])
            dv[(*f, j, e)] += float(p[(*f, i, j)]) * float(dy[(*f, i, e)])
    return dp, dv


NAIVE: dict[str, Callable[..., tuple]] = {
    f"attention.{f.__name__}": f
    for f in (
        dot_scores,
        dot_scores_grad,
        additive_scores,
        additive_scores_grad,
        masked_softmax,
        weighted_mean,
        weighted_mean_grad,
    )
}
