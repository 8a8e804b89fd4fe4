"""The ops of attention: batches and heads in front, unequal numbers of queries, keys and features."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.op_case import Arguments, add, normal

Front = tuple[int, ...]
SIZES = [  # axes in front, queries, keys, features
    ("tiny", (2,), 3, 5, 4),
    ("tiny", (), 1, 3, 2),
    ("tiny", (2, 3), 4, 1, 3),
    ("tiny", (0, 2), 3, 2, 2),
    ("small", (3, 2), 7, 13, 5),
    ("medium", (4, 3), 50, 33, 17),
    ("medium", (3,), 70, 65, 37),
]


def probabilities(rng: np.random.Generator, dtype: Any, *shape: int) -> np.ndarray:
    e = np.exp(normal(rng, dtype, *shape))
    return (e / e.sum(axis=-1, keepdims=True)).astype(dtype)


def _attention_cases(size: str, front: Front, queries: int, keys: int, d: int) -> None:
    name, rows, pairs = f"{front} {queries} of {keys} x {d}", (*front, queries, d), (*front, queries, keys)
    columns, values, e = (*front, keys, d), (*front, keys, d + 1), d + 1

    def masked(mask_shape: Front) -> Any:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            mask = rng.random(mask_shape) < 0.5
            mask[..., :1, :] = False  # at least one query sees nothing
            return (3 * normal(rng, dtype, *pairs), mask), {}

        return make

    def of_keys(rng: np.random.Generator, dtype: Any) -> Arguments:
        """A mask as layers have it for padding: (samples, 1 ..., keys)."""
        mask = rng.random((*front[:1], *(1,) * len(front), keys)) < 0.5
        return (3 * normal(rng, dtype, *pairs), mask), {}

    def kept(rng: np.random.Generator, dtype: Any) -> Arguments:
        t = np.tanh(normal(rng, dtype, *front, queries, keys, d))
        return (normal(rng, dtype, *pairs), t, normal(rng, dtype, d)), {}

    two = lambda *shapes: lambda rng, dtype: (tuple(normal(rng, dtype, *s) for s in shapes), {})  # noqa: E731
    add("attention.dot_scores", name, two(rows, columns), size)
    add("attention.dot_scores_grad", name, two(pairs, rows, columns), size)
    add("attention.additive_scores", name, two(rows, columns, (d,)), size)
    add("attention.additive_scores_grad", name, kept, size)
    add("attention.masked_softmax", f"{name}, every pair", masked(pairs), size, "elementwise")
    add("attention.masked_softmax", f"{name}, the same for all", masked((queries, keys)), size, "elementwise")
    add("attention.masked_softmax", f"{name}, the same for all queries", of_keys, size, "elementwise")
    add(
        "attention.weighted_mean",
        name,
        lambda rng, dtype: ((probabilities(rng, dtype, *pairs), normal(rng, dtype, *values)), {}),
        size,
    )
    add(
        "attention.weighted_mean_grad",
        name,
        lambda rng, dtype: (
            (normal(rng, dtype, *front, queries, e), probabilities(rng, dtype, *pairs), normal(rng, dtype, *values)),
            {},
        ),
        size,
    )


for _row in SIZES:
    _attention_cases(*_row)


def _extreme(rng: np.random.Generator, dtype: Any) -> Arguments:
    """Scores beyond what an exponential can hold, and infinities where nobody looks."""
    s = np.array([[1e4, -1e4, 3, np.inf], [700, 710, -np.inf, np.nan], [-1e30, -1e30, 5, 1], [2, -np.inf, 1, 0]], dtype)
    mask = np.array([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    return (s, mask), {}


add("attention.masked_softmax", "extremes", _extreme, "tiny", "elementwise")
