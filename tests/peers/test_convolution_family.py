"""Convolutions of one and three axes, transposed, channel by channel and without shared weights, against PyTorch."""

import numpy as np
import pytest

from minidl.layers import Conv1D, Conv3D
from tests.peers.judge import ACTIVATIONS, F, built, channels_first, convolution, judge

pytestmark = pytest.mark.peer

FORMATS = ["channels_last", "channels_first"]


def batch(samples, spatial, channels, data_format="channels_last", seed=0):
    shape = (*spatial, channels) if data_format == "channels_last" else (channels, *spatial)
    return np.random.default_rng(seed).normal(size=(samples, *shape))


def judge_layer(layer, x, formula, activation="linear"):
    """``formula`` gives z; channels last."""

    def with_activation(x, **parameters):
        return ACTIVATIONS[activation](formula(x, **parameters))

    judge(built(layer, x.shape[1:]), x, channels_first(with_activation, layer.data_format))


# -- one axis, three axes ------------------------------------------------------------------------------------------------


def windowed(layer):
    """A layer's convolution with PyTorch's; zeros of "causal" are put in front first."""

    def formula(x, W, b=None):
        padding = layer.padding
        if padding == "causal":
            x, padding = F.pad(x, (0, 0, (W.shape[0] - 1) * layer.dilation_rate[0], 0)), "valid"
        options = {"strides": layer.strides, "dilation": layer.dilation_rate, "groups": layer.groups}
        return convolution(x, W, b, padding=padding, **options)

    return formula


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_conv1d(padding, strides, dilation, groups, data_format):
    for steps, size in ((11, 3), (12, 4), (9, 1), (7, 2)):
        if padding != "valid" or (size - 1) * dilation < steps:
            layer = Conv1D(6, size, strides, padding, data_format, dilation, groups)
            judge_layer(layer, batch(2, (steps,), 4, data_format), windowed(layer))


@pytest.mark.parametrize("samples", [0, 1, 17])
@pytest.mark.parametrize("padding", ["same", "causal"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_conv1d_batches(activation, padding, samples):
    for steps, channels, filters in ((1, 2, 3), (63, 17, 33)):
        layer = Conv1D(filters, 5, padding=padding, activation=activation, use_bias=steps > 1)
        judge_layer(layer, batch(samples, (steps,), channels), windowed(layer), activation)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "size, strides, dilation, groups",
    [((2, 3, 2), 1, 1, 1), ((3, 1, 2), (2, 1, 3), 1, 1), ((1, 2, 2), 1, (3, 2, 1), 2), (1, 1, 1, 1), ((3, 3, 5), 1, 1, 1)],
)
def test_conv3d(size, strides, dilation, groups, padding, data_format):
    layer = Conv3D(6, size, strides, padding, data_format, dilation, groups, activation="relu")
    judge_layer(layer, batch(2, (5, 4, 7), 4, data_format), windowed(layer), "relu")


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_conv3d_of_the_lecture(samples):
    layer = Conv3D(48, (3, 3, 5), activation="relu")
    judge_layer(layer, batch(samples, (9, 9, 28), 1), windowed(layer), "relu")
