"""Pooling: overlapping windows, gaps between them, both paddings, ties, infinities and NaN."""

import numpy as np
import pytest

from minidl.geometry import Window
from minidl.layers import AveragePooling2D, MaxPooling2D
from minidl.ops.pooling import average_pool, average_pool_grad, max_pool, max_pool_grad
from tests.peers.judge import F, agree, average_pooling, channels_first, gradient, judge, leaf, max_pooling, tensor

pytestmark = pytest.mark.peer

KINDS = {"max": (MaxPooling2D, max_pooling), "average": (AveragePooling2D, average_pooling)}
FORMATS = ["channels_last", "channels_first"]
SIZES = [(6, 8), (7, 9), (8, 7)]
INPUTS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "ties": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "constant": lambda rng, shape: np.zeros(shape),
    "signed zeros": lambda rng, shape: rng.choice([-0.0, 0.0], shape),
    "negative": lambda rng, shape: -1 - rng.random(shape),  # padding with 0 would win every maximum
}


def judge_pooling(kind, layer, x):
    formula, window = KINDS[kind][1], layer.window
    written = channels_first(
        lambda x: formula(x, size=window.size, strides=window.strides, padding=window.padding), layer.data_format
    )
    judge(layer, x, written)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [None, 1, 2, (1, 3), 4])
@pytest.mark.parametrize("pool_size", [2, 3, (2, 3), (1, 4)])
def test_every_window(pool_size, strides, padding, data_format, kind):
    rng = np.random.default_rng(0)
    for size in SIZES:
        shape = (2, *size, 3) if data_format == "channels_last" else (2, 3, *size)
        judge_pooling(kind, KINDS[kind][0](pool_size, strides, padding, data_format), rng.normal(size=shape))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [None, 1, 2])
@pytest.mark.parametrize("numbers", INPUTS)
def test_every_kind_of_number(numbers, strides, padding, kind):
    x = INPUTS[numbers](np.random.default_rng(1), (3, 7, 8, 4))
    judge_pooling(kind, KINDS[kind][0](3, strides, padding), x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_one_special_number_in_each_image(padding, number, kind):
    x = np.random.default_rng(2).normal(size=(6, 7, 8, 2))
    for i, image in enumerate(x):
        image[i, i + 1] = number
    judge_pooling(kind, KINDS[kind][0](3, 2, padding), x)


def test_several_nan_in_one_window():
    x = np.where(np.random.default_rng(3).random((4, 8, 8, 3)) < 0.3, np.nan, 1.0)
    agree(MaxPooling2D(3, 2)(x), max_pooling(leaf(x), size=(3, 3), strides=(2, 2), padding="valid"), "max: NaN")


@pytest.mark.parametrize("samples", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_batch_sizes(samples, kind):
    judge_pooling(kind, KINDS[kind][0](2), np.random.default_rng(4).normal(size=(samples, 28, 28, 20)))


@pytest.mark.parametrize(
    "spatial, strides", [((5, 6), (1, 1)), ((7, 9), (2, 2)), ((7, 5), (2, 1))]
)  # here TensorFlow's "same" is one zero on every side, which PyTorch knows
def test_same_against_the_padding_of_pytorch(spatial, strides):
    x = np.random.default_rng(5).normal(size=(2, *spatial, 3))
    for kind, options, pool in (
        ("max", {}, F.max_pool2d),
        ("average", {"count_include_pad": False}, F.avg_pool2d),
    ):
        layer = KINDS[kind][0](3, strides, "same")
        judge(layer, x, lambda x: pool(x.movedim(-1, 1), 3, strides, 1, **options).movedim(1, -1))  # noqa: B023


def test_images_of_minus_infinity():
    x = np.full((1, 5, 5, 1), -np.inf)
    judge(MaxPooling2D(3, 1, "same"), x, lambda x: F.max_pool2d(x.movedim(-1, 1), 3, 1, 1).movedim(1, -1))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "spatial, size, strides",
    [((11,), (3,), (2,)), ((12,), (4,), (1,)), ((5, 6, 7), (2, 3, 2), (1, 2, 2)), ((6, 6, 6), (3, 3, 3), (2, 2, 2))],
)
def test_ops_in_other_dimensions(spatial, size, strides, padding):
    rng = np.random.default_rng(6)
    window, x = Window(size, strides, padding), rng.integers(0, 9, (2, *spatial, 3)).astype(float)
    y, winners = max_pool(x, window)
    mean = average_pool(x, window)
    dy = rng.normal(size=y.shape)
    for what, received, dx, formula in (
        ("max_pool", y, max_pool_grad(dy, winners, spatial, window), max_pooling),
        ("average_pool", mean, average_pool_grad(dy, spatial, window), average_pooling),
    ):
        x_leaf = leaf(x)
        expected = formula(x_leaf, size=size, strides=strides, padding=padding)
        expected.backward(tensor(dy))
        agree(received, expected, f"{what} {len(size)}-D: y")
        agree(dx, gradient(x_leaf), f"{what} {len(size)}-D: dx")
