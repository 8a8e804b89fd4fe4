"""The optimizers' rules for one parameter's flat array, in place; g is the gradient.

    sgd        w -= lr g
    momentum   v = m v - lr g;  w += v               Nesterov:  w += m v - lr g   (with the new v)
    rmsprop    s = r s + (1 - r) g^2;   w -= lr g / sqrt(s + epsilon)
    adam       a = b1 a + (1 - b1) g;   s = b2 s + (1 - b2) g^2;   w -= rate a / (sqrt(s) + epsilon)
               rate = lr sqrt(1 - b2^t) / (1 - b1^t)

Each op also takes a table of many parameters in place of the arrays (``ArrayTable``), for which its kernel is called once.
What changes from step to step arrives in ``scalars``, an array of the parameters' dtype and device, so that a recorded
step can be replayed.
Sources: Polyak 1964, Nesterov 1983, Tieleman and Hinton 2012, Kingma and Ba 2015; epsilon stands where Keras 3 puts it.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op_on_rows


@op_on_rows
def sgd(value: Array, grad: Array, scalars: Array) -> None:
    """Plain descent; scalars = [lr]."""
    value -= scalars[0] * grad


@op_on_rows
def momentum(value: Array, grad: Array, velocity: Array, scalars: Array, momentum: float, nesterov: bool) -> None:
    """Descent with momentum; scalars = [lr]."""
    step = scalars[0] * grad
    velocity *= momentum
    velocity -= step
    if nesterov:
        value += momentum * velocity - step
    else:
        value += velocity


@op_on_rows
def rmsprop(value: Array, grad: Array, square: Array, scalars: Array, rho: float, epsilon: float) -> None:
    """Division by a running root mean square; scalars = [lr]."""
    square *= rho
    square += (1 - rho) * (grad * grad)
    value -= scalars[0] * grad / array_namespace(value).sqrt(square + epsilon)


@op_on_rows
def adam(
    value: Array, grad: Array, mean: Array, square: Array, scalars: Array, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """First and second moments with bias correction; scalars = [rate]."""
    mean *= beta_1
    mean += (1 - beta_1) * grad
    square *= beta_2
    square += (1 - beta_2) * (grad * grad)
    value -= scalars[0] * mean / (array_namespace(value).sqrt(square) + epsilon)
