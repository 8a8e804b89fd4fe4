"""Activation functions, element by element.

Most gradients are a function of the output y alone, so only y is kept. The last three functions fall and rise again: two x
have the same y, and the gradient needs x.

    name           y                              dy/dx written with y
    linear         x                              1
    sign           -1, 0 or 1                     0 (the perceptron's threshold; it cannot be trained by descent)
    sigmoid        1 / (1 + exp(-x))              y (1 - y)
    tanh           tanh x                         1 - y^2
    relu           max(x, 0)                      1 where y > 0, else 0
    softplus       log(1 + exp x)                 1 - exp(-y)
    leaky_relu     x, or s x where x < 0          1 where y > 0, else s          (slope s >= 0)
    elu            x, or a (exp x - 1) where x<0  1 where y > 0, else y + a      (a >= 0)
    selu           l times elu with a = 1.673...  l where y > 0, else y + l a    (l = 1.0507...)
    hard_sigmoid   s x + 1/2 cut to [0, 1]        s where 0 < y < 1, else 0    (slope s, 1/6; 1/5 in Keras 2)
    softsign       x / (1 + |x|)                  (1 - |y|)^2
    exponential    exp x                          y

    name           y                              dy/dx written with x
    swish          x s, s = sigmoid x             s (1 + x (1 - s))              (also called silu)
    gelu           x F(x)                         F(x) + x f(x)                  (F, f: normal distribution, ops/normal.py)
    gelu, approx.  x t, t = sigmoid g             t (1 + x (1 - t) dg/dx)        (g = sqrt(8 / pi) (x + 0.044715 x^3))
    mish           x w, w = tanh(softplus x)      w + x s (1 - w^2)

The approximation of gelu is usually written with (1 + tanh(g / 2)) / 2, which is sigmoid g. To the left, where swish, gelu and
mish are 0 in double precision, x is cut: so -inf gives their limit 0 there, and not -inf times 0, which is NaN.
Where a function has a corner the gradient is the one from the left, as in PyTorch.
Sources: all five lectures; Clevert et al. 2016 (ELU; Lecture 2020 prints it with an extra z); Klambauer et al. 2017 (SELU);
Elfwing et al. 2018 and Ramachandran et al. 2017 (swish); Hendrycks and Gimpel 2016 (GELU); Misra 2019 (mish); Keras 3
(hard_sigmoid).
"""

from __future__ import annotations

from math import pi, sqrt

from minidl.backend import Array, array_namespace, op_elementwise
from minidl.ops.normal import FAR, normal_cdf, normal_density

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # they keep mean 0 and variance 1 from layer to layer
_EXP_IS_ZERO = 800.0  # exp(-800) is 0 in double precision


@op_elementwise
def linear(x: Array) -> Array:
    """The identity."""
    return x


@op_elementwise
def linear_grad(dy: Array, y: Array) -> Array:
    """dx = dy."""
    return dy


@op_elementwise
def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return array_namespace(x).sign(x)


@op_elementwise
def sign_grad(dy: Array, y: Array) -> Array:
    """dx = 0: the function is flat wherever it has a derivative."""
    return array_namespace(dy).zeros_like(dy)


@op_elementwise
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with the exponential of -abs(x) only, so that it cannot overflow."""
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


@op_elementwise
def sigmoid_grad(dy: Array, y: Array) -> Array:
    """dx = dy y (1 - y)."""
    return dy * y * (1 - y)


@op_elementwise
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return array_namespace(x).tanh(x)


@op_elementwise
def tanh_grad(dy: Array, y: Array) -> Array:
    """dx = dy (1 - y^2)."""
    return dy * (1 - y * y)


@op_elementwise
def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return array_namespace(x).maximum(x, 0)


@op_elementwise
def relu_grad(dy: Array, y: Array) -> Array:
    """dx = dy where y > 0, else 0."""
    return array_namespace(dy).where(y > 0, dy, 0)


@op_elementwise
def softplus(x: Array) -> Array:
    """log(1 + exp x) = max(x, 0) + log(1 + exp(-abs(x)))."""
    xp = array_namespace(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


@op_elementwise
def softplus_grad(dy: Array, y: Array) -> Array:
    """dx = dy sigmoid(x) = dy (1 - exp(-y))."""
    return -dy * array_namespace(y).expm1(-y)


@op_elementwise
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """x where x > 0, else negative_slope x."""
    return array_namespace(x).where(x > 0, x, x * negative_slope)


@op_elementwise
def leaky_relu_grad(dy: Array, y: Array, negative_slope: float = 0.2) -> Array:
    """dx = dy where y > 0, else negative_slope dy."""
    return array_namespace(y).where(y > 0, dy, dy * negative_slope)


@op_elementwise
def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha (exp x - 1)."""
    xp = array_namespace(x)
    return xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))


@op_elementwise
def elu_grad(dy: Array, y: Array, alpha: float = 1.0) -> Array:
    """dx = dy where y > 0, else dy (y + alpha)."""
    return array_namespace(y).where(y > 0, dy, dy * (y + alpha))


