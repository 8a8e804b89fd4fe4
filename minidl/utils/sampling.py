"""Drawing the next word, or letter, from the probabilities that a model gives.

p_i -> p_i^(1 / temperature) / sum          top_k: the k most likely          top_p: the fewest that hold p of the probability
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.base import host_array
from minidl.backend.random import SAMPLE, Stream, check_seed, new_stream
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, DataError, ShapeError


def sample_ids(
    probabilities: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    *,
    seed: int | None = None,
    step: int = 0,
) -> Any:
    """An id for each row of probabilities, drawn at random.

    Args:
        probabilities: of every id, (ids,) or (n, ids), as a softmax gives them; each row is divided by its sum.
        temperature: below 1 the likely ids become more likely, above 1 less; 0 always takes the likeliest, the first of equals.
        top_k: how many of the likeliest ids may be drawn; None: all. Of equals the first are kept.
        top_p: 0 < top_p <= 1: only the likeliest ids that together hold this much of the probability, after ``temperature``
            and ``top_k``; None: all.
        seed: the same seed, step and probabilities give the same ids. None takes the next stream of ``minidl.set_seed``.
        step: number of the draw, for a text that is drawn with one seed.

    Returns an integer for (ids,), integers (n,) for (n, ids).
    Raises ShapeError, DataError for numbers that are no probabilities, ArgumentError and ArgumentTypeError for the others.
    Sources: Holtzman et al. 2020 (top_p); Fan, Lewis and Dauphin 2018 (top_k).

    >>> sample_ids([0.1, 0.7, 0.2], temperature=0)
    1
    >>> ids = sample_ids([[0.5, 0.0, 0.5]] * 1000, seed=1)
    >>> (ids == 1).any(), 400 < (ids == 0).sum() < 600
    (np.False_, np.True_)
    """
    where = "sample_ids"
    temperature = check_number(where, "temperature", temperature, 0)
    top_k = None if top_k is None else check_integer(where, "top_k", top_k)
    if top_p is not None and not 0 < check_number(where, "top_p", top_p) <= 1:
        raise ArgumentError(where, f"top_p={top_p!r}", "0 < top_p <= 1")
    step = check_integer(where, "step", step, 0)
    stream = new_stream() if seed is None else Stream(check_seed(seed, where), 0)
    given = host_array(probabilities, where=f"{where}: probabilities")
    if given.ndim not in (1, 2) or not given.shape[-1]:
        raise ShapeError(where, f"probabilities of shape {given.shape}", "(ids,) or (n, ids)", "model.predict(x)[:, -1]")
    p = np.atleast_2d(given).astype(np.float64)
    bad = ~np.isfinite(p).all(axis=1) | (p < 0).any(axis=1) | (p.sum(axis=1) <= 0)
    if bad.any():
        received = f"numbers from {p[bad].min()} to {p[bad].max()} in row {int(bad.argmax())}"
        raise DataError(where, received, "probabilities: finite, not negative, not all 0", "softmax, where these are logits")
    ids = _drawn(p, temperature, top_k, top_p, stream.generator(SAMPLE, step).random(len(p)))
    return int(ids[0]) if given.ndim == 1 else ids


def _drawn(p: np.ndarray, temperature: float, top_k: int | None, top_p: float | None, u: np.ndarray) -> np.ndarray:
    """Where the sum of the kept probabilities, the likeliest first, passes u."""
    order = np.argsort(-p, axis=1, kind="stable")  # equals in their own order
    p = np.take_along_axis(p, order, axis=1)
    if temperature == 0:
        return order[:, 0]
    with np.errstate(divide="ignore", under="ignore"):
        p = np.exp(np.log(p / p[:, :1]) / temperature)  # the largest is 1, whatever the temperature
    if top_k is not None:
        p[:, top_k:] = 0
    p /= p.sum(axis=1, keepdims=True)
    if top_p is not None:
        p[np.cumsum(p, axis=1) - p >= top_p] = 0  # those before it hold enough already
    total = np.cumsum(p, axis=1)
    chosen = (total <= u[:, None] * total[:, -1:]).sum(axis=1)
    return np.take_along_axis(order, chosen[:, None], axis=1)[:, 0]
