"""Noise in training: normal numbers that are added or multiplied, and dropout for networks of SELUs.

    gaussian_noise      y = x + s z
    gaussian_dropout    y = x (1 + sqrt(p / (1 - p)) z)               the mean and the variance of dropout's factor
    alpha_dropout       y = a (x mask + q (1 - mask)) + b             q = -1.758..., the value of a SELU at -infinity
                        a = 1 / sqrt((1 - p) (1 + p q^2)),  b = -a p q
                        so that numbers of mean 0 and variance 1 keep them

z are standard normal numbers, made of pairs of uniform ones (Box and Muller 1958), with the words w of the random stream:

    u = (w + 1/2) / 2^32        z_1 = sqrt(-2 log u_1) cos(2 pi u_2)        z_2 = sqrt(-2 log u_1) sin(2 pi u_2)

The logarithm, the sine and the cosine are series of sums, products and quotients, which all processors round alike. So z
has the same bits on every device, as the words have. Word i belongs to number i of x in row-major order.
Source: Keras 3; Srivastava et al. 2014 (gaussian_dropout); Klambauer et al. 2017 (alpha_dropout).
"""

from __future__ import annotations

from math import factorial, log, pi, prod, sqrt

from minidl.backend import Array, array_namespace, backend_of, op
from minidl.backend.random import NOISE
from minidl.ops.activation import SELU_ALPHA, SELU_SCALE

Q = -SELU_ALPHA * SELU_SCALE
_LOG = tuple(1 / (2 * k + 1) for k in range(11))  # of s^(2k + 1); |s| < 0.172
_SINE = tuple((-1) ** k / factorial(2 * k + 1) for k in range(9))  # of angles up to pi / 4
_COSINE = tuple((-1) ** k / factorial(2 * k) for k in range(10))


@op
def random_words(step: Array, key: tuple[int, int], call: int, count: int) -> Array:
    """``count`` words of 32 bits; ``step`` counts training steps, integers (1,) on the device, ``call`` uses in the step."""
    backend = backend_of(step)
    return backend.random_words(key, (int(backend.to_numpy(step)[0]), call, NOISE), count)


def normal_numbers(words: Array) -> Array:
    """Standard normal numbers in double precision, as many as words; their number is even.

    >>> import numpy as np
    >>> z = normal_numbers(np.array([0, 0, 2**31, 2**32 - 1], np.uint32))
    >>> z.round(3)
    array([ 4.783, -4.783,  0.833, -0.833])
    """
    xp = array_namespace(words)
    radius = xp.sqrt(-2 * _log((words[0::2].astype("float64") + 0.5) / 2.0**32))
    quarter, rest = words[1::2] >> 30, words[1::2] & (2**30 - 1)
    angle = ((rest.astype("float64") + 0.5) / 2.0**30 - 0.5) * (pi / 2)  # from -pi / 4 to pi / 4
    square = angle * angle
    sine, cosine = angle * _polynomial(square, _SINE), _polynomial(square, _COSINE)
    odd = (quarter & 1) == 1
    first, second = xp.where(odd, -sine, cosine), xp.where(odd, cosine, sine)  # turned by quarter times 90 degrees
    sign = xp.where(quarter >= 2, -radius, radius)
    return xp.stack([sign * first, sign * second], axis=1).reshape(-1)


@op
def gaussian_noise(x: Array, stddev: float, key: tuple[int, int], step: Array, call: int) -> Array:
    """y = x + stddev z."""
    return x + stddev * _normal_like(x, key, step, call)


@op
def gaussian_dropout(x: Array, rate: float, key: tuple[int, int], step: Array, call: int) -> tuple[Array, Array]:
    """y and the factor 1 + sqrt(rate / (1 - rate)) z, with which dx = dy factor."""
    factor = 1 + sqrt(rate / (1 - rate)) * _normal_like(x, key, step, call)
    return x * factor, factor


@op
def alpha_dropout(
    x: Array, rate: float, key: tuple[int, int], step: Array, call: int, mask_shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """y and the boolean mask (of ``mask_shape``, broadcast to x)."""
    words = random_words(step, key, call, prod(mask_shape))
    mask = (words >= min(round(rate * 2**32), 2**32 - 1)).reshape(mask_shape)
    a = _scale(rate)
    return array_namespace(x).where(mask, a * x, a * Q) - a * rate * Q, mask


@op
def alpha_dropout_grad(dy: Array, mask: Array, rate: float) -> Array:
    """dx = a dy where the mask is True, else 0."""
    return array_namespace(dy).where(mask, _scale(rate) * dy, 0)


def _scale(rate: float) -> float:
    """a."""
    return 1 / sqrt((1 - rate) * (1 + rate * Q * Q))


def _normal_like(x: Array, key: tuple[int, int], step: Array, call: int) -> Array:
    """z in the shape and the type of x."""
    words = random_words(step, key, call, x.size + x.size % 2)
    return normal_numbers(words)[: x.size].reshape(x.shape).astype(x.dtype)


def _log(u: Array) -> Array:
    """The logarithm of 0 < u < 1: u = m 2^e, 1 / sqrt 2 <= m < sqrt 2, log m = 2 (s + s^3 / 3 + ...), s = (m - 1) / (m + 1)."""
    xp = array_namespace(u)
    m, e = xp.frexp(u)
    low = m < sqrt(0.5)
    m, e = xp.where(low, 2 * m, m), e - low
    s = (m - 1) / (m + 1)
    return 2 * s * _polynomial(s * s, _LOG) + e * log(2)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """The sum of coefficients[k] x^k."""
    y = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        y = y * x + coefficient
    return y
