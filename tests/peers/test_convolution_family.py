"""Convolutions of one and three axes, transposed, channel by channel and without shared weights, against PyTorch."""

import itertools

import numpy as np
import pytest

from minidl.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    LocallyConnected1D,
    LocallyConnected2D,
    SeparableConv1D,
    SeparableConv2D,
)
from tests.peers.judge import ACTIVATIONS, F, built, channels_first, convolution, judge, pad_same, torch

pytestmark = pytest.mark.peer


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


@pytest.mark.parametrize("groups, data_format", [(1, "channels_last"), (2, "channels_first")])
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


@pytest.mark.parametrize("padding, data_format", [("valid", "channels_first"), ("same", "channels_last")])
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


# -- transposed ----------------------------------------------------------------------------------------------------------

TRANSPOSED = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}


def rest_and_front(size, stride, padding, dilation, more):
    """By TensorFlow's rules, one axis: y has (n - 1) stride + rest positions; how many of PyTorch's lie in front of them."""
    span = (size - 1) * dilation + 1
    if padding == "valid":
        return (max(span, stride) if more is None else span + more), 0
    total = stride + span - 2 if more is None else span + span % 2 - 2 + more  # zeros around x, were it a convolution
    front = min(total // 2 + total % 2, span - 1)
    return total + 2 - span, span - 1 - front


def transposed(layer):
    """PyTorch gives all that the taps reach; what Keras asks for is cut out, or zeros are put behind."""

    def formula(x, W, b=None):
        rank, x = layer.rank, x.movedim(-1, 1)
        whole = getattr(F, f"conv_transpose{rank}d")
        kernel = W.movedim((-1, -2), (0, 1))
        y = whole(x, kernel, None, stride=layer.strides, dilation=layer.dilation_rate)
        more = layer.output_padding or (None,) * rank
        for axis, row in enumerate(zip(layer.kernel_size, layer.strides, layer.dilation_rate, more)):
            size, stride, dilation, of_axis = row
            rest, front = rest_and_front(size, stride, layer.padding, dilation, of_axis)
            length, axis = (x.shape[axis + 2] - 1) * stride + rest, axis + 2
            behind = [0, 0] * (rank + 1 - axis) + [0, max(front + length - y.shape[axis], 0)]
            y = F.pad(y, behind).narrow(axis, front, length)
        y = y.movedim(1, -1)
        return y if b is None else y + b

    return formula


@pytest.mark.parametrize("padding, data_format", [("valid", "channels_last"), ("same", "channels_first")])
def test_conv1d_transpose_of_every_size(padding, data_format):
    for size, stride, dilation in itertools.product((1, 2, 3, 4), (1, 2, 3), (1, 2)):
        for more in (None, *range(stride)):
            layer = Conv1DTranspose(2, size, stride, padding, more, data_format, dilation)
            judge_layer(layer, batch(2, (4,), 3, data_format), transposed(layer))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "size, strides, dilation, more",
    [
        ((3, 2), 2, 1, None),
        ((4, 4), (2, 3), 1, (1, 2)),
        ((2, 5), (3, 2), (1, 2), None),
        ((3, 3, 2), (2, 1, 2), 1, None),
        ((2, 1, 3), 2, (1, 1, 2), (1, 0, 1)),
    ],
)
def test_transposed_in_two_and_three_dimensions(size, strides, dilation, more, padding):
    rank = len(size)
    for data_format, activation in (("channels_last", "relu"), ("channels_first", "softmax")):
        options = {"output_padding": more, "data_format": data_format, "dilation_rate": dilation, "activation": activation}
        layer = TRANSPOSED[rank](3, size, strides, padding, **options)
        judge_layer(layer, batch(2, (3, 4, 2)[:rank], 2, data_format), transposed(layer), activation)


@pytest.mark.parametrize("samples", [0, 1])
def test_batches_of_transposed_images(samples):
    layer = Conv2DTranspose(17, 4, 2, "same", use_bias=False)
    judge_layer(layer, batch(samples, (7, 7), 33), transposed(layer))


