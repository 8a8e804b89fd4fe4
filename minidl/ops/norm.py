"""Euclidean norms along axes that neither overflow nor vanish, because the largest number is taken out before squaring.

    |w| = m r,   m = max |w_i|,   r = sqrt(sum (w_i / m)^2),   1 <= r <= sqrt(n)

A caller that divides by |w| divides by m and then by r, because their product may be larger than any number of the type.
Source: Blue 1978 (for sums of squares in general).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace


def scaled_norm(w: Array, axis: int | tuple[int, ...]) -> tuple[Array, Array]:
    """m and r, with the axes summed over kept as 1. Where all numbers are zero, or there are none, r = 0 and m = 1.

    >>> import numpy as np
    >>> m, r = scaled_norm(np.array([3e300, 4e300]), 0)
    >>> m.item(), r.item()
    (4e+300, 1.25)
    """
    xp = array_namespace(w)
    sizes = xp.abs(w)
    largest = (sizes.max if w.size else sizes.sum)(axis=axis, keepdims=True)  # of no numbers: 0
    m = xp.where(largest == 0, 1, largest)
    return m, xp.sqrt(xp.square(w / m).sum(axis=axis, keepdims=True))
