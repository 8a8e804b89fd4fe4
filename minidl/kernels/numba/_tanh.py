"""The hyperbolic tangent of a vector: tanh |v| = m / (m + 2) with m = exp(2 |v|) - 1, and the sign of v.

m is computed as such, so that small numbers keep all their digits; from |v| = 20 on the result is 1 in double precision, too.
"""

from __future__ import annotations

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._vector import absolute, expm1, where


@inner
def tanh_of(v):  # type: ignore[no-untyped-def]
    """tanh v in every lane, right to some two units in the last place of single precision."""
    size = absolute(v)
    m = expm1(2 * where(size > 20, 20, size))
    y = m / (m + 2)
    return where(v < 0, 0 - y, y)
