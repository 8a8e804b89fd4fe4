"""``keras.backend``: mathematics, on arrays at once, and in functions of a layer, loss or metric as ops with gradients."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.backend import settings
from minidl.compat.keras.backend.tracing import Traced, call, plain
from minidl.compat.keras.backend.variables import generator, int_shape, ndim
from minidl.compat.keras.backend.variables import shape as shape_of
from minidl.compat.spelling import told
from minidl.errors import ArgumentError, ArgumentTypeError, described

Axis = Any


def _axes(axis: Axis) -> Any:
    return tuple(int(a) for a in axis) if isinstance(axis, (list, tuple, builtins.range)) else axis


def _unary(name: str, doc: str, op: str = "") -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return call(op or name, x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _binary(name: str, doc: str) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Any:
        return call(name, x, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _reduction(name: str, doc: str) -> Callable[..., Any]:
    def function(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        return call(name, x, axis=_axes(axis), keepdims=bool(keepdims))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


abs = _unary("abs", "The magnitude.")  # noqa: A001  (Keras's names, here and below)
square = _unary("square", "x^2.")
sqrt = _unary("sqrt", "The root; 0 of negative numbers.")
exp = _unary("exp", "The exponential.")
log = _unary("log", "The natural logarithm.")
round = _unary("round", "The nearest whole number, of two the even one; it has no gradient.")  # noqa: A001
sign = _unary("sign", "-1, 0 or 1; it has no gradient.")
sin = _unary("sin", "The sine.")
cos = _unary("cos", "The cosine.")
sigmoid = _unary("sigmoid", "1 / (1 + exp(-x)).")
tanh = _unary("tanh", "The hyperbolic tangent.")
softplus = _unary("softplus", "log(1 + exp x).")
softsign = _unary("softsign", "x / (1 + |x|).")
equal = _binary("equal", "Whether x = y, number by number.")
not_equal = _binary("not_equal", "Whether x differs from y, number by number.")
greater = _binary("greater", "Whether x > y, number by number.")
greater_equal = _binary("greater_equal", "Whether x >= y, number by number.")
less = _binary("less", "Whether x < y, number by number.")
less_equal = _binary("less_equal", "Whether x <= y, number by number.")
maximum = _binary("maximum", "The larger of two, number by number.")
minimum = _binary("minimum", "The smaller of two, number by number.")
pow = _binary("pow", "x^a.")  # noqa: A001
dot = _binary("dot", "The product, summed over the last axis of x and the last but one of y.")
gather = _binary("gather", "Rows of x by their numbers.")
sum = _reduction("sum", "The sum over axes.")  # noqa: A001
mean = _reduction("mean", "The mean over axes.")
max = _reduction("max", "The largest over axes.")  # noqa: A001
min = _reduction("min", "The smallest over axes.")  # noqa: A001
prod = _reduction("prod", "The product over axes.")
logsumexp = _reduction("logsumexp", "log sum exp over axes, without overflow.")
any = _reduction("any", "Whether a number over axes is not 0.")  # noqa: A001
all = _reduction("all", "Whether no number over axes is 0.")  # noqa: A001


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The variance over axes: the mean of (x - mean)^2."""
    return mean(square(call("subtract", x, mean(x, axis, True))), axis, keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The root of the variance."""
    return sqrt(var(x, axis, keepdims))


def cumsum(x: Any, axis: int = 0) -> Any:
    """Sums of all up to here."""
    return call("cumsum", x, axis=axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Products of all up to here."""
    return call("cumprod", x, axis=axis)


def argmax(x: Any, axis: int = -1) -> Any:
    """Where the largest is; it has no gradient."""
    return call("argmax", x, axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Where the smallest is; it has no gradient."""
    return call("argmin", x, axis=axis)


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """x cut to a range; None: no bound. The gradient is 0 where it was cut."""
    if min_value is not None and max_value is not None and not isinstance(min_value, Traced) and max_value < min_value:
        max_value = min_value
    return call("clip", x, low=plain(min_value), high=plain(max_value))


def cast(x: Any, dtype: Any) -> Any:
    """x in another type: floating point is that of the weights, whatever its width."""
    kind = np.dtype(dtype).kind
    if isinstance(x, (list, tuple)) and builtins.any(isinstance(n, Traced) for n in x):  # lengths, as K.shape gives them
        x = stack(x)
    return call("cast", x, kind="float" if kind == "f" else "bool" if kind == "b" else "int")


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros in the shape of x."""
    return call("like", x, value=0.0)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones in the shape of x."""
    return call("like", x, value=1.0)


# -- activations -------------------------------------------------------------------------------------------------------


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None) -> Any:
    """x, or alpha x where x < 0; ``max_value`` at most."""
    return call("relu", x, alpha=alpha, max_value=max_value)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, or alpha (exp x - 1) where x < 0."""
    return call("elu", x, alpha=alpha)


def softmax(x: Any) -> Any:
    """exp x / sum exp x over the last axis."""
    return call("softmax", x)


def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, cut to 0 and 1."""
    return clip(call("add", call("multiply", x, 0.2), 0.5), 0.0, 1.0)


def l2_normalize(x: Any, axis: Axis = None) -> Any:
    """x / |x| along an axis; |x|^2 counts as 1e-12 at least."""
    norm = sqrt(maximum(sum(square(x), axis, True), 1e-12))
    return call("divide", x, norm)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """x with a fraction ``level`` of 0 and the others divided by 1 - level; in every mode."""
    lengths = shape_of(x) if noise_shape is None else [a if b is None else b for a, b in zip(shape_of(x), noise_shape)]
    kept = greater_equal(random_uniform(lengths), level)
    return call("switch", kept, call("divide", x, 1 - level), 0.0)


# -- shapes ------------------------------------------------------------------------------------------------------------


def reshape(x: Any, shape: Any) -> Any:
    """x in another shape; -1 for what is left."""
    lengths = tuple(shape)
    fixed = tuple(None if isinstance(n, Traced) else int(n) for n in lengths)
    return call("reshape", x, *[n for n in lengths if isinstance(n, Traced)], shape=fixed)


def flatten(x: Any) -> Any:
    """All numbers in one axis."""
    return reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """The numbers of each sample in one axis."""
    shape = int_shape(x)
    rest = 1
    for n in shape[1:]:
        rest = rest * n if n is not None and rest is not None else None  # type: ignore[assignment]
    return reshape(x, (-1, rest)) if rest is not None else reshape(x, (shape_of(x)[0], -1))


def expand_dims(x: Any, axis: int = -1) -> Any:
    """An axis of length 1 more."""
    return call("expand_dims", x, axis=axis)


def squeeze(x: Any, axis: int) -> Any:
    """An axis of length 1 less."""
    return call("squeeze", x, axis=axis)


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in another order."""
    return call("transpose", x, axes=tuple(int(a) for a in pattern))


def transpose(x: Any) -> Any:
    """The axes in reverse."""
    return call("transpose", x, axes=tuple(range(ndim(x)))[::-1])


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Several, one behind the other."""
    return call("concatenate", *tensors, axis=axis)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Several along a new axis."""
    return call("stack", *x, axis=axis)


def reverse(x: Any, axes: Any) -> Any:
    """The other way round along axes."""
    return call("reverse", x, axes=_axes(axes))


def tile(x: Any, n: Any) -> Any:
    """x several times along each axis."""
    counts = tuple(n) if isinstance(n, (list, tuple, np.ndarray)) else (n,)
    fixed = tuple(None if isinstance(c, Traced) else int(c) for c in counts)
    return call("tile", x, *[c for c in counts if isinstance(c, Traced)], counts=fixed)


def repeat(x: Any, n: int) -> Any:
    """(samples, dim) as (samples, n, dim)."""
    return call("repeat", expand_dims(x, 1), times=int(n), axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each number several times along an axis."""
    return call("repeat", x, times=int(rep), axis=axis)


def one_hot(indices: Any, num_classes: int) -> Any:
    """A 1 among zeros for each number of a class."""
    return call("one_hot", indices, classes=int(num_classes))


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and behind the steps."""
    return _padded(x, [tuple(padding)], "channels_last")


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around images."""
    return _padded(x, padding, data_format)


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around volumes."""
    return _padded(x, padding, data_format)


def _padded(x: Any, padding: Any, data_format: str | None) -> Any:
    inner = [tuple(p) for p in padding]
    first = (data_format or config.data_format()) == "channels_first"
    widths = [(0, 0), (0, 0), *inner] if first else [(0, 0), *inner, (0, 0)]
    return call("pad", x, widths=tuple(widths))


def resize_images(x: Any, height_factor: int, width_factor: int, data_format: str) -> Any:
    """Each pixel several times."""
    at = 2 if data_format == "channels_first" else 1
    return repeat_elements(repeat_elements(x, height_factor, at), width_factor, at + 1)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Any:
    """Each voxel several times."""
    at = 2 if data_format == "channels_first" else 1
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), at):
        x = repeat_elements(x, factor, axis)
    return x


def arange(start: int, stop: int | None = None, step: int = 1, dtype: Any = "int32") -> np.ndarray:
    """Numbers in steps."""
    return np.arange(0 if stop is None else start, start if stop is None else stop, step, dtype=dtype)


# -- products, choices, numbers ----------------------------------------------------------------------------------------


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """The product of each sample of x with that of y, summed over an axis of each; one axis is left at least."""
    nx, ny = ndim(x), ndim(y)
    if isinstance(axes, int):
        axes = (axes, axes)
    a, b = (nx - 1, ny - 2 if ny > 2 else ny - 1) if axes is None else (axes[0] % nx, axes[1] % ny)
    if a == 0 or b == 0:
        raise ArgumentError("K.batch_dot", f"axes={axes!r}", "axes behind that of the samples")
    y = call("batch_dot", x, y, axes=(a, b))
    return expand_dims(y, 1) if ndim(y) == 1 else y


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """x and a number for each channel."""
    first = (data_format or config.data_format()) == "channels_first"
    if first and ndim(x) > 2:
        bias = reshape(bias, (-1, *[1] * (ndim(x) - 2)))
    return call("add", x, bias)


def batch_normalization(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, epsilon: float = 1e-3) -> Any:
    """(x - mean) / sqrt(var + epsilon) gamma + beta."""
    scaled = call("divide", call("subtract", x, mean), sqrt(call("add", var, epsilon)))
    return call("add", call("multiply", scaled, gamma), beta)


def normalize_batch_in_training(x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3) -> Any:
    """``batch_normalization`` with mean and variance of the batch itself, which are given too."""
    axes = _axes(reduction_axes)
    m, v = mean(x, axes, True), var(x, axes, True)
    lengths = [1 if a in axes else n for a, n in enumerate(int_shape(x))]
    gamma, beta = (reshape(w, lengths) for w in (gamma, beta))
    return batch_normalization(x, m, v, beta, gamma, epsilon), mean(x, axes), var(x, axes)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two, number by number."""
    a, b = (e() if callable(e) else e for e in (then_expression, else_expression))
    return call("switch", condition, a, b)


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x in training, ``alt`` otherwise."""
    if training is None and (phase := settings.fixed_phase()) is not None:
        training = phase
    if training is None:
        training = call("phase")
        return switch(training, x, alt) if isinstance(training, Traced) else (alt() if callable(alt) else alt)
    chosen = x if training else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """``alt`` in training, x otherwise."""
    return in_train_phase(alt, x, training)


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether the target is among the k largest predictions."""
    return call("in_top_k", predictions, targets, k=int(k))


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None, *, std: float | None = None
) -> Any:
    """Normal numbers; Keras 1 called ``stddev`` ``std``."""
    if std is not None:
        told("K.random_normal(shape, std=...)", "K.random_normal(shape, stddev=...)")
        stddev = std
    return _random("random_normal", shape, dtype, lambda g, n: g.normal(mean, stddev, n), seed, mean=mean, stddev=stddev)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Uniform numbers."""
    return _random("random_uniform", shape, dtype, lambda g, n: g.uniform(minval, maxval, n), seed, low=minval, high=maxval)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Any:
    """1 with probability p, else 0."""
    return cast(less(random_uniform(shape, 0.0, 1.0, dtype, seed), p), "float32")


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Normal numbers, those beyond two standard deviations drawn again."""

    def draw(g: Any, n: Any) -> np.ndarray:
        values = g.normal(0.0, 1.0, n)
        while (outside := np.abs(values) > 2).any():
            values[outside] = g.normal(0.0, 1.0, int(outside.sum()))
        return mean + stddev * values

    lengths = tuple(shape)
    if builtins.any(isinstance(n, Traced) for n in lengths):
        raise ArgumentTypeError("K.truncated_normal", "a shape that is not known yet", "plain integers", "K.random_normal")
    return _random("", lengths, dtype, draw, seed)


def _random(op: str, shape: Any, dtype: Any, draw: Callable[..., Any], seed: int | None, **fixed: Any) -> Any:
    lengths = tuple(shape)
    if op:
        unknown = [n for n in lengths if isinstance(n, Traced)]
        made = call("phase") if not unknown else None
        if unknown or isinstance(made, Traced):  # in a function that is traced: drawn at every pass
            return call(op, *unknown, shape=tuple(None if isinstance(n, Traced) else int(n) for n in lengths), **fixed)
    if builtins.any(n is None for n in lengths):
        raise ArgumentTypeError("K.random_*", f"shape={lengths}", "lengths", "K.shape(x)[0] in place of None")
    return np.asarray(draw(generator(seed), tuple(int(n) for n in lengths)), dtype or config.dtype())


# -- losses ------------------------------------------------------------------------------------------------------------


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-sum_j t_j log p_j over the last axis: p divided by its sum and cut to epsilon and 1 - epsilon."""
    if from_logits:
        return call("softmax_cross_entropy", target, output)
    p = call("divide", output, sum(output, -1, True))
    p = clip(p, config.epsilon(), 1 - config.epsilon())
    return call("negative", sum(call("multiply", target, log(p)), -1))


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-log p_label: p cut to epsilon and 1 - epsilon, then divided by its sum."""
    classes = int_shape(output)[-1]
    labels = target
    if ndim(labels) == ndim(output):
        labels = squeeze(labels, ndim(labels) - 1)
    logits = output if from_logits else log(clip(output, config.epsilon(), 1 - config.epsilon()))
    return call("softmax_cross_entropy", cast(one_hot(labels, classes), "float32"), logits)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t log p - (1 - t) log(1 - p), number by number: p cut to epsilon and 1 - epsilon."""
    if not from_logits:
        p = clip(output, config.epsilon(), 1 - config.epsilon())
        output = log(call("divide", p, call("subtract", 1.0, p)))
    return call("sigmoid_cross_entropy", target, output)


def print_tensor(x: Any, message: str = "") -> Any:
    """Prints the numbers of an array. Raises ArgumentTypeError in functions of a layer, which have none yet."""
    if not isinstance(plain(x), (np.ndarray, np.generic, int, float)):
        raise ArgumentTypeError("K.print_tensor", described(x), "an array", "K.function([model.input], [layer.output])")
    print(message, plain(x))
    return x


__all__ = [name for name, found in globals().items() if getattr(found, "__module__", "") == __name__ and name[0] != "_"]