@pytest.mark.parametrize("size, stride", [(3, 2), (4, 2), (5, 3)])
def test_pytorchs_own_padding(size, stride):
    """Where PyTorch's rule, the same cut on both sides, gives as much, both agree without a translation."""
    cut = (size - stride) // 2
    if (size - stride) % 2 == 0:
        layer = Conv2DTranspose(2, size, stride, "same")
        judge_layer(layer, batch(2, (3, 4), 3), lambda x, W, b: (
            F.conv_transpose2d(x.movedim(-1, 1), W.movedim((-1, -2), (0, 1)), b, stride, cut).movedim(1, -1)
        ))  # fmt: skip
    layer = Conv2DTranspose(2, size, stride, "valid", stride - 1)
    judge_layer(layer, batch(2, (3, 4), 3), lambda x, W, b: (
        F.conv_transpose2d(x.movedim(-1, 1), W.movedim((-1, -2), (0, 1)), b, stride, 0, stride - 1).movedim(1, -1)
    ))  # fmt: skip


# -- channel by channel --------------------------------------------------------------------------------------------------


def depthwise(layer):
    """A convolution in as many groups as there are channels."""

    def formula(x, W, b=None):
        options = {"strides": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
        return convolution(x, W.flatten(-2)[..., None, :], b, groups=x.shape[-1], **options)

    return formula


def separable(layer):
    """Depthwise, then a matrix product over the channels."""

    def formula(x, D, P, b=None):
        y = depthwise(layer)(x, D) @ P.reshape(P.shape[-2:])
        return y if b is None else y + b

    return formula


@pytest.mark.parametrize("multiplier, data_format", [(1, "channels_first"), (3, "channels_last")])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size, strides, dilation", [(3, 1, 1), ((2, 4), (2, 3), 1), ((3, 2), 1, (1, 2)), (1, 2, 1)])
def test_depthwise_and_separable(size, strides, dilation, padding, multiplier, data_format):
    options = {"padding": padding, "depth_multiplier": multiplier, "data_format": data_format, "dilation_rate": dilation}
    x = batch(2, (7, 6), 4, data_format)
    judge_layer(layer := DepthwiseConv2D(size, strides, activation="relu", **options), x, depthwise(layer), "relu")
    judge_layer(layer := SeparableConv2D(5, size, strides, activation="relu", **options), x, separable(layer), "relu")
    options |= {"kernel_size": np.ravel(size)[-1], "strides": np.ravel(strides)[0], "dilation_rate": np.ravel(dilation)[-1]}
    x = batch(2, (9,), 4, data_format)
    judge_layer(layer := DepthwiseConv1D(**options, use_bias=False), x, depthwise(layer))
    judge_layer(layer := SeparableConv1D(5, **options, use_bias=False), x, separable(layer))


@pytest.mark.parametrize("samples", [0, 1, 5])
def test_batches_of_depthwise_images(samples):
    x = batch(samples, (14, 13), 33)
    for size, strides, multiplier in ((3, 1, 1), (5, 2, 1), ((3, 2), (1, 2), 2)):
        judge_layer(layer := DepthwiseConv2D(size, strides, "same", multiplier), x, depthwise(layer))
    judge_layer(layer := SeparableConv2D(17, 3, padding="same"), x, separable(layer))


# -- without shared weights ----------------------------------------------------------------------------------------------


def local(layer):
    """One window after the other, each with a matrix of its own."""

    def formula(x, W, b=None):
        if layer.padding == "same":
            x = pad_same(x.movedim(-1, 1), layer.kernel_size, layer.strides, (1,) * layer.rank).movedim(1, -1)
        out, rows = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:], layer.kernel_size, layer.strides)], []
        for number, position in enumerate(np.ndindex(*out)):
            corner = [(i * s, i * s + k) for i, s, k in zip(position, layer.strides, layer.kernel_size)]
            rows.append(x[:, *(slice(*ends) for ends in corner)].reshape(len(x), W.shape[1]) @ W[number])
        y = torch.stack(rows, 1).reshape(len(x), *out, W.shape[-1])
        return y if b is None else y + b

    return formula


@pytest.mark.parametrize("padding, data_format", [("valid", "channels_last"), ("same", "channels_first")])
@pytest.mark.parametrize("samples", [0, 1, 3])
def test_local_connections(samples, padding, data_format):
    for size, strides, activation in ((3, 1, "relu"), ((2, 3), (2, 1), "tanh"), (1, 2, "softmax")):
        options = {"padding": padding, "data_format": data_format, "activation": activation, "use_bias": activation != "tanh"}
        x = batch(samples, (5, 4), 3, data_format)
        judge_layer(layer := LocallyConnected2D(4, size, strides, **options), x, local(layer), activation)
        x = batch(samples, (7,), 3, data_format)
        layer = LocallyConnected1D(4, np.ravel(size)[-1], np.ravel(strides)[0], **options)
        judge_layer(layer, x, local(layer), activation)
