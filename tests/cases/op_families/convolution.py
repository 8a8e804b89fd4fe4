"""Convolutions beside those of ``tests/cases/ops.py``: causal windows, zeros given in numbers, sequences, volumes, channels."""

from typing import Any

import numpy as np

from minidl.geometry import Window, transposed_window
from tests.cases.op_case import Arguments, add, normal
from tests.cases.ops import _convolution_cases as convolution_cases

# name, size, batch, spatial, window, channels, filters, groups
for _row in (
    ("1d causal", "tiny", 2, (5,), Window((3,), padding="causal"), 2, 3, 1),
    ("1d causal, one step", "tiny", 2, (1,), Window((4,), padding="causal"), 1, 2, 1),
    ("1d causal, stride 2, groups", "small", 2, (7,), Window((3,), (2,), "causal"), 4, 6, 2),
    ("1d causal, dilation 2", "small", 3, (9,), Window((3,), (1,), "causal", (2,)), 3, 5, 1),
    ("1d zeros in front", "tiny", 2, (5,), Window((3,), padding=((2, 1),)), 2, 3, 1),
    ("2d zeros behind", "small", 2, (4, 5), Window((3, 2), (1, 2), ((0, 2), (1, 0))), 3, 2, 1),
    (
        "3d zeros, dilation",
        "small",
        1,
        (3, 2, 4),
        Window((2, 1, 2), (2, 1, 1), ((1, 0), (0, 0), (1, 2)), (1, 1, 2)),
        2,
        3,
        1,
    ),
    ("1d causal 17 to 19", "medium", 3, (131,), Window((3,), padding="causal"), 17, 19, 1),
    ("1d valid 33 to 31", "medium", 3, (67,), Window((5,)), 33, 31, 1),
    ("1d same, stride 2", "medium", 5, (101,), Window((4,), (2,), "same"), 13, 21, 1),
    ("1d same, dilation 4", "medium", 3, (90,), Window((3,), (1,), "same", (4,)), 16, 18, 1),
    ("1d window of one, longer", "medium", 3, (53,), Window((1,)), 33, 17, 1),
    ("1d batch 0", "tiny", 0, (6,), Window((3,)), 2, 3, 1),
    ("2d zeros in front, 3x3", "medium", 2, (13, 11), Window((3, 3), padding=((2, 0), (1, 2))), 32, 33, 1),
    ("2d depthwise, tiny", "tiny", 2, (3, 7), Window((2, 3), (1, 1), "same"), 2, 4, 2),
    ("2d depthwise, tiny, strides", "tiny", 2, (5, 4), Window((2, 3), (2, 1), "same"), 3, 3, 3),
    ("3d same, tiny", "tiny", 1, (2, 2, 3), Window((2, 1, 3), padding="same"), 2, 3, 1),
    ("1d depthwise", "small", 2, (9,), Window((3,), (1,), "same", (2,)), 5, 5, 5),
    ("1d depthwise times two, causal", "small", 2, (9,), Window((3,), (2,), "causal"), 3, 6, 3),
    ("2d depthwise, strides and dilation", "small", 2, (7, 9), Window((3, 2), (2, 1), "same", (1, 3)), 3, 3, 3),
    ("2d depthwise, strides", "small", 2, (6, 11), Window((2, 3), (3, 2)), 3, 6, 3),
    ("2d depthwise 3x3", "medium", 3, (13, 14), Window((3, 3), padding="same"), 33, 33, 33),
    ("2d depthwise 5x5 stride 2", "medium", 3, (13, 14), Window((5, 5), (2, 2), "same"), 17, 34, 17),
    ("2d depthwise 5x5, valid", "medium", 3, (19, 18), Window((5, 5)), 20, 20, 20),
    ("2d depthwise, few images", "medium", 1, (70, 37), Window((4, 2), (1, 3), "same"), 17, 17, 17),
    ("2d depthwise, strides wider than the window", "medium", 2, (40, 41), Window((2, 2), (5, 3), "same"), 16, 16, 16),
    ("2d depthwise, rings of many channels", "medium", 1, (9, 90), Window((5, 3), (1, 1), "same", (3, 2)), 130, 130, 130),
    ("2d depthwise 3x3, valid", "medium", 2, (12, 9), Window((3, 3)), 20, 20, 20),
    ("2d depthwise 3x3, rows apart", "medium", 2, (12, 8), Window((3, 3), (2, 1), ((4, 1), (1, 2)), (2, 1)), 20, 20, 20),
    ("1d depthwise, long", "medium", 2, (901,), Window((6,), padding="causal"), 65, 65, 65),
    ("2d depthwise, window wider than the image", "small", 2, (2, 3), Window((5, 7), padding="same"), 3, 3, 3),
    ("3d same", "medium", 2, (5, 4, 19), Window((3, 2, 3), padding="same"), 7, 19, 1),
    ("3d same, strides and gaps", "medium", 2, (6, 5, 19), Window((2, 3, 3), (2, 1, 2), "same", (2, 2, 1)), 5, 33, 1),
    ("2d zeros in front, 5x5", "medium", 2, (9, 11), Window((5, 5), padding=((4, 0), (1, 4))), 32, 33, 1),
):
    convolution_cases(*_row)


