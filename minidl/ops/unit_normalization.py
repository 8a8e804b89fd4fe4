"""Vectors of length 1, over the last axis.

    y = x / r        r = max(|x|, epsilon)

    dx = (dy - y sum_j dy_j y_j) / r        where |x| > epsilon
         dy / epsilon                       elsewhere

The gradient loses its component along y: no change of length can be seen in y. A vector of zeros stays one. Lengths are
those of ``ops/norm.py``, which neither overflow nor vanish.
Source: Keras 3 (UnitNormalization; epsilon is 1e-12).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op
from minidl.ops.norm import scaled_norm


@op
def unit_normalize(x: Array, epsilon: float) -> tuple[Array, Array]:
    """y (..., c) and r (..., 1)."""
    xp = array_namespace(x)
    m, scaled = scaled_norm(x, -1)
    r = xp.maximum(m * scaled, epsilon)
    return xp.where(r <= epsilon, x / epsilon, x / m / scaled), r


@op
def unit_normalize_grad(dy: Array, y: Array, r: Array, epsilon: float) -> Array:
    """dx (..., c)."""
    along = array_namespace(dy).where(r > epsilon, (dy * y).sum(axis=-1, keepdims=True), 0)
    return (dy - along * y) / r
