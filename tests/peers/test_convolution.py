"""Convolution: every option of Conv2D, and the op in one, two and three dimensions."""

import numpy as np
import pytest

from minidl.geometry import Window
from minidl.layers import Conv2D
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x
from tests.peers.judge import ACTIVATIONS, agree, built, channels_first, convolution, gradient, judge, leaf, tensor

pytestmark = pytest.mark.peer

FORMATS = ["channels_last", "channels_first"]
SIZES = [(7, 9), (8, 6), (7, 8)]
GROUPS = {"whole": (1, 3, 4), "two groups": (2, 4, 6), "depthwise": (3, 3, 3), "depthwise, twice": (3, 3, 6)}  # groups, in, out


def batch(samples, spatial, channels, data_format, seed=0):
    shape = (*spatial, channels) if data_format == "channels_last" else (channels, *spatial)
    return np.random.default_rng(seed).normal(size=(samples, *shape))


def judge_convolution(layer, x, activation="linear"):
    def formula(x, W, b=None):
        window = layer.window
        z = convolution(x, W, b, strides=window.strides, padding=window.padding, dilation=window.dilation, groups=layer.groups)
        return ACTIVATIONS[activation](z)

    judge(built(layer, x.shape[1:]), x, channels_first(formula, layer.data_format))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("dilation", [1, 2, (1, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, (2, 1), (1, 3)])
def test_every_window(strides, padding, dilation, groups, data_format):
    groups, channels, filters = GROUPS[groups]
    for size in SIZES:
        layer = Conv2D(filters, (3, 2), strides, padding, data_format, dilation, groups)
        judge_convolution(layer, batch(2, size, channels, data_format))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel_size", [1, 2, 5, (1, 4), (4, 1), 6])
@pytest.mark.parametrize("strides", [1, 3])
def test_every_kernel_size(kernel_size, strides, padding):
    for channels in (1, 3):
        judge_convolution(Conv2D(5, kernel_size, strides, padding), batch(2, (6, 8), channels, "channels_last"))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if "softmax" not in name])
def test_bias_and_activation(activation, use_bias, data_format):
    layer = Conv2D(4, 3, padding="same", activation=activation, use_bias=use_bias, data_format=data_format)
    judge_convolution(layer, batch(3, (5, 6), 2, data_format), activation)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("activation", ["softmax", "log_softmax"])
def test_softmax_runs_over_the_channels(data_format, activation):
    layer = Conv2D(4, 3, activation=activation, data_format=data_format)
    judge_convolution(layer, batch(3, (5, 6), 2, data_format), activation)


@pytest.mark.parametrize("samples", [0, 1, 33])
def test_batch_sizes(samples):
    judge_convolution(Conv2D(20, 5, padding="same", activation="relu"), batch(samples, (14, 14), 1, "channels_last"), "relu")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "spatial, size, strides, dilation",
    [
        ((11,), (4,), (1,), (1,)),
        ((12,), (3,), (2,), (1,)),
        ((13,), (3,), (3,), (2,)),
        ((9, 8), (2, 3), (2, 1), (1, 3)),
        ((5, 6, 7), (2, 3, 2), (1, 1, 1), (1, 1, 1)),
        ((6, 5, 7), (3, 2, 1), (2, 1, 3), (1, 2, 1)),
        ((4, 5, 9), (1, 2, 3), (1, 2, 2), (3, 2, 2)),
    ],
)
def test_op_in_any_dimension(spatial, size, strides, dilation, groups, padding):
    rng = np.random.default_rng(2)
    window = Window(size, strides, padding, dilation)
    x, W, b = (rng.normal(size=shape) for shape in ((2, *spatial, 4), (*size, 4 // groups, 6), (6,)))
    y = convolve(x, W, b, window, groups)
    dy = rng.normal(size=y.shape)

    x_leaf, W_leaf, b_leaf = leaf(x), leaf(W), leaf(b)
    expected = convolution(x_leaf, W_leaf, b_leaf, strides=strides, padding=padding, dilation=dilation, groups=groups)
    expected.backward(tensor(dy))
    rank = len(spatial)
    agree(y, expected, f"convolve {rank}-D: y")
    agree(convolve_grad_x(dy, W, spatial, window, groups), gradient(x_leaf), f"convolve {rank}-D: dx")
    agree(convolve_grad_W(x, dy, window, groups), gradient(W_leaf), f"convolve {rank}-D: dW")
