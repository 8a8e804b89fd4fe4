"""The optimizers' rules for one parameter's flat array, in place; g is the gradient.

    sgd        w -= lr g
    momentum   v = m v - lr g;  w += v               Nesterov:  w += m v - lr g   (with the new v)
    rmsprop    s = r s + (1 - r) g^2;   w -= lr g / sqrt(s + epsilon)
               centered: a = r a + (1 - r) g, and s - a^2 (not below 0) in place of s under the root
               momentum: v = m v + lr g / sqrt(...);   w -= v
    adam       a = b1 a + (1 - b1) g;   s = b2 s + (1 - b2) g^2;   w -= rate a / (sqrt(s) + epsilon)
               rate = lr sqrt(1 - b2^t) / (1 - b1^t)
    amsgrad    as adam, with  h = max(h, s)  in place of s under the root
    adamax     a as in adam;   u = max(b2 u, |g|);   w -= rate a / (u + epsilon);   rate = lr / (1 - b1^t)
    nadam      a, s as in adam;   w -= lr (c1 a + c2 g) / (sqrt(c3 s) + epsilon),   with u_t = b1 (1 - 0.96^t / 2):
               c1 = u_{t+1} / (1 - u_1 ... u_{t+1});   c2 = (1 - u_t) / (1 - u_1 ... u_t);   c3 = 1 / (1 - b2^t)
    adagrad    s = s + g^2;   w -= lr g / sqrt(s + epsilon)
    outside    rmsprop_outside and adagrad_outside divide by (sqrt(s) + epsilon) in place of sqrt(s + epsilon)
    adadelta   s = r s + (1 - r) g^2;   d = g sqrt(e + epsilon) / sqrt(s + epsilon);   e = r e + (1 - r) d^2;   w -= lr d

    decay      w -= (lr weight_decay) w              before the rule, for any of them

Each op also takes a table of many parameters in place of the arrays (``ArrayTable``), for which its kernel is called once.
What changes from step to step arrives in ``scalars``, an array of the parameters' dtype and device, so that a recorded
step can be replayed.
Sources: Polyak 1964, Nesterov 1983, Duchi et al. 2011, Tieleman and Hinton 2012, Zeiler 2012, Kingma and Ba 2015, Dozat 2016,
Reddi et al. 2018, Loshchilov and Hutter 2019; epsilon stands where Keras 3 puts it, in those called outside where Keras 2 does.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op_on_rows


@op_on_rows
def decay(value: Array, scalars: Array) -> None:
    """Decoupled weight decay; scalars = [lr weight_decay]."""
    value -= scalars[0] * value


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
def rmsprop_outside(value: Array, grad: Array, square: Array, scalars: Array, rho: float, epsilon: float) -> None:
    """Division by a running root mean square, and epsilon; scalars = [lr]."""
    square *= rho
    square += (1 - rho) * (grad * grad)
    value -= scalars[0] * grad / (array_namespace(value).sqrt(square) + epsilon)


@op_on_rows
def rmsprop_momentum(
    value: Array, grad: Array, square: Array, velocity: Array, scalars: Array, rho: float, epsilon: float, momentum: float
) -> None:
    """RMSprop with momentum; scalars = [lr]."""
    square *= rho
    square += (1 - rho) * (grad * grad)
    velocity *= momentum
    velocity += scalars[0] * grad / array_namespace(value).sqrt(square + epsilon)
    value -= velocity


@op_on_rows
def rmsprop_centered(value: Array, grad: Array, square: Array, mean: Array, scalars: Array, rho: float, epsilon: float) -> None:
    """RMSprop by the gradients' standard deviation; scalars = [lr]."""
    value -= _centered_step(grad, square, mean, scalars, rho, epsilon)


@op_on_rows
def rmsprop_centered_momentum(
    value: Array,
    grad: Array,
    square: Array,
    mean: Array,
    velocity: Array,
    scalars: Array,
    rho: float,
    epsilon: float,
    momentum: float,
) -> None:
    """RMSprop by the gradients' standard deviation, with momentum; scalars = [lr]."""
    velocity *= momentum
    velocity += _centered_step(grad, square, mean, scalars, rho, epsilon)
    value -= velocity


def _centered_step(grad: Array, square: Array, mean: Array, scalars: Array, rho: float, epsilon: float) -> Array:
    xp = array_namespace(grad)
    square *= rho
    square += (1 - rho) * (grad * grad)
    mean *= rho
    mean += (1 - rho) * grad
    variance = xp.maximum(square - mean * mean, 0)  # which rounding alone could make negative
    return scalars[0] * grad / xp.sqrt(variance + epsilon)


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


@op_on_rows
def amsgrad(
    value: Array,
    grad: Array,
    mean: Array,
    square: Array,
    largest: Array,
    scalars: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Adam that divides by the largest mean square so far; scalars = [rate]."""
    xp = array_namespace(value)
    mean *= beta_1
    mean += (1 - beta_1) * grad
    square *= beta_2
    square += (1 - beta_2) * (grad * grad)
    xp.maximum(largest, square, out=largest)
    value -= scalars[0] * mean / (xp.sqrt(largest) + epsilon)


@op_on_rows
def adamax(
    value: Array, grad: Array, mean: Array, largest: Array, scalars: Array, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """First moment over a decaying largest magnitude; scalars = [rate]."""
    xp = array_namespace(value)
    mean *= beta_1
    mean += (1 - beta_1) * grad
    largest *= beta_2
    xp.maximum(largest, xp.abs(grad), out=largest)
    value -= scalars[0] * mean / (largest + epsilon)


@op_on_rows
def nadam(
    value: Array, grad: Array, mean: Array, square: Array, scalars: Array, beta_1: float, beta_2: float, epsilon: float
) -> None:
    """Adam with Nesterov's look ahead; scalars = [lr, c1, c2, c3]."""
    mean *= beta_1
    mean += (1 - beta_1) * grad
    square *= beta_2
    square += (1 - beta_2) * (grad * grad)
    ahead = scalars[1] * mean + scalars[2] * grad
    value -= scalars[0] * ahead / (array_namespace(value).sqrt(scalars[3] * square) + epsilon)


@op_on_rows
def adagrad(value: Array, grad: Array, square_sum: Array, scalars: Array, epsilon: float) -> None:
    """Division by the root of the sum of all squares; scalars = [lr]."""
    square_sum += grad * grad
    value -= scalars[0] * grad / array_namespace(value).sqrt(square_sum + epsilon)


@op_on_rows
def adagrad_outside(value: Array, grad: Array, square_sum: Array, scalars: Array, epsilon: float) -> None:
    """Division by the root of the sum of all squares, and epsilon; scalars = [lr]."""
    square_sum += grad * grad
    value -= scalars[0] * grad / (array_namespace(value).sqrt(square_sum) + epsilon)


@op_on_rows
def adadelta(value: Array, grad: Array, square: Array, step_square: Array, scalars: Array, rho: float, epsilon: float) -> None:
    """Steps in proportion to the root mean square of those before; scalars = [lr]."""
    xp = array_namespace(value)
    square *= rho
    square += (1 - rho) * (grad * grad)
    step = grad * (xp.sqrt(step_square + epsilon) / xp.sqrt(square + epsilon))
    step_square *= rho
    step_square += (1 - rho) * (step * step)
    value -= scalars[0] * step
