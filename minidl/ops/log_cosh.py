"""Logarithm of the hyperbolic cosine of the error e = p - t, mean over the last axis: smooth, e^2 / 2 near 0, |e| far away.

    L = (1/k) sum_j log cosh e_j        dp = tanh(e) / k

cosh overflows from |e| = 89 (float32), and log cosh e of a small e would lose its digits in cosh e = 1.000... So with
u = exp(-|e|) - 1 and s = |e|, exact up to rounding for every e,

    log cosh e = log(1 + u^2 / (2 (1 + u)))          where s < 1
                 s + log(1 + exp(-2 s)) - log 2      elsewhere

Source: Keras 3 ("log_cosh").
"""

from __future__ import annotations

from math import log
from typing import Any

from minidl.backend import Array, array_namespace, op


@op
def log_cosh(p: Array, targets: Array) -> Array:
    """Loss (...) of predictions and targets (..., k)."""
    xp = array_namespace(p)
    s = xp.abs(p - targets)
    u = xp.expm1(-s)
    near = xp.log1p(u * u / (2 * (1 + u)))
    return xp.where(s < 1, near, s + (xp.log1p(xp.exp(-2 * s)) - log(2))).mean(axis=-1)


@op
def log_cosh_grad(p: Array, targets: Array, scale: Any) -> Array:
    """dp = tanh(p - t) scale / k."""
    return array_namespace(p).tanh(p - targets) * (scale / p.shape[-1])
