"""Attention: every query takes a weighted mean of the values, and its scores with the keys say how much of each.

    p = softmax(s) over the keys       y = p v                 s by one of two formulas:

    dot product    s_ij = q_i . k_j                             q is scaled before, by 1 / sqrt(d) as a rule
    additive       s_ij = w . tanh(q_i + k_j)

Backwards, from dy to what made y and on to what made the scores:

    dp = dy v^T          dv = p^T dy          ds = p (dp - sum_j dp_j p_j)

    dot product    dq = ds k                  dk = ds^T q
    additive       u_ij = ds_ij w (1 - tanh^2(q_i + k_j))
                   dq_i = sum_j u_ij          dk_j = sum_i u_ij          dw = sum_ij ds_ij tanh(q_i + k_j)

A mask says which keys a query may see. The others have the weight 0, the rest sum to one; where a query may see none, all its
weights are 0 and so is y. A hidden key has ds = 0 by the formula above, because its p is 0.

Shapes: q (..., queries, d), k (..., keys, d), v (..., keys, e), w (d,); s, p and their gradients (..., queries, keys), y
(..., queries, e). The axes in front, such as batch and heads, are those of all arrays.
Source: Bahdanau et al. 2015 (additive), Luong et al. 2015 (dot product), Vaswani et al. 2017 (scaled, masked).
"""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace, op
from minidl.ops.activation import tanh, tanh_grad
from minidl.ops.softmax import softmax


@op
def dot_scores(q: Array, k: Array) -> Array:
    """s = q k^T: (..., queries, d), (..., keys, d) -> (..., queries, keys)."""
    return array_namespace(q).matmul(q, k.swapaxes(-1, -2))


@op
def dot_scores_grad(ds: Array, q: Array, k: Array) -> tuple[Array, Array]:
    """dq = ds k and dk = ds^T q."""
    xp = array_namespace(ds)
    return xp.matmul(ds, k), xp.matmul(ds.swapaxes(-1, -2), q)


@op
def additive_scores(q: Array, k: Array, w: Array) -> tuple[Array, Array]:
    """s = tanh(q_i + k_j) . w, and the tanh (..., queries, keys, d)."""
    t = tanh(q[..., :, None, :] + k[..., None, :, :])
    return array_namespace(q).matmul(t, w), t


@op
def additive_scores_grad(ds: Array, t: Array, w: Array) -> tuple[Array, Array, Array]:
    """dq, dk and dw, summed over all samples."""
    u = tanh_grad(ds[..., None] * w, t)
    dw = array_namespace(ds).matmul(ds.reshape(-1), t.reshape(-1, t.shape[-1]))
    return u.sum(axis=-2), u.sum(axis=-3), dw


@op
def masked_softmax(s: Array, mask: Array) -> Array:
    """p over the last axis where ``mask`` (True: may be seen; broadcast to s), and 0 elsewhere.

    The gradient is that of ``softmax``.
    """
    xp = array_namespace(s)
    some = mask.any(axis=-1, keepdims=True)
    p = softmax(xp.where(mask | ~some, s, xp.full((), -float("inf"), s.dtype)))  # a row without any is replaced below
    return xp.where(some, p, xp.zeros((), s.dtype))


@op
def weighted_mean(p: Array, v: Array) -> Array:
    """y = p v: (..., queries, keys), (..., keys, e) -> (..., queries, e)."""
    return array_namespace(p).matmul(p, v)


@op
def weighted_mean_grad(dy: Array, p: Array, v: Array) -> tuple[Array, Array]:
    """dp = dy v^T and dv = p^T dy."""
    xp = array_namespace(dy)
    return xp.matmul(dy, v.swapaxes(-1, -2)), xp.matmul(p.swapaxes(-1, -2), dy)


def near_keys(xp: Any, queries: int, keys: int, causal: bool, window: int | None = None) -> Any:
    """Which keys each query may see by its place: (queries, keys), or None for all.

    ``causal``: those up to its own place, j <= i. ``window``: those nearer than so many places, |i - j| < window.
    """
    if not causal and window is None:
        return None
    back = xp.arange(queries)[:, None] - xp.arange(keys)  # i - j
    seen = back >= 0 if causal else back < queries
    return seen if window is None else seen & (xp.abs(back) < window)
