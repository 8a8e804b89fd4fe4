"""The hyperbolic tangent of a vector.

For |v| >= 0.625 it is (1 - e) / (1 + e) with e = exp(-2 |v|), and the sign of v. That would lose the last digits of smaller
numbers; those take a quotient of polynomials (Cephes): tanh v = v + v s P(s) / Q(s) with s = v^2.
"""

from __future__ import annotations

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._vector import absolute, exp, where


@inner
def tanh_of(v):  # type: ignore[no-untyped-def]
    """tanh v in every lane, right to some two units in the last place of single precision."""
    size, square = absolute(v), v * v
    few, e = size < 0.625, exp(-2 * size)
    above = ((-0.964399179425052238628 * square - 99.2877231001918586564) * square - 1614.68768441708447952) * square
    below = ((square + 112.811678491632931402) * square + 2235.48839060100448583) * square + 4844.06305325125486048
    part = where(few, above, 1 - e) / where(few, below, 1 + e)
    return where(few, v + v * part, where(v < 0, 0 - part, part))
