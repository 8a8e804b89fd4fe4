"""Inputs for every op in ``minidl.ops``: one table, read by the tests and by the benchmarks.

>>> case = cases_of("pooling.max_pool")[0]
>>> args, kwargs = case.make(np.random.default_rng(0), np.float32)
>>> y, winners = case.function(*args, **kwargs)

Sizes: "tiny" also runs with the compiler switched off, "small" is checked against plain Python loops, "medium" (wider than
any vector, longer than any block) only against the reference.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.geometry import Window
from tests.cases import op_families
from tests.cases.op_case import CASES as CASES
from tests.cases.op_case import WIDTHS, Arguments, add, extremes, normal, op_function
from tests.cases.op_case import OpCase as OpCase
from tests.cases.op_case import all_ops as all_ops
from tests.cases.op_case import cases_of as cases_of

ACTIVATIONS = ("linear", "sign", "sigmoid", "tanh", "relu", "softplus", "leaky_relu", "elu", "hard_sigmoid")
ACTIVATIONS += ("selu", "softsign", "exponential", "swish", "gelu", "mish")
OF_X = ("swish", "gelu", "mish")  # activations whose gradient is a function of x; all others take y


def quiet_reference(op: str, *args: Any) -> Any:
    """The reference's result, used to make the inputs of gradients."""
    with np.errstate(all="ignore"):
        return op_function(op).reference(*args)


# --- activations -----------------------------------------------------------------------------------------------------

_ELEMENTWISE_SHAPES = [(n,) for n in WIDTHS] + [(0,), (0, 10), (2, 3, 5), (3, 17), (2, 5, 5, 3)]
# x / 6 + 1/2 near -3 is a difference; the cubic of the approximate gelu is large where the result is small
_CANCELS = ("hard_sigmoid", "approximate ")


def _activation_cases(name: str, options: tuple[Any, ...], note: str, **named: Any) -> None:
    def kept(x: np.ndarray) -> np.ndarray:
        return x if name in OF_X else quiet_reference(f"activation.{name}", x, *options)

    def on(shape: tuple[int, ...], spread: float = 3) -> Callable[..., Arguments]:
        return lambda rng, dtype: ((spread * normal(rng, dtype, *shape), *options), dict(named))

    def backwards(shape: tuple[int, ...]) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            return (normal(rng, dtype, *shape), kept(3 * normal(rng, dtype, *shape)), *options), dict(named)

        return make

    def backwards_extreme(rng: np.random.Generator, dtype: Any) -> Arguments:
        x_or_y = kept(extremes(dtype))
        return (normal(rng, dtype, *x_or_y.shape), x_or_y, *options), dict(named)

    exactness = "scaled" if name in _CANCELS or note in _CANCELS else "elementwise"
    for shape in _ELEMENTWISE_SHAPES:
        size = "tiny" if np.prod(shape) <= 33 else "small"
        add(f"activation.{name}", f"{note}{shape}", on(shape), size, exactness)
        add(f"activation.{name}_grad", f"{note}{shape}", backwards(shape), size)
    add(f"activation.{name}", f"{note}medium", on((64, 1023)), "medium", exactness)
    add(f"activation.{name}_grad", f"{note}medium", backwards((64, 1023)), "medium")
    everything = lambda rng, dtype: ((extremes(dtype), *options), dict(named))  # noqa: E731
    add(f"activation.{name}", f"{note}extremes", everything, "tiny", "scaled" if note in _CANCELS else "elementwise")
    add(f"activation.{name}_grad", f"{note}extremes", backwards_extreme, "tiny")


for _name in ACTIVATIONS:
    _activation_cases(_name, (), "")
_activation_cases("leaky_relu", (0.01,), "slope 0.01 ")
_activation_cases("leaky_relu", (0.0,), "slope 0 ")
_activation_cases("elu", (0.5,), "alpha 0.5 ")
_activation_cases("gelu", (), "approximate ", approximate=True)  # by name: so kernels take it


# --- convolution -----------------------------------------------------------------------------------------------------