@op_elementwise
def selu(x: Array) -> Array:
    """SELU_SCALE x where x > 0, else SELU_SCALE SELU_ALPHA (exp x - 1)."""
    xp = array_namespace(x)
    return xp.where(x > 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * xp.expm1(xp.minimum(x, 0)))


@op_elementwise
def selu_grad(dy: Array, y: Array) -> Array:
    """dx = dy SELU_SCALE where y > 0, else dy (y + SELU_SCALE SELU_ALPHA)."""
    return array_namespace(y).where(y > 0, dy * SELU_SCALE, dy * (y + SELU_SCALE * SELU_ALPHA))


@op_elementwise
def hard_sigmoid(x: Array, slope: float = 1 / 6) -> Array:
    """slope x + 1/2, cut to [0, 1]; divided by 1 / slope, as 6 and 5 are exact."""
    return array_namespace(x).clip(x / (1 / slope) + 0.5, 0, 1)


@op_elementwise
def hard_sigmoid_grad(dy: Array, y: Array, slope: float = 1 / 6) -> Array:
    """dx = slope dy where 0 < y < 1, else 0."""
    return array_namespace(dy).where((y > 0) & (y < 1), dy / (1 / slope), 0)


@op_elementwise
def softsign(x: Array) -> Array:
    """x / (1 + abs(x)); beyond 1e30, where this is 1, x is cut, for infinity over infinity has no value."""
    xp = array_namespace(x)
    x = xp.clip(x, -1e30, 1e30)
    return x / (1 + xp.abs(x))


@op_elementwise
def softsign_grad(dy: Array, y: Array) -> Array:
    """dx = dy (1 - abs(y))^2."""
    return dy * array_namespace(y).square(1 - array_namespace(y).abs(y))


@op_elementwise
def exponential(x: Array) -> Array:
    """exp x; infinite beyond 88 in single precision and 709 in double."""
    return array_namespace(x).exp(x)


@op_elementwise
def exponential_grad(dy: Array, y: Array) -> Array:
    """dx = dy y."""
    return dy * y


@op_elementwise
def swish(x: Array) -> Array:
    """x sigmoid(x)."""
    x = array_namespace(x).maximum(x, -_EXP_IS_ZERO)
    return x * _sigmoid_and_rest(x)[0]


@op_elementwise
def swish_grad(dy: Array, x: Array) -> Array:
    """dx = dy s (1 + x (1 - s))."""
    x = array_namespace(x).clip(x, -_EXP_IS_ZERO, _EXP_IS_ZERO)
    s, rest = _sigmoid_and_rest(x)
    return dy * s * (1 + x * rest)


@op_elementwise
def gelu(x: Array, approximate: bool = False) -> Array:
    """x F(x), or x sigmoid(g) where ``approximate``."""
    x = array_namespace(x).maximum(x, -FAR)
    return x * (_sigmoid_and_rest(_gelu_exponent(x))[0] if approximate else normal_cdf(x))


@op_elementwise
def gelu_grad(dy: Array, x: Array, approximate: bool = False) -> Array:
    """dx = dy (F(x) + x f(x)), or dy t (1 + x (1 - t) dg/dx) where ``approximate``."""
    x = array_namespace(x).clip(x, -FAR, FAR)
    if not approximate:
        return dy * (normal_cdf(x) + x * normal_density(x))
    t, rest = _sigmoid_and_rest(_gelu_exponent(x))
    return dy * t * (1 + x * rest * (sqrt(8 / pi) * (1 + 3 * 0.044715 * x * x)))


@op_elementwise
def mish(x: Array) -> Array:
    """x tanh(softplus x)."""
    x = array_namespace(x).maximum(x, -_EXP_IS_ZERO)
    return x * _tanh_of_softplus_and_rest(x)[0]


@op_elementwise
def mish_grad(dy: Array, x: Array) -> Array:
    """dx = dy (w + x s (1 - w^2))."""
    x = array_namespace(x).clip(x, -_EXP_IS_ZERO, _EXP_IS_ZERO)
    w, rest = _tanh_of_softplus_and_rest(x)
    return dy * (w + x * _sigmoid_and_rest(x)[0] * rest * (1 + w))


def _sigmoid_and_rest(x: Array) -> tuple[Array, Array]:
    """s = sigmoid(x) and 1 - s, each with all its digits."""
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    large, small = 1 / (1 + e), e / (1 + e)
    return xp.where(x >= 0, large, small), xp.where(x >= 0, small, large)


def _gelu_exponent(x: Array) -> Array:
    """g = sqrt(8 / pi) (x + 0.044715 x^3), with which sigmoid(g) is near F(x)."""
    return sqrt(8 / pi) * x * (1 + 0.044715 * x * x)


def _tanh_of_softplus_and_rest(x: Array) -> tuple[Array, Array]:
    """w = tanh(log(1 + exp x)) = n / (n + 2) with n = exp(2x) + 2 exp x, and 1 - w, each with all its digits.

    To the right n is too large, and above and below are divided by exp(2x).
    """
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    n, two = xp.where(x >= 0, 1 + 2 * e, e * e + 2 * e), xp.where(x >= 0, 2 * e * e, 2)
    return n / (n + two), two / (n + two)
