"""The normal distribution: F(x), the probability of a number below x, which GELU needs.

    F(x) = (1 + erf(x / sqrt 2)) / 2 = integral from -inf to x of f(t) dt,     f(t) = exp(-t^2 / 2) / sqrt(2 pi)

NumPy has no erf. For a = |x|, F(-a) is exp(-a^2 / 2) times a slowly falling function, which is a polynomial over 1 + a:

    F(-a) = exp(-a^2 / 2) p(u) / (1 + a),     u = (a - 4) / (a + 4), between -1 and 1,     F(a) = 1 - F(-a)

p was interpolated at 64 Chebyshev points with 60 digits and cut after u^23, where what is left out is below 1e-16.
With a = h + r, h a multiple of 1/16, exp(-h^2 / 2) exp(-r (a + h) / 2) loses no digits to the square of a large number.
So F is right to 4 units in its last place wherever it is a normal number, also far to the left where F itself is 1e-300.
"""

from __future__ import annotations

from math import pi, sqrt

from minidl.backend import Array, array_namespace

FAR = 40.0  # F(-40) is 0 in double precision, and so is f(40)
_POLYNOMIAL = (  # of u^23, u^22 ... u^0
    *(-6.76326721056245388e-10, -1.54562215981438521e-09, 5.47470863204868944e-09, 1.74425837644197931e-08),
    *(-1.79321219166424145e-08, -1.10223540137390792e-07, -1.23715336699219701e-09, 5.50774796536409787e-07),
    *(4.06717301251544479e-07, -2.61184643401685557e-06, -3.43337221685327538e-06, 1.36263151926004012e-05),
    *(2.12504468562083747e-05, -8.78530044264579189e-05, -9.44303394415222288e-05, 6.94897069257049513e-04),
    *(-2.85623086809394133e-04, -5.00237858705146657e-03, 1.79360974788685885e-02, -3.21978374283145264e-02),
    *(2.86003640535774896e-02, 1.39996347244304691e-02, -9.67034773265260680e-02, 4.72053206509844663e-01),
)


def normal_cdf(x: Array) -> Array:
    """F(x), element by element.

    >>> import numpy as np
    >>> normal_cdf(np.array([-np.inf, 0.0, 1.96])).round(4)
    array([0.   , 0.5  , 0.975])
    """
    xp = array_namespace(x)
    a = xp.minimum(xp.abs(x), FAR)
    h, u = xp.floor(16 * a) / 16, (a - 4) / (a + 4)
    p = xp.full_like(u, _POLYNOMIAL[0])
    for coefficient in _POLYNOMIAL[1:]:
        p = p * u + coefficient
    below = xp.exp(-h * h / 2) * xp.exp((h - a) * (a + h) / 2) * p / (1 + a)
    return xp.where(x > 0, 1 - below, below)


def normal_density(x: Array) -> Array:
    """f(x) = exp(-x^2 / 2) / sqrt(2 pi)."""
    return array_namespace(x).exp(-x * x / 2) / sqrt(2 * pi)
