"""What every op computes, written a second time with Python's own numbers and loops, and how close two results must be.

Nothing here is shared with ``minidl.ops``: indices are counted, not sliced, sums are ``math.fsum``, gradients follow from the
definition of the transpose (whatever x_i contributes to y_j, dy_j contributes to dx_i). Slow, and meant to be.
``NAIVE[op](*args)`` gives the results as a tuple of float64 arrays; an op that works in place gives the changed arrays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.geometry import Window
from tests.ops import naive_attention, naive_data, naive_images, naive_merge, naive_noise, naive_rectifiers, naive_rows
from tests.ops.naive_recurrent import by_loops as recurrent_by_loops

# --- how close -------------------------------------------------------------------------------------------------------


def assert_close(actual: Any, expected: Any, compare: str, message: str, lost: float = 4) -> None:
    """``actual`` equals ``expected`` as ``OpCase.compare`` says; NaN and infinities stand at the same places.

    A processor may take numbers below the smallest normal one for zero: ``lost`` times that number may be missing.
    """
    assert actual.shape == expected.shape, f"{message}: shape {actual.shape}, expected {expected.shape}"
    if actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected, err_msg=message)
        return
    info = np.finfo(actual.dtype)
    with np.errstate(over="ignore"):
        expected = np.asarray(expected, np.float64).astype(actual.dtype)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), err_msg=f"{message}: places of NaN")
    finite = np.isfinite(expected)
    infinite = ~finite & ~np.isnan(expected)
    np.testing.assert_array_equal(actual[infinite], expected[infinite], err_msg=f"{message}: infinities")
    a, e = actual[finite].astype(np.float64), expected[finite].astype(np.float64)
    relative = 1e-12 if actual.dtype == np.float64 else 1e-5
    if compare == "scaled":
        bound = relative * np.abs(e).max(initial=0)
    elif compare == "unit":
        bound = relative * np.maximum(np.abs(e), 1)
    else:
        bound = relative * np.abs(e) + lost * float(info.tiny)
    wrong = ~(np.abs(a - e) <= bound)  # also true where only ``actual`` is infinite
    worst = np.abs(a - e).max(initial=0)
    assert not wrong.any(), (
        f"{message}: {wrong.sum()} of {a.size} elements wrong, worst by {worst}, largest is {np.abs(e).max()}"
    )


# --- geometry: who meets whom ----------------------------------------------------------------------------------------


def axis_outputs(n: int, size: int, stride: int, padding: Any, dilation: int) -> tuple[int, int]:
    """Number of outputs and zeros in front, for one axis, by counting."""
    span = (size - 1) * dilation + 1
    if padding != "same":
        before, behind = {"valid": (0, 0), "causal": (span - 1, 0)}[padding] if isinstance(padding, str) else padding
        length = before + n + behind
        return sum(1 for start in range(0, length, stride) if start + span <= length), before
    outputs = sum(1 for _ in range(0, n, stride))
    reach = (outputs - 1) * stride + span
    return outputs, max(reach - n, 0) // 2


def meetings(spatial: tuple[int, ...], window: Window) -> Iterator[tuple[tuple, int, tuple]]:
    """(output position, number of the tap, input position) for every tap that lies inside the input."""
    axes = [axis_outputs(n, *row) for n, row in zip(spatial, _rows(window))]
    for output in itertools.product(*(range(outputs) for outputs, _ in axes)):
        for number, tap in enumerate(itertools.product(*(range(k) for k in window.size))):
            position = tuple(
                o * s - before + t * d for o, s, t, d, (_, before) in zip(output, window.strides, tap, window.dilation, axes)
            )
            if all(0 <= p < n for p, n in zip(position, spatial)):
                yield output, number, position


def outputs_of(spatial: tuple[int, ...], window: Window) -> tuple[int, ...]:
    """Spatial shape of the result."""
    return tuple(axis_outputs(n, *row)[0] for n, row in zip(spatial, _rows(window)))


def _rows(window: Window) -> Iterator[tuple]:
    named = isinstance(window.padding, str)
    return zip(window.size, window.strides, itertools.repeat(window.padding) if named else window.padding, window.dilation)


# --- scalars ---------------------------------------------------------------------------------------------------------


def exp(x: float) -> float:
    """e^x, infinite where it overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def divide(a: float, b: float) -> float:
    """a / b as IEEE 754 has it."""
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def total(numbers: Any) -> float:
    """The sum, rounded once; NaN and infinities as in IEEE 754."""
    numbers = [float(number) for number in numbers]
    if not all(map(math.isfinite, numbers)):
        return sum(numbers)
    return math.fsum(numbers)


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 or math.isnan(x) else exp(x) / (1 + exp(x))


def _elu(x: float, alpha: float = 1.0) -> float:
    return x if x > 0 else alpha * math.expm1(x)


def _selu_constants() -> tuple[float, float]:
    """alpha and scale from the equations they solve: normal numbers keep mean 0 and variance 1 (Klambauer et al. 2017)."""
    one, two = math.erfc(math.sqrt(0.5)) * math.sqrt(math.e), math.erfc(math.sqrt(2)) * math.e**2
    alpha = math.sqrt(2 / math.pi) / (1 - one)
    of_square = 2 * two + math.pi * one**2 - 2 * (2 + math.pi) * one + math.pi + 2
    return alpha, (1 - one) * math.sqrt(2 * math.pi / of_square)


SELU_ALPHA, SELU_SCALE = _selu_constants()


def _falling(f: Callable[..., float]) -> Callable[..., float]:
    """f with its limit 0 at -infinity, where its formula is infinity times 0."""
    return lambda x, *options: 0.0 if x == -math.inf else f(x, *options)


def _level(slope: Callable[..., float]) -> Callable[..., float]:
    """dy slope(x), where the slope is 0 far to the left and 1 far to the right."""
    return lambda dy, x, *options: dy * (float(x > 0) if abs(x) > 1000 else slope(x, *options))


def _softplus(x: float) -> float:
    return x + math.log1p(exp(-x)) if x > 0 or math.isnan(x) else math.log1p(exp(x))