# name, size, batch, spatial, window, channels, filters, groups
CONVOLUTIONS: list[tuple[str, str, int, tuple[int, ...], Window, int, int, int]] = [
    ("1d valid", "tiny", 2, (7,), Window((3,)), 2, 3, 1),
    ("1d window of one", "tiny", 2, (3,), Window((1,)), 3, 2, 1),
    ("1d window fills the input", "tiny", 1, (5,), Window((5,)), 1, 1, 1),
    ("1d same even stride 2", "small", 3, (6,), Window((3,), (2,), "same"), 2, 3, 1),
    ("1d same odd stride 2", "small", 3, (7,), Window((3,), (2,), "same"), 2, 3, 1),
    ("1d same even window", "small", 2, (13,), Window((4,), padding="same"), 3, 7, 1),
    ("1d dilation 3", "small", 2, (17,), Window((3,), dilation=(3,)), 3, 2, 1),
    ("1d same dilation 2", "small", 2, (17,), Window((3,), padding="same", dilation=(2,)), 2, 2, 2),
    ("1d same window longer than input", "tiny", 2, (2,), Window((5,), padding="same"), 2, 2, 1),
    ("1d stride longer than window", "small", 2, (13,), Window((2,), (5,)), 3, 2, 1),
    ("2d valid 3x3", "tiny", 1, (4, 5), Window((3, 3)), 1, 2, 1),
    ("2d same 3x3 one tile of 6x6", "tiny", 1, (4, 4), Window((3, 3), padding="same"), 2, 3, 1),
    ("2d valid 5x5 one tile of 6x6", "tiny", 1, (6, 6), Window((5, 5)), 2, 3, 1),
    ("2d same 3x3 tiles cut off", "small", 2, (9, 14), Window((3, 3), padding="same"), 17, 70, 1),
    ("2d valid 5x5 tiles cut off", "small", 2, (15, 9), Window((5, 5)), 13, 9, 1),
    ("2d same 5x5 odd", "small", 2, (7, 7), Window((5, 5), padding="same"), 1, 3, 1),
    ("2d same 2x2 even", "small", 2, (4, 6), Window((2, 2), padding="same"), 3, 2, 1),
    ("2d same 2x2 odd", "small", 2, (5, 7), Window((2, 2), padding="same"), 2, 2, 1),
    ("2d unequal window and strides", "small", 2, (9, 8), Window((3, 2), (2, 3)), 3, 2, 1),
    ("2d same unequal strides", "small", 2, (7, 8), Window((3, 4), (3, 2), "same"), 2, 3, 1),
    ("2d same dilation", "small", 2, (9, 7), Window((3, 2), (1, 1), "same", (2, 3)), 2, 3, 1),
    ("2d valid stride and dilation", "small", 1, (11, 9), Window((3, 3), (2, 2), "valid", (2, 2)), 2, 2, 1),
    ("2d 1x1", "small", 2, (5, 3), Window((1, 1)), 7, 5, 1),
    ("2d 1x1 stride 2", "small", 2, (5, 4), Window((1, 1), (2, 2), "same"), 3, 3, 1),
    ("2d two groups", "small", 2, (5, 5), Window((3, 3), padding="same"), 4, 6, 2),
    ("2d depthwise", "small", 2, (5, 4), Window((3, 3), padding="same"), 5, 5, 5),
    ("2d depthwise times two", "small", 1, (4, 4), Window((2, 2)), 3, 6, 3),
    ("2d batch 0", "tiny", 0, (5, 5), Window((3, 3), padding="same"), 2, 3, 1),
    ("2d batch 0 groups", "tiny", 0, (5, 5), Window((3, 3)), 2, 4, 2),
    ("2d batch 1 image of one", "tiny", 1, (1, 1), Window((3, 3), padding="same"), 2, 2, 1),
    ("2d 13 channels 17 filters", "small", 1, (3, 4), Window((2, 2)), 13, 17, 1),
    ("2d 31 channels 33 filters", "small", 1, (3, 3), Window((2, 2)), 31, 33, 1),
    ("2d 33 channels 31 filters", "small", 1, (2, 3), Window((1, 2)), 33, 31, 1),
    ("2d 1 channel 50 filters", "small", 1, (4, 4), Window((3, 3)), 1, 50, 1),
    ("2d 50 channels 1 filter", "small", 2, (3, 3), Window((3, 3)), 50, 1, 1),
    ("3d valid", "tiny", 1, (3, 3, 4), Window((2, 2, 3)), 1, 2, 1),
    ("3d same stride 2", "small", 1, (4, 3, 5), Window((3, 2, 3), (2, 1, 2), "same"), 2, 2, 1),
    ("3d dilation groups", "small", 1, (4, 4, 5), Window((2, 2, 2), (1, 1, 1), "valid", (2, 1, 3)), 2, 4, 2),
    ("2d first layer of LeNet", "medium", 3, (28, 28), Window((5, 5), padding="same"), 1, 20, 1),
    ("2d second layer of LeNet", "medium", 5, (14, 14), Window((5, 5), padding="same"), 20, 50, 1),
    ("2d 3x3 32 to 64", "medium", 3, (13, 11), Window((3, 3)), 32, 64, 1),
    ("2d 3x3 stride 2 33 to 17", "medium", 2, (17, 15), Window((3, 3), (2, 2), "same"), 33, 17, 1),
    ("3d spectral", "medium", 1, (7, 7, 36), Window((3, 3, 5)), 8, 16, 1),
]


def _convolution_cases(
    name: str, size: str, n: int, spatial: tuple[int, ...], window: Window, c: int, f: int, groups: int
) -> None:
    out = window.output_shape(spatial)
    kernel = (*window.size, c // groups, f)

    def forwards(with_bias: bool, activation: str = "linear") -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            x, W = normal(rng, dtype, n, *spatial, c), normal(rng, dtype, *kernel)
            return (x, W, normal(rng, dtype, f) if with_bias else None, window, groups, activation), {}

        return make

    def to_x(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, *out, f), normal(rng, dtype, *kernel), spatial, window, groups), {}

    def to_W(into: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            args = normal(rng, dtype, n, *spatial, c), normal(rng, dtype, n, *out, f), window, groups
            return args, ({"out": np.full(kernel, np.nan, dtype)} if into else {})

        return make

    def patches(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, *out, window.taps, c), spatial, window), {}

    add("convolution.convolve", f"{name}, bias", forwards(True), size)
    add("convolution.convolve", f"{name}, no bias", forwards(False), size)
    add("convolution.convolve", f"{name}, bias, relu", forwards(True, "relu"), size)
    add("convolution.convolve", f"{name}, no bias, relu", forwards(False, "relu"), size)
    add("convolution.convolve_grad_x", name, to_x, size)
    add("convolution.convolve_grad_W", name, to_W(False), size)
    add("convolution.convolve_grad_W", f"{name}, into out", to_W(True), size)
    if groups == 1:
        add("convolution.unfold", name, lambda rng, dtype: ((normal(rng, dtype, n, *spatial, c), window), {}), size)
        add("convolution.fold", name, patches, size)


for _row in CONVOLUTIONS:
    _convolution_cases(*_row)


# --- pooling ---------------------------------------------------------------------------------------------------------

