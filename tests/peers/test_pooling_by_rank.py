"""Pools over time and over volumes, and global pools of every rank, in both data formats and with masks."""

import itertools

import numpy as np
import pytest

from minidl.layers import (
    AveragePooling1D,
    AveragePooling3D,
    Context,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling3D,
)
from tests.peers.judge import agree, average_pooling, channels_first, gradient, judge, leaf, max_pooling, tensor

pytestmark = pytest.mark.peer

FORMATS = ["channels_last", "channels_first"]
KINDS = [(MaxPooling1D, max_pooling), (AveragePooling1D, average_pooling)]
KINDS += [(MaxPooling3D, max_pooling), (AveragePooling3D, average_pooling)]
WINDOWS = {
    1: [(2, None), (3, 1), (3, 2), (2, 3), (5, 5)],
    3: [(2, None), ((1, 1, 3), None), ((1, 2, 2), (1, 1, 2)), ((3, 1, 1), (2, 1, 1)), ((2, 1, 3), (1, 2, 1)), (3, 2)],
}
SPATIAL = {1: [(6,), (7,), (11,)], 3: [(3, 4, 6), (5, 3, 7)]}
INPUTS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "ties": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "negative": lambda rng, shape: -1 - rng.random(shape),  # padding with 0 would win every maximum
    "infinite": lambda rng, shape: rng.choice([-np.inf, np.inf, 1.0, 2.0], shape),
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.05, np.nan, rng.normal(size=shape)),
}


def judge_pooling(kind, formula, arguments, x):
    layer = kind(*arguments)
    size, strides, padding = layer.window.size, layer.window.strides, layer.window.padding
    written = channels_first(lambda x: formula(x, size=size, strides=strides, padding=padding), layer.data_format)
    judge(layer, x if layer.data_format == "channels_last" else np.moveaxis(x, -1, 1), written)


@pytest.mark.parametrize("kind, formula", KINDS)
def test_every_window(kind, formula):
    rng, rank = np.random.default_rng(0), kind.rank
    for spatial, window, padding, data_format in itertools.product(SPATIAL[rank], WINDOWS[rank], ("valid", "same"), FORMATS):
        judge_pooling(kind, formula, (*window, padding, data_format), rng.normal(size=(2, *spatial, 3)))


@pytest.mark.parametrize("numbers", INPUTS)
@pytest.mark.parametrize("kind, formula", KINDS)
def test_every_kind_of_number(kind, formula, numbers):
    x = INPUTS[numbers](np.random.default_rng(1), (2, *SPATIAL[kind.rank][-1], 3))
    for (size, strides), padding in itertools.product(WINDOWS[kind.rank][:4], ("valid", "same")):
        if kind is MaxPooling3D and numbers in ("infinite", "nan"):
            # of several NaN in a window PyTorch takes the last, and where all is -inf an input outside of it: not in y
            layer = kind(size, strides, padding)
            window = layer.window
            expected = formula(leaf(x), size=window.size, strides=window.strides, padding=padding)
            agree(layer(x), expected, "MaxPooling3D: y of special numbers")
            continue
        judge_pooling(kind, formula, (size, strides, padding), x)


@pytest.mark.parametrize("kind, formula", KINDS)
def test_batch_sizes(kind, formula):
    for samples in (0, 1):
        judge_pooling(kind, formula, (), np.random.default_rng(2).normal(size=(samples, *SPATIAL[kind.rank][0], 3)))


def test_one_step():
    judge_pooling(MaxPooling1D, max_pooling, (2, None, "same"), np.random.default_rng(3).normal(size=(2, 1, 3)))
    judge_pooling(AveragePooling1D, average_pooling, (2, None, "same"), np.random.default_rng(3).normal(size=(2, 1, 3)))


@pytest.mark.parametrize("kind, formula", KINDS[2:])
def test_the_spectral_pool_of_the_lecture(kind, formula):
    x = np.random.default_rng(4).normal(size=(2, 7, 7, 216, 3))
    judge(kind((1, 1, 3)), x, lambda x: formula(x, size=(1, 1, 3), strides=(1, 1, 3), padding="valid"))


# -- global pools --------------------------------------------------------------------------------------------------------

MEANS = [GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D]
LARGEST = [GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D]
SIZES = {1: (5,), 2: (4, 3), 3: (2, 4, 3)}


@pytest.mark.parametrize("kind", MEANS + LARGEST)
def test_global_pools(kind):
    spatial = SIZES[kind.rank]
    for samples, keepdims, data_format in itertools.product((0, 1, 3), (False, True), FORMATS):
        x = np.random.default_rng(5).normal(size=(samples, *spatial, 2))
        x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
        axes = tuple(range(1, kind.rank + 1) if data_format == "channels_last" else range(2, kind.rank + 2))
        judge(
            kind(data_format, keepdims),
            x,
            lambda x: x.mean(axes, keepdim=keepdims) if kind in MEANS else x.amax(axes, keepdim=keepdims),  # noqa: B023
        )


@pytest.mark.parametrize("kind, data_format", list(itertools.product(MEANS + LARGEST, FORMATS)))
def test_global_pools_leave_masked_steps_out(kind, data_format):
    """Also numbers that are not finite; what has no step that counts is 0."""
    spatial = SIZES[kind.rank]
    mask = np.arange(spatial[0]) < np.array([[spatial[0]], [1], [0]])
    x = np.random.default_rng(6).normal(size=(3, *spatial, 2)) - 9
    x[2], x[1, 1:] = np.nan, np.inf
    turned = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    layer = kind(data_format)
    layer.ensure_built(turned.shape[1:])
    y, saved = layer.apply(turned, Context(training=True, mask=mask))
    dy = np.random.default_rng(7).normal(size=y.shape)
    dx = layer.gradient(dy, saved)
    of_x = leaf(turned)
    last = of_x if data_format == "channels_last" else of_x.movedim(1, -1)
    counted = [last[0].flatten(0, -2), last[1, :1].flatten(0, -2)]  # the positions of the steps that count
    rows = [part.mean(0) if kind in MEANS else part.amax(0) for part in counted]
    for row, found, d in zip(rows, y, dy):
        agree(found, row, f"{kind.__name__} masked: y")
        row.backward(tensor(d), retain_graph=True)
    assert not y[2].any()
    agree(dx, gradient(of_x), f"{kind.__name__} masked: dx")