def _gelu(x: float, approximate: bool = False) -> float:
    if approximate:
        return x / (1 + exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return x * (math.erfc(-x / math.sqrt(2)) / 2)


def _gelu_slope(x: float, approximate: bool = False) -> float:
    if approximate:
        t = math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        return (1 + t) / 2 + x * (1 - t) * (1 + t) / 2 * math.sqrt(2 / math.pi) * (1 + 0.134145 * x**2)
    return math.erfc(-x / math.sqrt(2)) / 2 + x * exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _mish_slope(x: float) -> float:
    w = math.tanh(_softplus(x))
    return w + x * _sigmoid(x) * (1 - w * w)


SCALAR: dict[str, Callable[..., float]] = {
    "linear": lambda x: x,
    "sign": lambda x: x if math.isnan(x) else float((x > 0) - (x < 0)),
    "sigmoid": _sigmoid,
    "tanh": math.tanh,
    "relu": lambda x: x if x > 0 or math.isnan(x) else 0.0,
    "softplus": _softplus,
    "leaky_relu": lambda x, slope=0.2: x if x > 0 else slope * x,
    "elu": _elu,
    "selu": lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * math.expm1(x)),
    "hard_sigmoid": lambda x: x if math.isnan(x) else min(max(x / 6 + 0.5, 0.0), 1.0),
    "softsign": lambda x: math.copysign(1, x) if math.isinf(x) else x / (1 + abs(x)),
    "exponential": exp,
    "swish": _falling(lambda x: x * _sigmoid(x)),
    "gelu": _falling(_gelu),
    "mish": _falling(lambda x: x * math.tanh(_softplus(x))),
}
SCALAR_GRAD: dict[str, Callable[..., float]] = {
    "linear": lambda dy, y: dy,
    "sign": lambda dy, y: 0.0,
    "sigmoid": lambda dy, y: dy * (y - y * y),
    "tanh": lambda dy, y: dy * (1 - y) * (1 + y),
    "relu": lambda dy, y: dy if y > 0 else 0.0,
    "softplus": lambda dy, y: dy * -math.expm1(-y),
    "leaky_relu": lambda dy, y, slope=0.2: dy if y > 0 else slope * dy,
    "elu": lambda dy, y, alpha=1.0: dy if y > 0 else dy * (y + alpha),
    "selu": lambda dy, y: dy * (SELU_SCALE if y > 0 else y + SELU_SCALE * SELU_ALPHA),
    "hard_sigmoid": lambda dy, y: dy / 6 if 0 < y < 1 else 0.0,
    "softsign": lambda dy, y: dy * (1 - abs(y)) ** 2,
    "exponential": lambda dy, y: dy * y,
    "swish": _level(lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x))),
    "gelu": _level(_gelu_slope),
    "mish": _level(_mish_slope),
}


def _map(function: Callable[..., float], *arrays: np.ndarray, options: tuple = ()) -> np.ndarray:
    flat = [function(*map(float, row), *options) for row in zip(*(a.reshape(-1) for a in arrays))]
    return np.array(flat, np.float64).reshape(arrays[0].shape)


def _each_element(function: Callable[..., float], arrays: int) -> Callable[..., tuple]:
    """``function`` of numbers as one of arrays; options by position or by name."""
    return lambda *args, **named: (_map(function, *args[:arrays], options=(*args[arrays:], *named.values())),)


# --- convolution -----------------------------------------------------------------------------------------------------


def unfold(x: np.ndarray, window: Window) -> tuple:
    n, *spatial, c = x.shape
    patches = np.zeros((n, *outputs_of(spatial, window), window.taps, c))
    for output, tap, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            patches[(i, *output, tap, k)] = x[(i, *position, k)]
    return (patches,)


def fold(patches: np.ndarray, spatial: tuple[int, ...], window: Window) -> tuple:
    n, c = patches.shape[0], patches.shape[-1]
    x = np.zeros((n, *spatial, c))
    for output, tap, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            x[(i, *position, k)] += patches[(i, *output, tap, k)]
    return (x,)


def _products(n: int, spatial: Any, c: int, f: int, window: Window, groups: int) -> Iterator[tuple[tuple, tuple, tuple]]:
    """Indices (of x, of W, of y) of every product in a convolution."""
    taps = list(itertools.product(*(range(k) for k in window.size)))
    per_group, filters = c // groups, f // groups
    for output, tap, position in meetings(spatial, window):
        for i, filter_, k in itertools.product(range(n), range(f), range(per_group)):
            channel = filter_ // filters * per_group + k
            yield (i, *position, channel), (*taps[tap], k, filter_), (i, *output, filter_)


def convolve(x: np.ndarray, W: np.ndarray, b: Any, window: Window, groups: int = 1, activation: str = "linear") -> tuple:
    n, *spatial, c = x.shape
    y = np.zeros((n, *outputs_of(spatial, window), W.shape[-1]))
    for at_x, at_W, at_y in _products(n, spatial, c, W.shape[-1], window, groups):
        y[at_y] += float(x[at_x]) * float(W[at_W])
    if b is not None:
        for at_y in np.ndindex(y.shape):
            y[at_y] += float(b[at_y[-1]])
    return (np.where(y > 0, y, 0.0) if activation == "relu" else y,)


def convolve_grad_x(dy: np.ndarray, W: np.ndarray, spatial: tuple[int, ...], window: Window, groups: int = 1) -> tuple:
    c = W.shape[-2] * groups
    dx = np.zeros((dy.shape[0], *spatial, c))
    for at_x, at_W, at_y in _products(dy.shape[0], spatial, c, W.shape[-1], window, groups):
        dx[at_x] += float(dy[at_y]) * float(W[at_W])
    return (dx,)