# name, size, batch, spatial, window, channels
POOLS: list[tuple[str, str, int, tuple[int, ...], Window, int]] = [
    ("1d", "tiny", 2, (6,), Window((2,), (2,)), 3),
    ("1d overlapping", "tiny", 2, (7,), Window((3,), (1,)), 2),
    ("1d 300 taps", "small", 1, (301,), Window((300,), (1,)), 2),
    ("1d dilation", "small", 2, (13,), Window((3,), (2,), "valid", (2,)), 3),
    ("2d 2x2", "tiny", 2, (4, 4), Window((2, 2), (2, 2)), 3),
    ("2d 2x2 odd", "small", 2, (5, 7), Window((2, 2), (2, 2)), 3),
    ("2d 2x2 same odd", "small", 2, (5, 7), Window((2, 2), (2, 2), "same"), 3),
    ("2d 3x3 stride 2", "small", 2, (7, 7), Window((3, 3), (2, 2)), 5),
    ("2d 3x3 stride 2 same even", "small", 2, (6, 8), Window((3, 3), (2, 2), "same"), 2),
    ("2d 3x3 stride 1 same", "small", 1, (4, 5), Window((3, 3), (1, 1), "same"), 2),
    ("2d unequal", "small", 1, (7, 9), Window((3, 2), (2, 4)), 2),
    ("2d stride longer than window", "small", 2, (8, 8), Window((2, 2), (3, 3)), 2),
    ("2d whole image", "small", 2, (5, 3), Window((5, 3), (5, 3)), 3),
    ("2d batch 0", "tiny", 0, (4, 4), Window((2, 2), (2, 2)), 3),
    ("2d batch 1 one pixel", "tiny", 1, (1, 1), Window((2, 2), (2, 2), "same"), 1),
    *[(f"2d {c} channels", "small", 1, (5, 5), Window((2, 2), (2, 2), "same"), c) for c in WIDTHS],
    ("3d spectral axis", "tiny", 1, (2, 2, 6), Window((1, 1, 3), (1, 1, 3)), 2),
    ("3d same", "small", 1, (3, 4, 5), Window((2, 3, 2), (2, 2, 2), "same"), 2),
    ("3d frames", "small", 1, (3, 4, 5), Window((1, 3, 2), (1, 2, 2), "same"), 2),
    ("3d first axis", "small", 2, (5, 2, 3), Window((2, 1, 1), (1, 1, 1), "same"), 2),
    ("3d middle axis", "small", 1, (2, 5, 3), Window((1, 3, 1), (1, 2, 1)), 3),
    ("3d first and last axis", "tiny", 1, (3, 2, 4), Window((2, 1, 2), (2, 1, 1), "same"), 2),
    ("3d every second", "tiny", 1, (2, 3, 4), Window((1, 1, 1), (1, 1, 2)), 2),
    ("3d of one position", "tiny", 1, (2, 1, 2), Window((1, 1, 1)), 2),
    ("3d dilation", "small", 1, (2, 3, 9), Window((1, 2, 3), (1, 1, 2), "valid", (1, 1, 2)), 2),
    ("3d batch 0", "tiny", 0, (2, 2, 4), Window((1, 1, 2), (1, 1, 2)), 3),
    ("3d batch 0 all axes", "tiny", 0, (2, 2, 4), Window((2, 2, 2), (2, 2, 2)), 3),
    ("2d LeNet", "medium", 5, (28, 28), Window((2, 2), (2, 2)), 20),
    ("2d overlapping", "medium", 3, (27, 25), Window((3, 3), (2, 2)), 33),
]


