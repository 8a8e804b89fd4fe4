"""Activation functions, element by element; each gradient is a function of the output y alone, so only y is kept.

    name           y                              dy/dx written with y
    linear         x                              1
    sign           -1, 0 or 1                     0 (the perceptron's threshold; it cannot be trained by descent)
    sigmoid        1 / (1 + exp(-x))              y (1 - y)
    tanh           tanh x                         1 - y^2
    relu           max(x, 0)                      1 where y > 0, else 0
    softplus       log(1 + exp x)                 1 - exp(-y)
    leaky_relu     x, or s x where x < 0          1 where y > 0, else s          (slope s >= 0)
    elu            x, or a (exp x - 1) where x<0  1 where y > 0, else y + a      (a >= 0)
    hard_sigmoid   x / 6 + 1/2 cut to [0, 1]      1/6 where 0 < y < 1, else 0

Where a function has a corner the gradient is the one from the left, as in PyTorch.
Sources: lecture decks 000 to 004; Clevert et al. 2016 (ELU; deck 004 prints it with an extra z); Keras 3 (hard_sigmoid).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op_elementwise


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
def hard_sigmoid(x: Array) -> Array:
    """x / 6 + 1/2, cut to [0, 1]."""
    return array_namespace(x).clip(x / 6 + 0.5, 0, 1)


@op_elementwise
def hard_sigmoid_grad(dy: Array, y: Array) -> Array:
    """dx = dy / 6 where 0 < y < 1, else 0."""
    return array_namespace(dy).where((y > 0) & (y < 1), dy / 6, 0)