def convolve_grad_W(x: np.ndarray, dy: np.ndarray, window: Window, groups: int = 1) -> tuple:
    n, *spatial, c = x.shape
    dW = np.zeros((*window.size, c // groups, dy.shape[-1]))
    for at_x, at_W, at_y in _products(n, spatial, c, dy.shape[-1], window, groups):
        dW[at_W] += float(x[at_x]) * float(dy[at_y])
    return (dW,)


def convolve_transposed(x: np.ndarray, W: np.ndarray, b: Any, out: Any, window: Window, activation: str = "linear") -> tuple:
    y = convolve_grad_x(x, W, out, window)[0]
    if b is not None:
        for at_y in np.ndindex(y.shape):
            y[at_y] += float(b[at_y[-1]])
    return (np.where(y > 0, y, 0.0) if activation == "relu" else y,)


def _connections(n: int, spatial: Any, c: int, window: Window) -> Iterator[tuple[tuple, tuple[int, int], tuple]]:
    """Index of x, (position, row of W) and (sample, *output position) of every product, but for the filters."""
    numbers = {out: k for k, out in enumerate(itertools.product(*map(range, outputs_of(spatial, window))))}
    for out, tap, position in meetings(spatial, window):
        for i, channel in itertools.product(range(n), range(c)):
            yield (i, *position, channel), (numbers[out], tap * c + channel), (i, *out)


def connect(x: np.ndarray, W: np.ndarray, b: Any, window: Window, activation: str = "linear") -> tuple:
    n, *spatial, c = x.shape
    y = np.zeros((n, *outputs_of(spatial, window), W.shape[-1]))
    for at_x, at_W, at_y in _connections(n, spatial, c, window):
        for f in range(W.shape[-1]):
            y[*at_y, f] += float(x[at_x]) * float(W[*at_W, f])
    for at in np.ndindex(y.shape if b is not None else (0,)):
        y[at] += float(b[at[1:]])
    return (np.where(y > 0, y, 0.0) if activation == "relu" else y,)


def connect_grad_x(dy: np.ndarray, W: np.ndarray, spatial: Any, window: Window) -> tuple:
    dx = np.zeros((dy.shape[0], *spatial, W.shape[1] // window.taps))
    for at_x, at_W, at_y in _connections(dy.shape[0], spatial, dx.shape[-1], window):
        dx[at_x] += sum(float(dy[*at_y, f]) * float(W[*at_W, f]) for f in range(W.shape[-1]))
    return (dx,)


def connect_grad_W(x: np.ndarray, dy: np.ndarray, window: Window) -> tuple:
    n, *spatial, c = x.shape
    dW = np.zeros((math.prod(outputs_of(spatial, window)), window.taps * c, dy.shape[-1]))
    for at_x, at_W, at_y in _connections(n, spatial, c, window):
        for f in range(dy.shape[-1]):
            dW[*at_W, f] += float(x[at_x]) * float(dy[*at_y, f])
    return (dW,)


def connect_grad_b(dy: np.ndarray) -> tuple:
    db = np.zeros(dy.shape[1:])
    for at in np.ndindex(dy.shape):
        db[at[1:]] += float(dy[at])
    return (db,)


# --- pooling ---------------------------------------------------------------------------------------------------------


def max_pool(x: np.ndarray, window: Window) -> tuple:
    n, *spatial, c = x.shape
    shape = (n, *outputs_of(spatial, window), c)
    y, winners = np.zeros(shape), np.full(shape, -1)
    for output, tap, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            at, candidate = (i, *output, k), float(x[(i, *position, k)])
            if winners[at] < 0 or candidate > y[at] or (math.isnan(candidate) and not math.isnan(y[at])):
                y[at], winners[at] = candidate, tap
    return y, winners


def max_pool_grad(dy: np.ndarray, winners: np.ndarray, spatial: tuple[int, ...], window: Window) -> tuple:
    n, c = dy.shape[0], dy.shape[-1]
    dx = np.zeros((n, *spatial, c))
    for output, tap, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            if winners[(i, *output, k)] == tap:
                dx[(i, *position, k)] += float(dy[(i, *output, k)])
    return (dx,)


def _inside(spatial: Any, window: Window) -> dict[tuple, int]:
    counts: dict[tuple, int] = {}
    for output, _, _ in meetings(spatial, window):
        counts[output] = counts.get(output, 0) + 1
    return counts


def average_pool(x: np.ndarray, window: Window) -> tuple:
    n, *spatial, c = x.shape
    y, counts = np.zeros((n, *outputs_of(spatial, window), c)), _inside(spatial, window)
    for output, _, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            y[(i, *output, k)] += float(x[(i, *position, k)]) / counts[output]
    return (y,)


def average_pool_grad(dy: np.ndarray, spatial: tuple[int, ...], window: Window) -> tuple:
    n, c = dy.shape[0], dy.shape[-1]
    dx, counts = np.zeros((n, *spatial, c)), _inside(spatial, window)
    for output, _, position in meetings(spatial, window):
        for i, k in itertools.product(range(n), range(c)):
            dx[(i, *position, k)] += float(dy[(i, *output, k)]) / counts[output]
    return (dx,)


# --- the affine map --------------------------------------------------------------------------------------------------


def dense(x: np.ndarray, W: np.ndarray, b: Any = None, activation: str = "linear") -> tuple:
    y = np.zeros((*x.shape[:-1], W.shape[1]))
    for at in np.ndindex(y.shape):
        products = [float(x[(*at[:-1], k)]) * float(W[k, at[-1]]) for k in range(W.shape[0])]
        y[at] = math.fsum(products) + (float(b[at[-1]]) if b is not None else 0.0)
    return (np.where(y > 0, y, 0.0) if activation == "relu" else y,)


def dense_grad_x(dy: np.ndarray, W: np.ndarray) -> tuple:
    return dense(dy, np.array([[W[i, j] for i in range(W.shape[0])] for j in range(W.shape[1])]))


def dense_grad_W(x: np.ndarray, dy: np.ndarray) -> tuple:
    dW = np.zeros((x.shape[-1], dy.shape[-1]))
    for i, j in np.ndindex(dW.shape):
        dW[i, j] = math.fsum(float(x[(*at, i)]) * float(dy[(*at, j)]) for at in np.ndindex(x.shape[:-1]))
    return (dW,)


def bias_grad(dy: np.ndarray) -> tuple:
    return (np.array([math.fsum(float(dy[(*at, j)]) for at in np.ndindex(dy.shape[:-1])) for j in range(dy.shape[-1])]),)


def dense_grads(x: np.ndarray, dy: np.ndarray) -> tuple:
    return (*dense_grad_W(x, dy), *bias_grad(dy))


# --- softmax and losses ----------------------------------------------------------------------------------------------


def _each_row(function: Callable[..., Any], *arrays: np.ndarray) -> list[Any]:
    """``function`` of the last axes, position by position."""
    return [function(*(list(map(float, a[at])) for a in arrays)) for at in np.ndindex(arrays[0].shape[:-1])]


def _softmax_row(z: list[float]) -> list[float]:
    if any(map(math.isnan, z)) or math.inf in z or set(z) == {-math.inf}:
        return [math.nan] * len(z)
    highest = max(z)
    e = [exp(v - highest) for v in z]
    return [v / math.fsum(e) for v in e]


def part_of_sum(values: np.ndarray, n: int) -> tuple:
    total = 0.0
    for value in values.reshape(-1):
        total += float(value)
    return (np.array(total / n),)


def softmax(x: np.ndarray) -> tuple:
    return (np.array(_each_row(_softmax_row, x), np.float64).reshape(x.shape),)


def softmax_grad(dy: np.ndarray, y: np.ndarray) -> tuple:
    def row(d: list[float], p: list[float]) -> list[float]:  # dx_i = sum_j dy_j p_j (delta_ij - p_i), the whole Jacobian
        return [math.fsum(d[j] * p[j] * ((i == j) - p[i]) for j in range(len(p))) for i in range(len(p))]

    return (np.array(_each_row(row, dy, y), np.float64).reshape(y.shape),)


def log_softmax(x: np.ndarray) -> tuple:
    def row(z: list[float]) -> list[float]:
        return [-_minus_log_softmax(z, j, math.inf) for j in range(len(z))]

    return (np.array(_each_row(row, x), np.float64).reshape(x.shape),)


def log_softmax_grad(dy: np.ndarray, y: np.ndarray) -> tuple:
    def row(d: list[float], v: list[float]) -> list[float]:  # dx_i = sum_j dy_j (delta_ij - exp y_i)
        return [math.fsum(d[j] * ((i == j) - exp(v[i])) for j in range(len(v))) for i in range(len(v))]

    return (np.array(_each_row(row, dy, y), np.float64).reshape(y.shape),)


def _minus_log_softmax(z: list[float], j: int, largest: float) -> float:
    """-log p_j, at most the largest number there is."""
    if any(map(math.isnan, _softmax_row(z))):
        return math.nan
    highest = max(z)
    rest = math.fsum(exp(v - highest) for i, v in enumerate(z) if i != z.index(highest))  # log1p: exact near p = 1
    return min(highest - z[j] + math.log1p(rest), largest)


def softmax_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple:
    largest = float(np.finfo(logits.dtype).max)

    def row(z: list[float], t: list[float]) -> float:
        return total(t[j] * _minus_log_softmax(z, j, largest) for j in range(len(z)))

    return np.array(_each_row(row, logits, targets)).reshape(logits.shape[:-1]), softmax(logits)[0]


def _by_row(targets: np.ndarray, scale: Any, columns: int) -> np.ndarray:
    """``scale`` spelled out for every element."""
    return np.broadcast_to(np.asarray(scale, np.float64), (*targets.shape[:-1], columns))


def softmax_cross_entropy_grad(p: np.ndarray, targets: np.ndarray, scale: Any) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        return [(q[j] * math.fsum(t) - t[j]) * s[j] for j in range(len(q))]

    return (np.array(_each_row(row, p, targets, _by_row(targets, scale, p.shape[-1])), np.float64).reshape(p.shape),)


def spell_out(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels as one-hot rows; of zeros where there is no such class."""
    targets = np.zeros((*labels.shape, classes))
    for at in np.ndindex(labels.shape):
        if 0 <= labels[at] < classes:
            targets[(*at, int(labels[at]))] = 1
    return targets


def sigmoid_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple:
    def one(z: float, t: float) -> float:  # log(1 + exp z) is ``softplus``: -log sigmoid(-z)
        softplus = SCALAR["softplus"]
        return (t * softplus(-z) if t else 0.0) + ((1 - t) * softplus(z) if t != 1 else 0.0)

    losses = _map(one, logits, targets)
    means = [total(row) / len(row) for row in losses.reshape(-1, losses.shape[-1])]
    return np.array(means).reshape(losses.shape[:-1]), _map(_sigmoid, logits)


def sigmoid_cross_entropy_grad(p: np.ndarray, targets: np.ndarray, scale: Any) -> tuple:
    outputs = targets.shape[-1]
    return (_map(lambda q, t, s: (q - t) * s / outputs, p, targets, _by_row(targets, scale, outputs)),)


def probability_cross_entropy(p: np.ndarray, targets: np.ndarray, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float]) -> float:
        terms = [min(max(v / math.fsum(q), epsilon), 1 - epsilon) for v in q]
        return -math.fsum(tj * math.log(v) for tj, v in zip(t, terms))

    return (np.array(_each_row(row, p, targets)).reshape(p.shape[:-1]),)


def probability_cross_entropy_grad(p: np.ndarray, targets: np.ndarray, scale: Any, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        mass = math.fsum(q)
        parts = [v / mass for v in q]
        through = [-tj / v * s[0] if epsilon <= v <= 1 - epsilon else 0.0 for tj, v in zip(t, parts)]
        k = len(q)
        return [math.fsum(through[j] * ((i == j) - parts[j]) / mass for j in range(k)) for i in range(k)]

    return (np.array(_each_row(row, p, targets, _by_row(targets, scale, 1)), np.float64).reshape(p.shape),)


def binary_cross_entropy(p: np.ndarray, targets: np.ndarray, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float]) -> float:
        cut = [min(max(v, epsilon), 1 - epsilon) for v in q]
        return -math.fsum(tj * math.log(v) + (1 - tj) * math.log1p(-v) for tj, v in zip(t, cut)) / len(q)

    return (np.array(_each_row(row, p, targets)).reshape(p.shape[:-1]),)


def binary_cross_entropy_grad(p: np.ndarray, targets: np.ndarray, scale: Any, epsilon: float) -> tuple:
    outputs = targets.shape[-1]

    def one(q: float, t: float, s: float) -> float:
        return (-t / q + (1 - t) / (1 - q)) * s / outputs if epsilon <= q <= 1 - epsilon else 0.0

    return (_map(one, p, targets, _by_row(targets, scale, outputs)),)


def squared_error(p: np.ndarray, targets: np.ndarray) -> tuple:
    rows = _each_row(lambda q, t: math.fsum((a - b) ** 2 for a, b in zip(q, t)) / len(q), p, targets)
    return (np.array(rows).reshape(p.shape[:-1]),)


def squared_error_grad(p: np.ndarray, targets: np.ndarray, scale: Any) -> tuple:
    outputs = p.shape[-1]
    return (_map(lambda q, t, s: 2 * (q - t) * s / outputs, p, targets, _by_row(targets, scale, outputs)),)


def _loss(term: Callable[..., float], mean: bool = True) -> Callable[..., tuple]:
    """A loss that is the mean (or sum) over outputs of ``term(p, t, *options)``."""

    def losses(p: np.ndarray, targets: np.ndarray, *options: Any) -> tuple:
        rows = _each_row(lambda q, t: total(term(a, b, *options) for a, b in zip(q, t)) / (len(q) if mean else 1), p, targets)
        return (np.array(rows).reshape(p.shape[:-1]),)

    return losses


def _loss_grad(slope: Callable[..., float], mean: bool = True) -> Callable[..., tuple]:
    """Its gradient: ``slope(p, t, *options)`` of each output by itself."""

    def gradient(p: np.ndarray, targets: np.ndarray, scale: Any, *options: Any) -> tuple:
        outputs = p.shape[-1]
        k = outputs if mean else 1
        return (_map(lambda q, t, s: slope(q, t, *options) * s / k, p, targets, _by_row(targets, scale, outputs)),)

    return gradient


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _log_cosh(p: float, t: float) -> float:
    e = abs(p - t)
    return math.log1p(2 * math.sinh(e / 2) ** 2) if e < 300 else e - math.log(2)


def _logarithms(p: float, t: float, epsilon: float) -> float:
    return math.log1p(max(p, epsilon)) - math.log1p(max(t, epsilon))


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _divergence_slope(p: float, t: float, epsilon: float) -> float:
    return -_clip(t, epsilon, 1) / p if epsilon <= p <= 1 else 0.0


def _binary_entropy(p: float, t: float) -> float:
    return (-t * math.log(p) if t else 0.0) - ((1 - t) * math.log1p(-p) if t != 1 else 0.0)


def _binary_focal(p: float, t: float, alpha: Any, gamma: float, epsilon: float) -> float:
    balance = 1 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    return balance * (1 - t * p - (1 - t) * (1 - p)) ** gamma * _binary_entropy(_clip(p, epsilon, 1 - epsilon), t)


def _binary_focal_slope(p: float, t: float, alpha: Any, gamma: float, epsilon: float) -> float:
    balance = 1 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    wrong, inside = 1 - t * p - (1 - t) * (1 - p), epsilon <= p <= 1 - epsilon
    of_entropy = wrong**gamma * ((1 - t) / (1 - p) - t / p) if inside else 0.0
    of_power = gamma * wrong ** (gamma - 1) * (1 - 2 * t) if wrong else 0.0
    return balance * (of_entropy + of_power * _binary_entropy(_clip(p, epsilon, 1 - epsilon), t))


def _sigmoid_focal(z: float, t: float, alpha: Any, gamma: float) -> float:
    return _binary_focal(_sigmoid(z), t, alpha, gamma, 0.0)


def _sigmoid_focal_slope(z: float, t: float, alpha: Any, gamma: float) -> float:
    p = _sigmoid(z)
    return _binary_focal_slope(p, t, alpha, gamma, 0.0) * p * (1 - p)


def _hinge_of_classes(p: list[float], t: list[float]) -> tuple[float, int]:
    """The margin, and which of the other classes is the best, the first of several."""
    others = [(1 - b) * a for a, b in zip(p, t)]
    return 1 + max(others) - total(a * b for a, b in zip(p, t)), others.index(max(others))


def categorical_hinge(p: np.ndarray, targets: np.ndarray) -> tuple:
    rows = _each_row(lambda q, t: max(_hinge_of_classes(q, t)[0], 0.0), p, targets)
    return (np.array(rows).reshape(p.shape[:-1]),)


def categorical_hinge_grad(p: np.ndarray, targets: np.ndarray, scale: Any) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        margin, best = _hinge_of_classes(q, t)
        return [((1 - t[j] if j == best else 0.0) - t[j]) * s[0] if margin > 0 else 0.0 for j in range(len(q))]

    return (np.array(_each_row(row, p, targets, _by_row(targets, scale, 1)), np.float64).reshape(p.shape),)


def cosine_similarity(p: np.ndarray, targets: np.ndarray, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float]) -> float:
        return -total(a * b for a, b in zip(q, t)) / max(math.hypot(*q), epsilon) / max(math.hypot(*t), epsilon)

    return (np.array(_each_row(row, p, targets)).reshape(p.shape[:-1]),)


def cosine_similarity_grad(p: np.ndarray, targets: np.ndarray, scale: Any, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        of_p, of_t, product = math.hypot(*q), max(math.hypot(*t), epsilon), total(a * b for a, b in zip(q, t))
        if of_p <= epsilon:  # the length is no part of the function
            return [-b / of_t / epsilon * s[0] for b in t]
        return [-(b / of_p - product * a / of_p**3) / of_t * s[0] for a, b in zip(q, t)]

    return (np.array(_each_row(row, p, targets, _by_row(targets, scale, 1)), np.float64).reshape(p.shape),)


def _focal_terms(p: list[float], t: list[float], alpha: Any, gamma: float) -> tuple[list[float], list[float]]:
    """alpha t (1 - p)^gamma (-log p) of each class, and its derivative by p."""
    weights = [b * a for a, b in zip(alpha if isinstance(alpha, tuple) else [alpha] * len(p), t)]
    terms = [-w * (1 - a) ** gamma * math.log(a) for a, w in zip(p, weights)]
    slopes = [
        w * ((gamma * (1 - a) ** (gamma - 1) * math.log(a) if a < 1 else 0.0) - (1 - a) ** gamma / a)
        for a, w in zip(p, weights)
    ]
    return terms, slopes


def probability_focal(p: np.ndarray, targets: np.ndarray, alpha: Any, gamma: float, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float]) -> float:
        return math.fsum(_focal_terms([_clip(v / math.fsum(q), epsilon, 1 - epsilon) for v in q], t, alpha, gamma)[0])

    return (np.array(_each_row(row, p, targets)).reshape(p.shape[:-1]),)


def probability_focal_grad(p: np.ndarray, targets: np.ndarray, scale: Any, alpha: Any, gamma: float, epsilon: float) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        k, mass = len(q), math.fsum(q)
        parts = [v / mass for v in q]
        slopes = _focal_terms([_clip(v, epsilon, 1 - epsilon) for v in parts], t, alpha, gamma)[1]
        through = [d * s[0] if epsilon <= v <= 1 - epsilon else 0.0 for d, v in zip(slopes, parts)]
        return [math.fsum(through[j] * ((i == j) - parts[j]) / mass for j in range(k)) for i in range(k)]

    return (np.array(_each_row(row, p, targets, _by_row(targets, scale, 1)), np.float64).reshape(p.shape),)


def softmax_focal(z: np.ndarray, targets: np.ndarray, alpha: Any, gamma: float) -> tuple:
    rows = _each_row(lambda q, t: math.fsum(_focal_terms(_softmax_row(q), t, alpha, gamma)[0]), z, targets)
    return np.array(rows).reshape(z.shape[:-1]), softmax(z)[0]


def softmax_focal_grad(z: np.ndarray, targets: np.ndarray, scale: Any, alpha: Any, gamma: float) -> tuple:
    def row(q: list[float], t: list[float], s: list[float]) -> list[float]:
        p = _softmax_row(q)
        slopes = _focal_terms(p, t, alpha, gamma)[1]
        return [math.fsum(slopes[j] * p[j] * ((i == j) - p[i]) for j in range(len(q))) * s[0] for i in range(len(q))]

    return (np.array(_each_row(row, z, targets, _by_row(targets, scale, 1)), np.float64).reshape(z.shape),)


OTHER_LOSSES: dict[str, tuple[Callable[..., tuple], Callable[..., tuple]]] = {
    "squared_error.sum_squared_error": (_loss(lambda p, t: (p - t) ** 2, False), _loss_grad(lambda p, t: 2 * (p - t), False)),
    "absolute_error.absolute_error": (_loss(lambda p, t: abs(p - t)), _loss_grad(lambda p, t: _sign(p - t))),
    "percentage_error.percentage_error": (
        _loss(lambda p, t, epsilon: 100 * abs(p - t) / max(abs(t), epsilon)),
        _loss_grad(lambda p, t, epsilon: 100 * _sign(p - t) / max(abs(t), epsilon)),
    ),
    "logarithmic_error.squared_logarithmic_error": (
        _loss(lambda p, t, epsilon: _logarithms(p, t, epsilon) ** 2),
        _loss_grad(lambda p, t, epsilon: 2 * _logarithms(p, t, epsilon) / (1 + p) if p > epsilon else 0.0),
    ),
    "huber.huber": (
        _loss(lambda p, t, d: (p - t) ** 2 / 2 if abs(p - t) <= d else d * abs(p - t) - d * d / 2),
        _loss_grad(lambda p, t, d: p - t if abs(p - t) <= d else d * _sign(p - t)),
    ),
    "log_cosh.log_cosh": (_loss(_log_cosh), _loss_grad(lambda p, t: math.tanh(p - t))),
    "kl_divergence.kl_divergence": (
        _loss(lambda p, t, e: _clip(t, e, 1) * (math.log(_clip(t, e, 1)) - math.log(_clip(p, e, 1))), False),
        _loss_grad(_divergence_slope, False),
    ),
    "poisson.poisson": (
        _loss(lambda p, t, epsilon: p - t * math.log(p + epsilon)),
        _loss_grad(lambda p, t, epsilon: 1 - t / (p + epsilon)),
    ),
    "hinge.hinge": (_loss(lambda p, t: max(0.0, 1 - t * p)), _loss_grad(lambda p, t: -t if t * p < 1 else 0.0)),
    "hinge.squared_hinge": (
        _loss(lambda p, t: max(0.0, 1 - t * p) ** 2),
        _loss_grad(lambda p, t: -2 * t * max(0.0, 1 - t * p)),
    ),
    "categorical_hinge.categorical_hinge": (categorical_hinge, categorical_hinge_grad),
    "cosine_similarity.cosine_similarity": (cosine_similarity, cosine_similarity_grad),
    "binary_focal.binary_focal": (_loss(_binary_focal), _loss_grad(_binary_focal_slope)),
    "binary_focal.sigmoid_focal": (
        lambda z, t, *options: (*_loss(_sigmoid_focal)(z, t, *options), _map(_sigmoid, z)),
        _loss_grad(_sigmoid_focal_slope),
    ),
    "categorical_focal.probability_focal": (probability_focal, probability_focal_grad),
    "categorical_focal.softmax_focal": (softmax_focal, softmax_focal_grad),
}


# --- batch normalisation ---------------------------------------------------------------------------------------------


def moments(x: np.ndarray) -> tuple:
    columns = [list(map(float, x[..., k].reshape(-1))) for k in range(x.shape[-1])]
    means = [math.fsum(column) / len(column) for column in columns]
    variances = [math.fsum((v - mean) ** 2 for v in column) / len(column) for column, mean in zip(columns, means)]
    return np.array(means), np.array(variances)


def moved(running: np.ndarray, new: np.ndarray, momentum: float) -> tuple:
    return (np.array([momentum * float(old) + (1 - momentum) * float(number) for old, number in zip(running, new)]),)


def rescale(x: np.ndarray, scale: float, offset: float) -> tuple:
    y = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        y[at] = scale * float(x[at]) + offset
    return (y,)


def normalize(
    x: np.ndarray, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, activation: str = "linear"
) -> tuple:
    y = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        k = at[-1]
        h = (float(x[at]) - float(mean[k])) / math.sqrt(float(variance[k]) + epsilon)
        y[at] = (1.0 if gamma is None else float(gamma[k])) * h + (0.0 if beta is None else float(beta[k]))
        if activation == "relu" and y[at] < 0:
            y[at] = 0.0
    return (y,)


def normalize_grad(
    dy: np.ndarray,
    x: np.ndarray,
    mean: Any,
    variance: Any,
    gamma: Any,
    epsilon: float,
    of_batch: bool,
    beta: Any = None,
    activation: str = "linear",
) -> tuple:
    """dx_i = sum_j dy_j dy_j/dx_i with the whole Jacobian of each channel."""
    c = x.shape[-1]
    if activation == "relu":
        (y,) = normalize(x, mean, variance, gamma, beta, epsilon)
        dy = np.array([d if v > 0 else 0.0 for d, v in zip(dy.reshape(-1), y.reshape(-1))]).reshape(dy.shape)
    dx, dgamma, dbeta = np.zeros((x.size // c, c)), np.zeros(c), np.zeros(c)
    for k in range(c):
        d, v = ([float(number) for number in a[..., k].reshape(-1)] for a in (dy, x))
        m, inverse = len(v), 1 / math.sqrt(float(variance[k]) + epsilon)
        centred = [number - float(mean[k]) for number in v]
        dbeta[k] = math.fsum(d)
        dgamma[k] = math.fsum(a * b * inverse for a, b in zip(d, centred))
        g = 1.0 if gamma is None else float(gamma[k])
        for i in range(m):
            if not of_batch:
                dx[i, k] = g * d[i] * inverse
                continue
            terms = []
            for j in range(m):
                of_mean = -1 / m  # d(x_j - mean)/dx_i = delta_ij - 1/m
                of_variance = -0.5 * inverse**3 * (2 * centred[i] / m)  # d inverse / dx_i
                terms.append(d[j] * (((i == j) + of_mean) * inverse + centred[j] * of_variance))
            dx[i, k] = g * math.fsum(terms)
    return dx.reshape(x.shape), dgamma, dbeta


# --- random numbers, dropout, rows by index ---------------------------------------------------------------------------

_LOW = 2**64 - 1


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox 4x64-10 of Salmon, Moraes, Dror, Shaw, SC 2011: ten rounds of two multiplications and an exchange."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (second >> 64) ^ c1 ^ k0, second & _LOW, (first >> 64) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & _LOW, (k1 + 0xBB67AE8584CAA73B) & _LOW
    return c0, c1, c2, c3


def words(key: tuple[int, int], counter: tuple[int, int, int], count: int) -> np.ndarray:
    """``count`` 32-bit words; NumPy's generator counts before it draws, so the first block is number 1."""
    found: list[int] = []
    block = 1
    while len(found) < count:
        for output in philox(key, (block, *counter)):
            found += [output & 0xFFFFFFFF, output >> 32]
        block += 1
    return np.array(found[:count], np.uint32)


def dropout(x: np.ndarray, rate: float, key: Any, step: Any, call: int, mask_shape: tuple[int, ...]) -> tuple:
    drawn = words(key, (int(step[0]), call, 0), math.prod(mask_shape))
    threshold = min(round(rate * 2**32), 2**32 - 1)
    mask = np.array([int(word) >= threshold for word in drawn], bool).reshape(mask_shape)
    return dropout_grad(x, mask, rate)[0], mask


def dropout_grad(dy: np.ndarray, mask: np.ndarray, rate: float) -> tuple:
    scale = divide(1, 1 - rate)
    return (_map(lambda d, keep: d * scale if keep and rate < 1 else 0.0, dy, np.broadcast_to(mask, dy.shape)),)


def embed(ids: np.ndarray, W: np.ndarray) -> tuple:
    y = np.full((*ids.shape, W.shape[1]), math.nan)
    for at in np.ndindex(ids.shape):
        for k in range(W.shape[1]):
            if 0 <= ids[at] < len(W):
                y[(*at, k)] = W[ids[at], k]
    return (y,)


def embed_grad_W(ids: np.ndarray, dy: np.ndarray, rows: int) -> tuple:
    dW = np.zeros((rows, dy.shape[-1]))
    for row, k in np.ndindex(dW.shape):
        dW[row, k] = math.fsum(float(dy[(*at, k)]) for at in np.ndindex(ids.shape) if ids[at] == row)
    return (dW,)


def embed_grad_rows(ids: np.ndarray, dy: np.ndarray, rows: int) -> tuple:
    named = list(dict.fromkeys(int(row) for row in ids.reshape(-1) if 0 <= row < rows))
    return np.array(named, np.int64), embed_grad_W(ids, dy, rows)[0][named]


def gather(x: np.ndarray, indices: np.ndarray, dtype: Any) -> tuple:
    rows = np.zeros((len(indices), *x.shape[1:]), dtype)
    for i, index in enumerate(indices):
        for at in np.ndindex(x.shape[1:]):
            rows[(i, *at)] = x[(index, *at)].item()
    return (rows,)


def gather_and_look(x: np.ndarray, indices: np.ndarray, dtype: Any) -> tuple:
    (rows,) = gather(x, indices, dtype)
    return rows, np.array(all(math.isfinite(number) for number in rows.reshape(-1)))


# --- optimizers ------------------------------------------------------------------------------------------------------


def _rule(one: Callable[..., tuple[float, ...]], arrays: list[np.ndarray]) -> tuple:
    rows = [one(*map(float, numbers)) for numbers in zip(*arrays)]
    changed = len(arrays) - 1  # all but the gradient
    return tuple(np.array([row[k] for row in rows], np.float64) for k in range(changed))


def sgd(value: Any, grad: Any, scalars: Any) -> tuple:
    lr = float(scalars[0])
    return _rule(lambda w, g: (w - lr * g,), [value, grad])


def momentum(value: Any, grad: Any, velocity: Any, scalars: Any, factor: float, nesterov: bool) -> tuple:
    lr = float(scalars[0])

    def one(w: float, g: float, v: float) -> tuple[float, float]:
        v = factor * v - lr * g
        return (w + factor * v - lr * g if nesterov else w + v), v

    return _rule(one, [value, grad, velocity])


def rmsprop(value: Any, grad: Any, square: Any, scalars: Any, rho: float, epsilon: float) -> tuple:
    lr = float(scalars[0])

    def one(w: float, g: float, s: float) -> tuple[float, float]:
        s = rho * s + (1 - rho) * g**2
        return w - lr * g / math.sqrt(s + epsilon), s

    return _rule(one, [value, grad, square])


def adam(value: Any, grad: Any, mean: Any, square: Any, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> tuple:
    rate = float(scalars[0])

    def one(w: float, g: float, m: float, s: float) -> tuple[float, float, float]:
        m, s = beta_1 * m + (1 - beta_1) * g, beta_2 * s + (1 - beta_2) * g**2
        return w - rate * m / (math.sqrt(s) + epsilon), m, s

    return _rule(one, [value, grad, mean, square])


def decay(value: Any, scalars: Any) -> tuple:
    return (np.array([w - float(scalars[0]) * w for w in map(float, value)], np.float64),)


def _rmsprop_variant(arrays: list, scalars: Any, rho: float, epsilon: float, momentum: float | None, centered: bool) -> tuple:
    lr = float(scalars[0])

    def one(w: float, g: float, s: float, *others: float) -> tuple[float, ...]:
        rest = list(others)
        s = rho * s + (1 - rho) * g**2
        below = s
        if centered:
            rest[0] = rho * rest[0] + (1 - rho) * g
            below = max(s - rest[0] ** 2, 0.0)
        step = lr * g / math.sqrt(below + epsilon)
        if momentum is not None:
            rest[-1] = step = momentum * rest[-1] + step
        return (w - step, s, *rest)

    return _rule(one, arrays)


def rmsprop_momentum(
    value: Any, grad: Any, square: Any, velocity: Any, scalars: Any, rho: float, epsilon: float, momentum: float
) -> tuple:
    return _rmsprop_variant([value, grad, square, velocity], scalars, rho, epsilon, momentum, False)


def rmsprop_centered(value: Any, grad: Any, square: Any, mean: Any, scalars: Any, rho: float, epsilon: float) -> tuple:
    return _rmsprop_variant([value, grad, square, mean], scalars, rho, epsilon, None, True)


def rmsprop_centered_momentum(
    value: Any, grad: Any, square: Any, mean: Any, velocity: Any, scalars: Any, rho: float, epsilon: float, momentum: float
) -> tuple:
    return _rmsprop_variant([value, grad, square, mean, velocity], scalars, rho, epsilon, momentum, True)


def amsgrad(
    value: Any,
    grad: Any,
    mean: Any,
    square: Any,
    largest: Any,
    scalars: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> tuple:
    rate = float(scalars[0])

    def one(w: float, g: float, m: float, s: float, h: float) -> tuple[float, float, float, float]:
        m, s = beta_1 * m + (1 - beta_1) * g, beta_2 * s + (1 - beta_2) * g**2
        h = max(h, s)
        return w - rate * m / (math.sqrt(h) + epsilon), m, s, h

    return _rule(one, [value, grad, mean, square, largest])


def adamax(value: Any, grad: Any, mean: Any, largest: Any, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> tuple:
    rate = float(scalars[0])

    def one(w: float, g: float, m: float, u: float) -> tuple[float, float, float]:
        m, u = beta_1 * m + (1 - beta_1) * g, max(beta_2 * u, abs(g))
        return w - rate * m / (u + epsilon), m, u

    return _rule(one, [value, grad, mean, largest])


def nadam(value: Any, grad: Any, mean: Any, square: Any, scalars: Any, beta_1: float, beta_2: float, epsilon: float) -> tuple:
    lr, c1, c2, c3 = map(float, scalars)

    def one(w: float, g: float, m: float, s: float) -> tuple[float, float, float]:
        m, s = beta_1 * m + (1 - beta_1) * g, beta_2 * s + (1 - beta_2) * g**2
        return w - lr * (c1 * m + c2 * g) / (math.sqrt(c3 * s) + epsilon), m, s

    return _rule(one, [value, grad, mean, square])


def adagrad(value: Any, grad: Any, square_sum: Any, scalars: Any, epsilon: float) -> tuple:
    def one(w: float, g: float, s: float) -> tuple[float, float]:
        s += g**2
        return w - float(scalars[0]) * g / math.sqrt(s + epsilon), s

    return _rule(one, [value, grad, square_sum])


def rmsprop_outside(value: Any, grad: Any, square: Any, scalars: Any, rho: float, epsilon: float) -> tuple:
    def one(w: float, g: float, s: float) -> tuple[float, float]:
        s = rho * s + (1 - rho) * g**2
        return w - float(scalars[0]) * g / (math.sqrt(s) + epsilon), s

    return _rule(one, [value, grad, square])


def adagrad_outside(value: Any, grad: Any, square_sum: Any, scalars: Any, epsilon: float) -> tuple:
    def one(w: float, g: float, s: float) -> tuple[float, float]:
        s += g**2
        return w - float(scalars[0]) * g / (math.sqrt(s) + epsilon), s

    return _rule(one, [value, grad, square_sum])


def adadelta(value: Any, grad: Any, square: Any, step_square: Any, scalars: Any, rho: float, epsilon: float) -> tuple:
    def one(w: float, g: float, s: float, e: float) -> tuple[float, float, float]:
        s = rho * s + (1 - rho) * g**2
        step = g * math.sqrt(e + epsilon) / math.sqrt(s + epsilon)
        return w - float(scalars[0]) * step, s, rho * e + (1 - rho) * step**2

    return _rule(one, [value, grad, square, step_square])


# --- gradients before the rule ---------------------------------------------------------------------------------------


def penalize(value: Any, grad: Any, scalars: Any) -> tuple:
    l1, twice_l2 = map(float, scalars)
    found = [g + l1 * ((w > 0) - (w < 0)) + twice_l2 * w for w, g in zip(map(float, value), map(float, grad))]
    return (np.array(found, np.float64),)


def clip(grad: Any, scalars: Any) -> tuple:
    c = float(scalars[0])
    return (np.array([g if math.isinf(g) else min(max(g, -c), c) for g in map(float, grad)], np.float64),)


def add_squares(grad: Any, scalars: Any) -> tuple:
    return (np.array([float(scalars[0]) + math.fsum(float(g) ** 2 for g in grad)]),)


def factor_within(total: Any, limit: float) -> tuple:
    norm = math.sqrt(float(total[0]))
    return (np.array([limit / max(norm, limit) if math.isfinite(norm) else math.nan]),)


def add_penalty(value: Any, scalars: Any, total: Any) -> tuple:
    l1, l2 = map(float, scalars)
    return (np.array(float(total[0]) + math.fsum(l1 * abs(float(w)) + l2 * float(w) ** 2 for w in value)).reshape(1),)


def with_penalty(loss: Any, total: Any) -> tuple:
    return (np.array([float(loss[0]) + float(total[0])]),)


def scale(grad: Any, scalars: Any) -> tuple:
    return (np.array([float(g) * float(scalars[0]) for g in grad], np.float64),)


NAIVE: dict[str, Callable[..., tuple]] = {
    "mean.part_of_sum": part_of_sum,
    **{f"convolution.{f.__name__}": f for f in (unfold, fold, convolve, convolve_grad_x, convolve_grad_W)},
    "transposed_convolution.convolve_transposed": convolve_transposed,
    **{f"locally_connected.{f.__name__}": f for f in (connect, connect_grad_x, connect_grad_W, connect_grad_b)},
    **{f"pooling.{f.__name__}": f for f in (max_pool, max_pool_grad, average_pool, average_pool_grad)},
    **naive_images.NAIVE,
    **{f"linear.{f.__name__}": f for f in (dense, dense_grad_x, dense_grad_W, bias_grad, dense_grads)},
    **{f"softmax.{f.__name__}": f for f in (softmax, softmax_grad, log_softmax, log_softmax_grad)},
    **{
        f"cross_entropy.{f.__name__}": f
        for f in (
            softmax_cross_entropy,
            softmax_cross_entropy_grad,
            sigmoid_cross_entropy,
            sigmoid_cross_entropy_grad,
            probability_cross_entropy,
            probability_cross_entropy_grad,
            binary_cross_entropy,
            binary_cross_entropy_grad,
        )
    },
    "cross_entropy.sparse_softmax_cross_entropy": lambda z, y: softmax_cross_entropy(z, spell_out(y, z.shape[-1])),
    "cross_entropy.sparse_softmax_cross_entropy_grad": lambda p, y, scale: softmax_cross_entropy_grad(
        p, spell_out(y, p.shape[-1]), scale
    ),
    **{f"squared_error.{f.__name__}": f for f in (squared_error, squared_error_grad)},
    **{op: value for op, (value, _) in OTHER_LOSSES.items()},
    **{f"{op}_grad": gradient for op, (_, gradient) in OTHER_LOSSES.items()},
    **{f"normalization.{f.__name__}": f for f in (moments, moved, normalize, normalize_grad)},
    "rescaling.rescale": rescale,
    **{f"dropout.{f.__name__}": f for f in (dropout, dropout_grad)},
    "gather.gather": gather,
    "gather.gather_and_look": gather_and_look,
    "resample.warp": naive_data.warp,
    "addressed.words_at": naive_data.words_at(words),
    "embedding.embed": embed,
    "embedding.embed_grad_W": embed_grad_W,
    "embedding.embed_grad_rows": embed_grad_rows,
    **naive_attention.NAIVE,
    **naive_merge.NAIVE,
    **naive_rectifiers.NAIVE,
    **naive_noise.table(words),
    **naive_rows.NAIVE,
    **recurrent_by_loops(
        SCALAR | {"hard_sigmoid/5": lambda x: min(max(x / 5 + 0.5, 0.0), 1.0)},
        SCALAR_GRAD | {"hard_sigmoid/5": lambda dy, y: dy / 5 if 0 < y < 1 else 0.0},
    ),
    **{
        f"update.{f.__name__}": f
        for f in (
            decay,
            sgd,
            momentum,
            rmsprop,
            rmsprop_momentum,
            rmsprop_centered,
            rmsprop_centered_momentum,
            adam,
            amsgrad,
            adamax,
            nadam,
            adagrad,
            rmsprop_outside,
            adagrad_outside,
            adadelta,
        )
    },
    **{f"gradients.{f.__name__}": f for f in (penalize, clip, add_squares, scale, factor_within)},
    **{f"penalty.{f.__name__}": f for f in (add_penalty, with_penalty)},
    **{f"activation.{name}": _each_element(f, 1) for name, f in SCALAR.items()},
    **{f"activation.{name}_grad": _each_element(f, 2) for name, f in SCALAR_GRAD.items()},
}