def _infinite(groups: int, *shape: int) -> Any:
    """A volume or an image whose kernel has an infinity and a NaN: they meet the zeros around the image too."""

    def make(rng: np.random.Generator, dtype: Any) -> Arguments:
        window = Window((3,) * (len(shape) - 2), padding="same")
        W = normal(rng, dtype, *window.size, shape[-1] // groups, shape[-1])
        W[0, 0, ..., 0], W[1, ..., 2, 0, 1] = np.inf, np.nan
        return (normal(rng, dtype, *shape), W, None, window, groups), {}

    return make


add("convolution.convolve", "3d infinite weight", _infinite(1, 2, 4, 5, 11, 3), "medium")
add("convolution.convolve", "depthwise infinite weight", _infinite(5, 2, 9, 8, 5), "medium")


def _infinite_gradient(groups: int, *shape: int) -> Any:
    """The gradient of a kernel where dy is infinite at a corner, whose windows reach into the padding."""

    def make(rng: np.random.Generator, dtype: Any) -> Arguments:
        dy = normal(rng, dtype, *shape)
        dy[0, 0, 0, ..., 0], dy[0, -1, ..., -1, 1] = np.inf, np.nan
        return (normal(rng, dtype, *shape), dy, Window((3,) * (len(shape) - 2), padding="same"), groups), {}

    return make


add("convolution.convolve_grad_W", "3d infinite dy", _infinite_gradient(1, 2, 4, 5, 11, 3), "medium")
add("convolution.convolve_grad_W", "depthwise infinite dy", _infinite_gradient(5, 2, 9, 8, 5), "medium")


# --- transposed -------------------------------------------------------------------------------------------------------

# name, size, batch, spatial, window's size, strides, padding, dilation, output padding, channels, filters
TRANSPOSED: list[tuple[str, str, int, tuple[int, ...], Any, Any, str, Any, Any, int, int]] = [
    ("1d valid, stride 2", "tiny", 2, (3,), (3,), (2,), "valid", (1,), None, 2, 3),
    ("1d stride longer than window", "tiny", 2, (3,), (1,), (3,), "valid", (1,), None, 2, 3),
    ("1d same, even window, no output padding", "small", 2, (4,), (4,), (3,), "same", (1,), (0,), 3, 2),
    ("2d same, stride 2", "small", 2, (3, 4), (3, 2), (2, 2), "same", (1, 1), None, 3, 2),
    ("2d output padding", "small", 1, (2, 4), (3, 3), (3, 2), "valid", (1, 1), (2, 1), 2, 3),
    ("2d dilation", "small", 1, (3, 2), (2, 3), (1, 1), "same", (3, 2), None, 2, 3),
    ("2d batch 0", "tiny", 0, (3, 3), (2, 2), (2, 2), "valid", (1, 1), None, 2, 3),
    ("3d", "small", 1, (2, 1, 3), (2, 3, 2), (2, 1, 2), "same", (1, 1, 1), None, 2, 2),
    ("2d 33 to 17", "medium", 2, (9, 8), (4, 4), (2, 2), "same", (1, 1), None, 33, 17),
]


def _transposed_cases(
    name: str, size: str, n: int, spatial: tuple[int, ...], taps: Any, strides: Any, padding: str, dilation: Any, more: Any,
    c: int, f: int,
) -> None:  # fmt: skip
    window, rest = transposed_window(taps, strides, padding, dilation, more)
    out = tuple((m - 1) * s + r for m, s, r in zip(spatial, strides, rest))

    def make(with_bias: bool, activation: str) -> Any:
        def arguments(rng: np.random.Generator, dtype: Any) -> Arguments:
            x, W = normal(rng, dtype, n, *spatial, c), normal(rng, dtype, *taps, f, c)
            return (x, W, normal(rng, dtype, f) if with_bias else None, out, window, activation), {}

        return arguments

    add("transposed_convolution.convolve_transposed", f"{name}, bias", make(True, "linear"), size)
    add("transposed_convolution.convolve_transposed", f"{name}, bias, relu", make(True, "relu"), size)
    add("transposed_convolution.convolve_transposed", f"{name}, no bias", make(False, "linear"), size)


for _case in TRANSPOSED:
    _transposed_cases(*_case)


# --- without shared weights -------------------------------------------------------------------------------------------

# name, size, batch, spatial, window, channels, filters
LOCAL: list[tuple[str, str, int, tuple[int, ...], Window, int, int]] = [
    ("1d", "tiny", 2, (5,), Window((3,)), 2, 3),
    ("1d stride 2", "small", 3, (7,), Window((2,), (2,)), 3, 2),
    ("2d unequal", "small", 2, (4, 5), Window((3, 2), (1, 2)), 3, 2),
    ("2d whole image", "tiny", 1, (2, 3), Window((2, 3)), 2, 1),
    ("2d same", "small", 2, (3, 4), Window((3, 2), (1, 2), "same"), 2, 3),
    ("2d batch 0", "tiny", 0, (3, 3), Window((2, 2)), 2, 3),
    ("2d 17 to 19", "medium", 5, (9, 8), Window((3, 3)), 17, 19),
]


def _local_cases(name: str, size: str, n: int, spatial: tuple[int, ...], window: Window, c: int, f: int) -> None:
    out = window.output_shape(spatial)
    kernel = (int(np.prod(out)), window.taps * c, f)

    def forwards(with_bias: bool, activation: str) -> Any:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            b = normal(rng, dtype, *out, f) if with_bias else None
            return (normal(rng, dtype, n, *spatial, c), normal(rng, dtype, *kernel), b, window, activation), {}

        return make

    def to_W(into: bool) -> Any:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            args = normal(rng, dtype, n, *spatial, c), normal(rng, dtype, n, *out, f), window
            return args, ({"out": np.full(kernel, np.nan, dtype)} if into else {})

        return make

    def to_x(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, n, *out, f), normal(rng, dtype, *kernel), spatial, window), {}

    def to_b(into: bool) -> Any:
        return lambda rng, dtype: (
            (normal(rng, dtype, n, *out, f),),
            {"out": np.full((*out, f), np.nan, dtype)} if into else {},
        )

    add("locally_connected.connect", f"{name}, bias", forwards(True, "linear"), size)
    add("locally_connected.connect", f"{name}, no bias, relu", forwards(False, "relu"), size)
    add("locally_connected.connect_grad_x", name, to_x, size)
    for into, note in ((False, ""), (True, ", into out")):
        add("locally_connected.connect_grad_W", f"{name}{note}", to_W(into), size)
        add("locally_connected.connect_grad_b", f"{name}{note}", to_b(into), size)


for _local in LOCAL:
    _local_cases(*_local)