def _pooling_cases(name: str, size: str, n: int, spatial: tuple[int, ...], window: Window, c: int) -> None:
    out = window.output_shape(spatial)

    def plain(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, *spatial, c), window), {}

    def whole_numbers(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (rng.integers(0, 3, (n, *spatial, c)).astype(dtype), window), {}

    def backwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        winners = quiet_reference("pooling.max_pool", normal(rng, dtype, n, *spatial, c), window)[1]
        return (normal(rng, dtype, n, *out, c), winners, spatial, window), {}

    def share(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, *out, c), spatial, window), {}

    def special(value: float, everywhere: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            x = normal(rng, dtype, n, *spatial, c)
            return (np.where(everywhere | (rng.random(x.shape) < 0.3), dtype(value), x), window), {}

        return make

    add("pooling.max_pool", name, plain, size, "elementwise")
    add("pooling.max_pool", f"{name}, many ties", whole_numbers, size, "elementwise")
    add("pooling.max_pool_grad", name, backwards, size)
    add("pooling.average_pool", name, plain, size)
    add("pooling.average_pool_grad", name, share, size)
    for value in (0.0, -1.0, -np.inf):
        add("pooling.max_pool", f"{name}, all {value}", special(value, True), size, "elementwise")
    for value in (np.nan, np.inf, -np.inf):
        add("pooling.max_pool", f"{name}, some {value}", special(value, False), size, "elementwise")
    add("pooling.max_pool", f"{name}, all nan", special(np.nan, True), size, "elementwise")
    add("pooling.average_pool", f"{name}, some nan", special(np.nan, False), size)


for _row_of_pool in POOLS:
    _pooling_cases(*_row_of_pool)


# --- the affine map --------------------------------------------------------------------------------------------------

# size, axes before the last, inputs, outputs
_AFFINE: list[tuple[str, tuple[int, ...], int, int]] = [
    ("tiny", (1,), 1, 1),
    ("tiny", (2,), 3, 2),
    ("tiny", (0,), 3, 2),
    ("tiny", (), 3, 5),
    ("small", (2, 3), 7, 5),
    ("small", (1, 2, 3), 4, 3),
    *[("small", (3,), n, 7) for n in WIDTHS],
    *[("small", (7,), 5, n) for n in WIDTHS],
    ("medium", (128,), 784, 10),
    ("medium", (33,), 129, 65),
]


def _affine_cases(size: str, before: tuple[int, ...], inputs: int, outputs: int) -> None:
    name = f"{before} {inputs} to {outputs}"

    def forwards(with_bias: bool, activation: str = "linear") -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            x, W = normal(rng, dtype, *before, inputs), normal(rng, dtype, inputs, outputs)
            return (x, W, normal(rng, dtype, outputs) if with_bias else None, activation), {}

        return make

    def to_W(into: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            args = normal(rng, dtype, *before, inputs), normal(rng, dtype, *before, outputs)
            return args, ({"out": np.full((inputs, outputs), np.nan, dtype)} if into else {})

        return make

    def to_b(into: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            return (normal(rng, dtype, *before, outputs),), ({"out": np.full(outputs, np.nan, dtype)} if into else {})

        return make

    def to_x(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *before, outputs), normal(rng, dtype, inputs, outputs)), {}

    add("linear.dense", f"{name}, bias", forwards(True), size)
    add("linear.dense", f"{name}, no bias", forwards(False), size)
    add("linear.dense", f"{name}, bias, relu", forwards(True, "relu"), size)
    add("linear.dense", f"{name}, no bias, relu", forwards(False, "relu"), size)
    add("linear.dense_grad_x", name, to_x, size)
    add("linear.dense_grads", name, to_W(into=False), size)
    for into in (False, True):
        note = ", into out" if into else ""
        add("linear.dense_grad_W", name + note, to_W(into), size)
        add("linear.bias_grad", name + note, to_b(into), size)


for _row_of_affine in _AFFINE:
    _affine_cases(*_row_of_affine)
for _rows, _units in ((32, 6), (40, 10), (48, 4)):  # several rows are whole vectors
    add("linear.bias_grad", f"{_rows} of {_units}", lambda r, d, shape=(_rows, _units): ((normal(r, d, *shape),), {}))
add("linear.bias_grad", "image", lambda rng, dtype: ((normal(rng, dtype, 2, 5, 3, 7),), {}))
add("linear.bias_grad", "large image", lambda rng, dtype: ((normal(rng, dtype, 9, 28, 28, 20),), {}), "medium")


# --- softmax and losses ----------------------------------------------------------------------------------------------

_ROWS: list[tuple[str, tuple[int, ...]]] = [
    ("tiny", (1, 1)),
    ("tiny", (3, 2)),
    ("tiny", (0, 10)),
    ("tiny", (1, 10)),
    ("small", (50, 10)),
    ("small", (2, 3, 5)),
    *[("small", rows) for rows in ((11, 4), (7, 8))],  # several to a vector
    *[("small", (3, n)) for n in WIDTHS],
    ("medium", (33, 1000)),
    ("medium", (128, 10)),
    ("medium", (1001, 21)),
]


def one_hot(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of zeros and a single one."""
    return np.eye(shape[-1], dtype=dtype)[rng.integers(0, shape[-1], shape[:-1])]


def soft_targets(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of positive numbers that sum to one."""
    return quiet_reference("softmax.softmax", normal(rng, dtype, *shape))


def log_probabilities(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Logarithms of rows of positive numbers that sum to one."""
    return quiet_reference("softmax.log_softmax", 3 * normal(rng, dtype, *shape))


def extreme_logits(dtype: Any) -> np.ndarray:
    """Finite rows of three from one end of the number line to the other."""
    largest, tiny = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_subnormal)
    rows = [
        (1e4, 0, 0),
        (-1e4, 0, 1e4),
        (1e38, -1e38, 0),
        (1e38, 1e38, 1e38),
        (-1e38, -1e38, -1e38),
        (largest, -largest, 0),
        (-largest, -largest, largest),
        (tiny, -tiny, 0),
        (88, 0, -88),
        (104, 0, 710),
        (0, 0, 0),
        (-0.0, 1e-20, -1e-20),
    ]
    return np.array(rows, dtype)


def broken_logits(dtype: Any) -> np.ndarray:
    """Rows with infinities and NaN."""
    rows = [(np.nan, 0, 1), (np.inf, 0, 1), (np.inf, np.inf, 0), (-np.inf, 0, 1), (-np.inf, -np.inf, -np.inf), (1, 2, 3)]
    return np.array(rows, dtype)


def finite_column(dtype: Any) -> np.ndarray:
    """Every kind of finite number as logits of one output each, and NaN; an infinite logit times a target of 0 is NaN."""
    numbers = extremes(dtype)
    return numbers[~np.isinf(numbers)][:, None]


def _loss_cases(size: str, shape: tuple[int, ...]) -> None:
    samples = int(np.prod(shape[:-1]))

    def scales(rng: np.random.Generator, dtype: Any, kind: str) -> Any:
        return 1 / max(samples, 1) if kind == "number" else rng.random((*shape[:-1], 1)).astype(dtype)

    def forwards(targets: Callable[..., np.ndarray]) -> Callable[..., Arguments]:
        return lambda rng, dtype: ((3 * normal(rng, dtype, *shape), targets(rng, dtype, shape)), {})

    def backwards(targets: Callable[..., np.ndarray], kind: str) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            p = soft_targets(rng, dtype, shape)
            return (p, targets(rng, dtype, shape), scales(rng, dtype, kind)), {}

        return make

    def labels(rng: np.random.Generator, dtype: Any, kind: Any = np.int64) -> np.ndarray:
        return rng.integers(0, min(shape[-1], 256), shape[:-1]).astype(kind)

    def cut(rng: np.random.Generator, dtype: Any) -> np.ndarray:
        p = rng.random(shape) * 0.98 + 0.01
        return np.where(rng.random(shape) < 0.1, rng.integers(0, 2, shape), p).astype(dtype)  # some exactly 0 or 1

    def unnormalized(rng: np.random.Generator, dtype: Any) -> np.ndarray:
        return np.where(rng.random(shape) < 0.1, 0, 2 * rng.random(shape) + 0.1).astype(dtype)

    def with_a_positive(p: np.ndarray) -> np.ndarray:
        p[..., 0] += 0.5  # no row may be zero throughout: its sum divides
        return p

    add("mean.part_of_sum", str(shape), lambda rng, dtype: ((normal(rng, dtype, *shape), max(shape[0], 1)), {}), size)
    add("softmax.softmax", str(shape), lambda rng, dtype: ((3 * normal(rng, dtype, *shape),), {}), size, "elementwise")
    add("softmax.softmax_grad", str(shape), lambda r, d: ((normal(r, d, *shape), soft_targets(r, d, shape)), {}), size)
    add("softmax.log_softmax", str(shape), lambda rng, dtype: ((3 * normal(rng, dtype, *shape),), {}), size, "unit")
    add("softmax.log_softmax_grad", str(shape), lambda r, d: ((normal(r, d, *shape), log_probabilities(r, d, shape)), {}), size)
    for note, targets in (("one-hot", one_hot), ("soft", soft_targets)):
        for op in ("softmax_cross_entropy", "sigmoid_cross_entropy"):
            add(f"cross_entropy.{op}", f"{shape}, {note}", forwards(targets), size)
        for kind in ("number", "array"):
            for op in ("softmax_cross_entropy_grad", "sigmoid_cross_entropy_grad"):
                add(f"cross_entropy.{op}", f"{shape}, {note}, scale a {kind}", backwards(targets, kind), size)
    for kind in (np.int64, np.int32, np.uint8):
        add(
            "cross_entropy.sparse_softmax_cross_entropy",
            f"{shape}, {kind.__name__}",
            lambda r, d, kind=kind: ((3 * normal(r, d, *shape), labels(r, d, kind)), {}),
            size,
        )
    for kind in ("number", "array"):
        add(
            "cross_entropy.sparse_softmax_cross_entropy_grad",
            f"{shape}, scale a {kind}",
            lambda r, d, kind=kind: ((soft_targets(r, d, shape), labels(r, d), scales(r, d, kind)), {}),
            size,
        )
        add(
            "cross_entropy.probability_cross_entropy_grad",
            f"{shape}, scale a {kind}",
            lambda r, d, k=kind: ((with_a_positive(unnormalized(r, d)), one_hot(r, d, shape), scales(r, d, k), 1e-7), {}),
            size,
        )
        add(
            "cross_entropy.binary_cross_entropy_grad",
            f"{shape}, scale a {kind}",
            lambda r, d, k=kind: ((cut(r, d), r.integers(0, 2, shape).astype(d), scales(r, d, k), 1e-7), {}),
            size,
        )
        add(
            "squared_error.squared_error_grad",
            f"{shape}, scale a {kind}",
            lambda r, d, k=kind: ((normal(r, d, *shape), normal(r, d, *shape), scales(r, d, k)), {}),
            size,
        )
    add(
        "cross_entropy.probability_cross_entropy",
        str(shape),
        lambda r, d: ((with_a_positive(unnormalized(r, d)), soft_targets(r, d, shape), 1e-7), {}),
        size,
        "unit",
    )
    add(
        "cross_entropy.binary_cross_entropy",
        str(shape),
        lambda r, d: ((cut(r, d), r.integers(0, 2, shape).astype(d), 1e-3), {}),
        size,
    )
    add(
        "squared_error.squared_error",
        str(shape),
        lambda r, d: ((normal(r, d, *shape), normal(r, d, *shape)), {}),
        size,
    )


for _row_of_loss in _ROWS:
    _loss_cases(*_row_of_loss)

# op, what else it takes, predictions, targets, how exact its value can be
_OTHER_LOSSES: list[tuple[str, tuple[Any, ...], str, str, str]] = [
    ("squared_error.sum_squared_error", (), "numbers", "numbers", "scaled"),
    ("absolute_error.absolute_error", (), "numbers", "numbers", "scaled"),
    ("percentage_error.percentage_error", (1e-7,), "numbers", "numbers", "scaled"),
    ("percentage_error.percentage_error", (1e-7,), "numbers", "counts", "scaled"),
    ("logarithmic_error.squared_logarithmic_error", (1e-7,), "numbers", "counts", "unit"),
    ("huber.huber", (1.0,), "numbers", "numbers", "scaled"),
    ("huber.huber", (0.3,), "numbers", "numbers", "scaled"),
    ("log_cosh.log_cosh", (), "numbers", "numbers", "elementwise"),
    ("kl_divergence.kl_divergence", (1e-7,), "soft", "soft", "unit"),
    ("kl_divergence.kl_divergence", (1e-3,), "certain", "one-hot", "unit"),
    ("poisson.poisson", (1e-7,), "positive", "counts", "unit"),
    ("hinge.hinge", (), "numbers", "signs", "scaled"),
    ("hinge.squared_hinge", (), "numbers", "signs", "scaled"),
    ("categorical_hinge.categorical_hinge", (), "numbers", "one-hot", "scaled"),
    ("categorical_hinge.categorical_hinge", (), "numbers", "soft", "scaled"),
    ("cosine_similarity.cosine_similarity", (1e-7,), "numbers", "numbers", "unit"),
    ("cosine_similarity.cosine_similarity", (2.0,), "numbers", "numbers", "unit"),
    ("binary_focal.binary_focal", (None, 2.0, 1e-2), "certain", "bits", "unit"),
    ("binary_focal.binary_focal", (0.25, 1.0, 2e-2), "certain", "soft", "unit"),
    ("binary_focal.sigmoid_focal", (None, 2.0), "numbers", "bits", "unit"),
    ("binary_focal.sigmoid_focal", (0.7, 0.5), "numbers", "soft", "unit"),
    ("categorical_focal.probability_focal", (0.25, 2.0, 1e-7), "positive", "one-hot", "unit"),
    ("categorical_focal.probability_focal", ("each", 0.5, 1e-3), "positive", "soft", "unit"),
    ("categorical_focal.softmax_focal", (0.25, 2.0), "numbers", "one-hot", "unit"),
    ("categorical_focal.softmax_focal", ("each", 1.0), "numbers", "soft", "unit"),
]


def _drawn(kind: str, rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "numbers":
        return 2 * normal(rng, dtype, *shape)
    if kind in ("soft", "one-hot"):
        return (soft_targets if kind == "soft" else one_hot)(rng, dtype, shape)
    if kind in ("bits", "signs"):
        return (rng.integers(0, 2, shape) * (2 if kind == "signs" else 1) - (kind == "signs")).astype(dtype)
    if kind == "counts":
        return rng.integers(0, 4, shape).astype(dtype)
    if kind == "certain":  # some exactly 0 or 1
        return np.where(rng.random(shape) < 0.1, rng.integers(0, 2, shape), rng.random(shape) * 0.98 + 0.01).astype(dtype)
    return (rng.random(shape) * 3 + 0.05).astype(dtype)


def _other_loss_cases(size: str, shape: tuple[int, ...], op: str, options: tuple[Any, ...], *kinds: str) -> None:
    predictions, targets, compare = kinds
    options = tuple(tuple(0.5 + 0.25 * (j % 4) for j in range(shape[-1])) if o == "each" else o for o in options)
    name = f"{shape}, {predictions}, {targets}, {options if len(str(options)) < 30 else 'weights of classes'}"

    def forwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (_drawn(predictions, rng, dtype, shape), _drawn(targets, rng, dtype, shape), *options), {}

    def backwards(array: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            scale = rng.random((*shape[:-1], 1)).astype(dtype) if array else 0.125
            return (_drawn(predictions, rng, dtype, shape), _drawn(targets, rng, dtype, shape), scale, *options), {}

        return make

    add(op, name, forwards, size, compare)
    exactness = "unit" if op.startswith("cosine") else "scaled"  # a difference, 0 for vectors of one number
    add(f"{op}_grad", f"{name}, scale a number", backwards(False), size, exactness)
    add(f"{op}_grad", f"{name}, scale an array", backwards(True), size, exactness)


for _row_of_loss in _ROWS:
    if _row_of_loss[1] in ((1, 1), (3, 2), (0, 10), (50, 10), (2, 3, 5), (3, 33), (33, 1000)):
        for _other in _OTHER_LOSSES:
            _other_loss_cases(*_row_of_loss, *_other)

add(
    "cross_entropy.sparse_softmax_cross_entropy",
    "labels of no class",
    lambda rng, dtype: ((normal(rng, dtype, 4, 3), np.array([-1, 0, 3, 2**40])), {}),
    "tiny",
)
for _note, _logits in (("extremes", extreme_logits), ("infinities and NaN", broken_logits)):
    add("softmax.softmax", _note, lambda rng, dtype, z=_logits: ((z(dtype),), {}), "tiny", "elementwise")
    add("softmax.log_softmax", _note, lambda rng, dtype, z=_logits: ((z(dtype),), {}), "tiny", "unit")
    for _class in range(3):
        add(
            "cross_entropy.softmax_cross_entropy",
            f"{_note}, class {_class}",
            lambda rng, dtype, f=_logits, k=_class: ((f(dtype), np.eye(3, dtype=dtype)[[k] * len(f(dtype))]), {}),
            "tiny",
            "unit",
        )
        add(
            "cross_entropy.sparse_softmax_cross_entropy",
            f"{_note}, class {_class}",
            lambda rng, dtype, f=_logits, k=_class: ((f(dtype), np.full(len(f(dtype)), k)), {}),
            "tiny",
            "unit",
        )
for _target in (0, 1):
    add(
        "cross_entropy.sigmoid_cross_entropy",
        f"extremes, target {_target}",
        lambda rng, dtype, t=_target: ((finite_column(dtype), np.full_like(finite_column(dtype), t)), {}),
        "tiny",
        "unit",
    )
add(
    "cross_entropy.probability_cross_entropy",
    "certain and wrong",
    lambda rng, dtype: ((np.array([[1, 0], [0, 1], [0.5, 0.5]], dtype), np.array([[1, 0], [1, 0], [0, 1]], dtype), 1e-7), {}),
    "tiny",
)


# --- batch normalisation ---------------------------------------------------------------------------------------------

_NORMALIZED: list[tuple[str, tuple[int, ...], float]] = [
    ("tiny", (2, 1), 0),
    ("tiny", (1, 3), 0),
    ("tiny", (3, 2, 2), 0),
    ("small", (5, 4, 3, 7), 0),
    ("small", (50, 7), 1000),  # far from zero: one pass of sum and sum of squares would lose every digit
    *[("small", (7, n), 0) for n in WIDTHS],
    ("medium", (32, 14, 14, 20), 0),
    ("medium", (16, 31, 33), -3),
]


def _normalization_cases(size: str, shape: tuple[int, ...], offset: float) -> None:
    c = shape[-1]
    name = f"{shape} around {offset}"

    def given(rng: np.random.Generator, dtype: Any, affine: bool) -> tuple[Any, ...]:
        x = offset + normal(rng, dtype, *shape)
        mean, variance = quiet_reference("normalization.moments", x)
        gamma, beta = (normal(rng, dtype, c), normal(rng, dtype, c)) if affine else (None, None)
        return x, mean, variance, gamma, beta

    def backwards(affine: bool, of_batch: bool, activation: str) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            x, mean, variance, gamma, beta = given(rng, dtype, affine)
            arguments = normal(rng, dtype, *shape), x, mean, variance, gamma, 1e-3, of_batch
            return (*arguments, *((beta, "relu") if activation == "relu" else ())), {}

        return make

    add("normalization.moments", name, lambda rng, dtype: ((offset + normal(rng, dtype, *shape),), {}), size)
    for affine in (True, False):
        note = f"{name}, {'gamma and beta' if affine else 'neither'}"
        add("normalization.normalize", note, lambda rng, dtype, a=affine: ((*given(rng, dtype, a), 1e-3), {}), size)
        with_relu = lambda rng, dtype, a=affine: ((*given(rng, dtype, a), 1e-3, "relu"), {})  # noqa: E731
        add("normalization.normalize", f"{note}, relu", with_relu, size)
        for of_batch in (True, False):
            for activation in ("linear", "relu"):
                kind = f"{'batch' if of_batch else 'fixed'}, {activation}"
                add("normalization.normalize_grad", f"{note}, {kind}", backwards(affine, of_batch, activation), size, "unit")


for _size, _channels in (("tiny", 0), ("tiny", 1), ("small", 19), ("medium", 2048)):
    add(
        "normalization.moved",
        f"{_channels} channels",
        lambda rng, dtype, c=_channels: ((normal(rng, dtype, c), normal(rng, dtype, c), 0.9), {}),
        _size,
    )
for _size, _shape, _factor, _shift in (
    ("tiny", (0, 3), 2.0, 0.0),
    ("tiny", (2, 3), -0.5, 1.0),
    ("small", (3, 5, 7), 1 / 255, 0.0),
    ("medium", (64, 33, 31), 2.0, -1.0),
):
    add(
        "rescaling.rescale",
        f"{_shape} times {_factor:.3g} and {_shift}",
        lambda rng, dtype, given=(_shape, _factor, _shift): (
            (normal(rng, dtype, *given[0]),),
            {"scale": given[1], "offset": given[2]},
        ),
        _size,
    )
for _row_of_normalized in _NORMALIZED:
    _normalization_cases(*_row_of_normalized)
add(
    "normalization.normalize",
    "batch 0",
    lambda r, d: ((normal(r, d, 0, 3), normal(r, d, 3), np.ones(3, d), normal(r, d, 3), normal(r, d, 3), 1e-3), {}),
    "tiny",
)


# --- dropout, rows by index, joining -----------------------------------------------------------------------------------


def _dropout_cases(size: str, shape: tuple[int, ...], mask_shape: tuple[int, ...], rate: float) -> None:
    def forwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        key, step, call = (1671, 2), np.array([5], np.int64), 1
        return (normal(rng, dtype, *shape), rate, key, step, call, mask_shape), {}

    def backwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *shape), rng.random(mask_shape) >= rate, rate), {}

    name = f"{shape} mask {mask_shape} rate {rate}"
    add("dropout.dropout", name, forwards, size, "elementwise")
    add("dropout.dropout_grad", name, backwards, size, "elementwise")


for _width in WIDTHS:
    _dropout_cases("tiny", (_width,), (_width,), 0.5)
for _rate in (0.0, 0.1, 0.25, 0.9, 0.999, 1.0):
    _dropout_cases("small", (3, 17), (3, 17), _rate)
_dropout_cases("tiny", (0, 5), (0, 5), 0.5)
_dropout_cases("tiny", (2, 3, 5), (2, 1, 5), 0.5)
_dropout_cases("small", (3, 4, 4, 7), (3, 1, 1, 7), 0.3)
_dropout_cases("small", (3, 7), (1, 7), 0.3)
_dropout_cases("medium", (128, 513), (128, 513), 0.3)


def _gather_cases(size: str, shape: tuple[int, ...], count: int, kind: Any) -> None:
    def make(rng: np.random.Generator, dtype: Any) -> Arguments:
        x = rng.integers(0, 256, shape).astype(kind) if np.dtype(kind).kind in "iu" else normal(rng, kind, *shape)
        return (x, rng.integers(0, shape[0], count), np.dtype(dtype).name), {}

    def with_others(rng: np.random.Generator, dtype: Any) -> Arguments:
        (x, indices, dtype), options = make(rng, dtype)
        if x.dtype.kind == "f" and x.size and rng.random() < 0.5:
            x[tuple(rng.integers(0, x.shape))] = rng.choice([np.nan, np.inf, -np.inf, np.finfo(np.float32).max])
        return (x, indices, dtype), options

    name = f"{count} of {shape} {np.dtype(kind).name}"
    add("gather.gather", name, make, size, "elementwise")
    add("gather.gather_and_look", name, with_others, size, "elementwise")


def _embedding_cases(size: str, shape: tuple[int, ...], rows: int, units: int) -> None:
    def forwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (rng.integers(-1, rows + 1, shape), normal(rng, dtype, rows, units)), {}

    def backwards(into: bool) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            out = {"out": np.full((rows, units), np.nan, dtype)} if into else {}
            return (rng.integers(-1, rows + 1, shape), normal(rng, dtype, *shape, units), rows), out

        return make

    name = f"{shape} of {rows} x {units}"
    add("embedding.embed", name, forwards, size)
    add("embedding.embed_grad_W", name, backwards(False), size)
    add("embedding.embed_grad_W", f"{name}, into out", backwards(True), size)
    add("embedding.embed_grad_rows", name, backwards(False), size)


for _shape in ((7,), (3, 5), (2, 3, 2), (0, 3)):
    _embedding_cases("tiny", _shape, 4, 3)
_embedding_cases("small", (13, 11), 17, 5)
_embedding_cases("small", (13, 30), 4100, 2)  # so many rows that some are neighbours in one share of the work
_embedding_cases("medium", (50, 40), 200, 33)
_embedding_cases("medium", (5000,), 1, 33)  # one row, thousands of times
_embedding_cases("medium", (300,), 5000, 300)  # most rows once, so many numbers that threads share them

for _kind in (np.uint8, np.int16, np.int64, np.float32, np.float64):
    _gather_cases("tiny", (5, 3), 7, _kind)
    _gather_cases("small", (13, 5, 3, 1), 17, _kind)
    _gather_cases("tiny", (5,), 3, _kind)
    _gather_cases("tiny", (5, 3), 0, _kind)
for _width in WIDTHS:
    _gather_cases("tiny", (3, _width), 3, np.uint8)
_gather_cases("medium", (500, 28, 28), 128, np.uint8)
_gather_cases("medium", (500, 785), 127, np.float32)

for _count in (2, 3, 5):
    for _shape in [(n,) for n in WIDTHS] + [(0, 3), (2, 3, 5)]:
        add(
            "merge.add",
            f"{_count} of {_shape}",
            lambda rng, dtype, k=_count, shape=_shape: (tuple(normal(rng, dtype, *shape) for _ in range(k)), {}),
            "tiny",
        )
add("merge.add", "2 of medium", lambda rng, dtype: (tuple(normal(rng, dtype, 33, 1025) for _ in range(2)), {}), "medium")


# --- optimizers ------------------------------------------------------------------------------------------------------


def _update_cases(size: str, n: int) -> None:
    def make(slots: int, positive: int, *constants: Any, scalars: tuple[float, ...] = (0.01,)) -> Callable[..., Arguments]:
        """value, grad, ``slots`` state arrays of which the last ``positive`` are squares, scalars, constants."""

        def draw(rng: np.random.Generator, dtype: Any) -> Arguments:
            arrays = [normal(rng, dtype, n) for _ in range(2 + slots)]
            arrays[len(arrays) - positive :] = [a * a for a in arrays[len(arrays) - positive :]]
            return (*arrays, np.array(scalars, dtype), *constants), {}

        return draw

    def centered(*constants: Any) -> Callable[..., Arguments]:
        """Squares that are no smaller than the mean's square, as running means are, and some that rounding made smaller."""

        def draw(rng: np.random.Generator, dtype: Any) -> Arguments:
            value, grad, mean, velocity = (normal(rng, dtype, n) for _ in range(4))
            square = mean * mean * (1 + rng.random(n).astype(dtype))
            grad[::3], square[::3] = mean[::3], 0
            row = (value, grad, square, mean, velocity)[: 3 + len(constants) - 1]
            return (*row, np.array([0.01], dtype), *constants), {}

        return draw

    def draw_decay(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n), np.array([0.003], dtype)), {}

    add("update.decay", f"{n}", draw_decay, size, writes=(0,))
    add("update.sgd", f"{n}", make(0, 0), size, writes=(0,))
    for momentum in (0.9, 0.5):
        add("update.momentum", f"{n}, {momentum}", make(1, 0, momentum, False), size, writes=(0, 2))
        add("update.momentum", f"{n}, {momentum} Nesterov", make(1, 0, momentum, True), size, writes=(0, 2))
    add("update.rmsprop", f"{n}", make(1, 1, 0.9, 1e-7), size, writes=(0, 2))
    add("update.rmsprop_momentum", f"{n}", make(2, 2, 0.9, 1e-7, 0.8), size, writes=(0, 2, 3))
    add("update.rmsprop_centered", f"{n}", centered(0.9, 1e-3), size, writes=(0, 2, 3))
    add("update.rmsprop_centered_momentum", f"{n}", centered(0.9, 1e-3, 0.8), size, writes=(0, 2, 3, 4))
    add("update.adam", f"{n}", make(2, 1, 0.9, 0.999, 1e-7), size, writes=(0, 2, 3))
    add("update.amsgrad", f"{n}", make(3, 2, 0.9, 0.7, 1e-7), size, writes=(0, 2, 3, 4))
    add("update.adamax", f"{n}", make(2, 1, 0.9, 0.8, 1e-7), size, writes=(0, 2, 3))
    nadam = make(2, 1, 0.9, 0.999, 1e-7, scalars=(0.01, 0.7, 0.4, 1.5))
    add("update.nadam", f"{n}", nadam, size, writes=(0, 2, 3))
    add("update.adagrad", f"{n}", make(1, 1, 1e-7), size, writes=(0, 2))
    add("update.rmsprop_outside", f"{n}", make(1, 1, 0.9, 1e-3), size, writes=(0, 2))
    add("update.adagrad_outside", f"{n}", make(1, 1, 1e-3), size, writes=(0, 2))
    add("update.adadelta", f"{n}", make(2, 2, 0.95, 1e-7), size, writes=(0, 2, 3))


def _gradient_cases(size: str, n: int) -> None:
    def penalized(l1: float, l2: float) -> Callable[..., Arguments]:
        def draw(rng: np.random.Generator, dtype: Any) -> Arguments:
            value, grad = normal(rng, dtype, n), normal(rng, dtype, n)
            value[::3] = 0
            return (value, grad, np.array([l1, 2 * l2], dtype)), {}

        return draw

    def clipped(rng: np.random.Generator, dtype: Any) -> Arguments:
        grad = normal(rng, dtype, n)
        if n > 2:
            grad[:2] = np.inf, -np.inf
        return (grad, np.array([0.5], dtype)), {}

    def squared(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n) * dtype(1e30), np.array([2.0])), {}

    for l1, l2 in ((0.1, 0.0), (0.0, 0.3), (0.2, 0.05)):
        add("gradients.penalize", f"{n}, l1={l1}, l2={l2}", penalized(l1, l2), size, writes=(1,))
        draw = lambda rng, dtype, l1=l1, l2=l2: ((normal(rng, dtype, n), np.array([l1, l2]), np.array([2.0])), {})  # noqa: E731
        add("penalty.add_penalty", f"{n}, l1={l1}, l2={l2}", draw, size, writes=(2,))
    add("gradients.clip", f"{n}", clipped, size, writes=(0,))
    add("gradients.add_squares", f"{n}", squared, size, writes=(1,))
    for factor in (1.0, 0.3):
        draw = lambda rng, dtype, factor=factor: ((normal(rng, dtype, n), np.array([factor])), {})  # noqa: E731
        add("gradients.scale", f"{n}, {factor}", draw, size, writes=(0,))


for _width in (0, *WIDTHS):
    _update_cases("tiny", _width)
    _gradient_cases("tiny", _width)
for _size in ("tiny", "medium"):
    add("penalty.with_penalty", f"one loss, {_size}", lambda rng, dtype: ((normal(rng, dtype, 1), np.array([0.25])), {}), _size)
    for _total in (0.0, 0.01, 4.0, 25.0, np.inf):
        _draw = lambda rng, dtype, total=_total: ((np.array([total]), 2.0), {})  # noqa: E731
        add("gradients.factor_within", f"{_total}, {_size}", _draw, _size)
_update_cases("medium", 100_003)
_gradient_cases("medium", 100_003)


# --- what the tables above would let through: found by planting faults, see tests/test_mutants.py ------------------------

_convolution_cases("2d gaps between rows only", "small", 2, (9, 7), Window((3, 2), (1, 1), "same", (2, 1)), 2, 3, 1)
_convolution_cases("2d several tiles in a row", "small", 1, (2, 35), Window((1, 2)), 2, 3, 1)
_affine_cases("small", (33,), 5, 7)
_affine_cases("small", (3,), 9, 17)  # a whole block of W turned on its side, and a rest
_affine_cases("small", (5,), 150, 18)  # more depth than is packed together
_affine_cases("small", (5,), 400, 5)
for _inputs, _outputs in ((784, 10), (300, 5), (400, 33), (300, 40)):  # more rows than are worked on together, any tile
    _affine_cases("medium", (1543,), _inputs, _outputs)
_affine_cases("medium", (2100,), 9, 20)  # many rows: dW is summed in shares
_convolution_cases("2d seven images, two strides", "small", 7, (6, 5), Window((3, 2), (2, 1), "same"), 3, 9, 1)
add(
    "cross_entropy.softmax_cross_entropy_grad",
    "targets of any sum",
    lambda r, d: ((soft_targets(r, d, (5, 3)), 2 * r.random((5, 3)).astype(d), 0.2), {}),
    "tiny",
)

# --- families of ops, in files of their own ---------------------------------------------------------------------------

for _info in pkgutil.iter_modules(op_families.__path__, "tests.cases.op_families."):
    importlib.import_module(_info.name)
