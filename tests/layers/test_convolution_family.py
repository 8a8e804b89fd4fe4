"""Convolution layers beyond Conv2D: what is refused, what an option means, and the lecture's rows."""

from math import prod

import numpy as np
import pytest

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    LocallyConnected1D,
    LocallyConnected2D,
    SeparableConv1D,
    SeparableConv2D,
)
from minidl.layers.context import Context

RNG = np.random.default_rng(3)


# -- Conv1D, Conv3D ------------------------------------------------------------------------------------------------------

CONV_3D = [  # of the network for hyperspectral pixels, Ghent 6: input, layer, result, parameters
    ((9, 9, 220, 1), lambda: Conv3D(48, (3, 3, 5), activation="relu"), (7, 7, 216, 48), 2208),
    ((7, 7, 76, 48), lambda: Conv3D(32, (3, 3, 5), activation="relu"), (5, 5, 72, 32), 69152),
    ((5, 5, 28, 32), lambda: Conv3D(32, (3, 3, 5), activation="relu"), (3, 3, 24, 32), 46112),
    ((3456,), lambda: Dense(128, activation="relu"), (128,), 442496),
    ((128,), lambda: Dense(128, activation="relu"), (128,), 16512),
    ((128,), lambda: Dense(16, activation="relu"), (16,), 2064),
]


@pytest.mark.parametrize("row", CONV_3D, ids=lambda row: str(row[3]))
def test_rows_of_the_lectures_conv3d_network(row):
    input_shape, make, output_shape, parameters = row
    layer = make()
    layer.build(input_shape)
    assert layer.output_shape(input_shape) == output_shape
    assert layer.count_params() == sum(prod(w.shape) for w in layer.get_weights()) == parameters


def test_the_lectures_conv3d_network_has_578544_parameters():
    assert sum(row[3] for row in CONV_3D) == 578544


def test_a_causal_result_depends_on_nothing_that_follows():
    layer = Conv1D(3, 3, padding="causal", dilation_rate=2)
    x = RNG.normal(size=(2, 9, 2)).astype("float32")
    y, other = layer(x), x.copy()
    other[:, 5:] += 1
    np.testing.assert_array_equal(layer(other)[:, :5], y[:, :5])
    assert not np.allclose(layer(other)[:, 5], y[:, 5])  # and on the step itself


@pytest.mark.parametrize("cls, padding", [(Conv1D, "casual"), (Conv2D, "causal"), (Conv3D, "causal")])
def test_other_paddings_are_refused(cls, padding):
    expected = "'valid', 'same' or 'causal'" if cls is Conv1D else "'valid' or 'same'"
    with pytest.raises(ArgumentError, match=f"{cls.__name__}: received padding='{padding}'; expected {expected}"):
        cls(2, 3, padding=padding)


@pytest.mark.parametrize("layer, shape", [(Conv1D(2, 2), (4, 3)), (Conv3D(2, 2), (3, 3, 3, 1))])
def test_masks_end_at_a_window(layer, shape):
    mask = np.ones((2, 4), bool)
    assert layer.output_mask(np.zeros((2, *shape), "float32"), mask) is None
    layer.build(shape)
    layer.apply(np.zeros((2, *shape), "float32"), Context(mask=mask))


# -- transposed ----------------------------------------------------------------------------------------------------------


def test_a_transposed_convolution_is_the_transpose():
    """<C u, x> = <u, C^T x> for the convolution C with the same kernel and window, written as one sum over pairs."""
    layer, W = Conv2DTranspose(2, 3, 2, "same", use_bias=False), RNG.normal(size=(3, 3, 2, 4)).astype("float32")
    x, u = RNG.normal(size=(1, 3, 4, 4)), RNG.normal(size=(1, 6, 8, 2))
    layer.build((3, 4, 4))
    layer.set_weights([W])
    convolution = Conv2D(4, 3, 2, "same", use_bias=False)
    convolution.build((6, 8, 2))
    convolution.set_weights([W])
    np.testing.assert_allclose((convolution(u) * x).sum(), (u * layer(x)).sum(), rtol=1e-5)


@pytest.mark.parametrize("samples, filters, strides", [(2, 3, 1), (3, 1, (1, 2))])
def test_one_pixel_puts_the_kernel_down(samples, filters, strides):
    layer = Conv2DTranspose(filters, 3, strides)
    layer.build((1, 1, 1))
    x = RNG.normal(size=(samples, 1, 1, 1)).astype("float32")
    np.testing.assert_array_equal(layer(x), x * layer.W.value[..., 0])


def test_weights_have_keras_layout():
    layer = Conv1DTranspose(5, 3)
    layer.build((4, 2))
    assert [w.shape for w in layer.get_weights()] == [(3, 5, 2), (5,)]


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: Conv1DTranspose(2, 3, 2, output_padding=2), ArgumentError, r"output_padding=2; expected .*strides=\(2,\)"),
        (lambda: Conv2DTranspose(2, 3, 2, output_padding=(1, 1, 1)), ArgumentError, r"output_padding=\(1, 1, 1\)"),
        (lambda: Conv2DTranspose(2, 3, 2, output_padding=(1, -1)), ArgumentError, "0 to the stride - 1"),
        (lambda: Conv1DTranspose(2, 3, 2, output_padding=1.0), ArgumentTypeError, "output_padding=1.0 of type float"),
        (lambda: Conv1DTranspose(2, 3, 2, output_padding="1"), ArgumentTypeError, "output_padding='1'"),
        (lambda: Conv1DTranspose(2, 3, 2, output_padding=True), ArgumentTypeError, "output_padding=True"),
        (lambda: Conv1DTranspose(2, 3, padding="causal"), ArgumentError, "expected 'valid' or 'same'"),
        (lambda: Conv1DTranspose(0, 3), ArgumentError, "filters=0"),
        (lambda: Conv1DTranspose(2, 2, 2, "same", 0).build((1, 3)), ShapeError, r"spatial shape \(0,\)"),
        (lambda: Conv2DTranspose(2, 2).build((4, 3)), ShapeError, "3 axes"),
    ],
)
def test_what_no_transposed_convolution_can_do(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_another_number_of_channels_is_refused():
    sequences = [(layer, (5, 3), (5, 4)) for layer in (Conv1D(2, 2), DepthwiseConv1D(2), SeparableConv1D(2, 2))]
    for layer, shape, other in ((Conv3DTranspose(2, 2), (2, 2, 2, 3), (2, 2, 2, 4)), *sequences):
        layer.build(shape)
        with pytest.raises(ShapeError, match=r"4 channels .*; expected 3 channels, as it was built for"):
            layer.output_shape(other)


# -- channel by channel --------------------------------------------------------------------------------------------------


def test_the_kernels_of_one_channel_stand_together():
    """Channel c of x makes the channels c m to c m + m - 1 of y, as in Keras."""
    layer = DepthwiseConv2D(1, depth_multiplier=3, use_bias=False)
    layer.build((1, 1, 2))
    layer.set_weights([np.arange(1, 7, dtype="float32").reshape(1, 1, 2, 3)])
    assert layer(np.array([1, 10]).reshape(1, 1, 1, 2)).ravel().tolist() == [1, 2, 3, 40, 50, 60]


@pytest.mark.parametrize(
    "layer, shape, shapes",
    [
        (DepthwiseConv1D(3, depth_multiplier=2), (5, 4), [(3, 4, 2), (8,)]),
        (DepthwiseConv2D((2, 3), use_bias=False), (5, 6, 4), [(2, 3, 4, 1)]),
        (SeparableConv1D(7, 3, depth_multiplier=2), (5, 4), [(3, 4, 2), (1, 8, 7), (7,)]),
        (SeparableConv2D(7, (2, 3)), (5, 6, 4), [(2, 3, 4, 1), (1, 1, 4, 7), (7,)]),
    ],
)
def test_weights_have_keras_shapes_and_order(layer, shape, shapes):
    layer.build(shape)
    assert [w.shape for w in layer.get_weights()] == shapes


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: DepthwiseConv2D(3, depth_multiplier=0), "DepthwiseConv2D: .*depth_multiplier=0"),
        (lambda: SeparableConv2D(2, 3, depth_multiplier=-1), "SeparableConv2D: .*depth_multiplier=-1"),
        (lambda: SeparableConv1D(0, 3), "SeparableConv1D: .*filters=0"),
        (lambda: SeparableConv1D(2, 3, padding="causal"), "expected 'valid' or 'same'"),
        (lambda: DepthwiseConv1D(3, padding="causal"), "expected 'valid' or 'same'"),
        (lambda: LocallyConnected1D(2, 3, padding="causal"), "expected 'valid' or 'same'"),
    ],
)
def test_what_no_depthwise_convolution_can_do(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


def test_a_frozen_depthwise_kernel_leaves_the_pointwise_one_in_training():
    layer = SeparableConv2D(3, 2)
    layer.build((4, 4, 2))
    layer.D.trainable = False
    layer.forward(RNG.normal(size=(2, 4, 4, 2)))
    layer.backward(np.ones((2, 3, 3, 3)))
    assert not layer.D.grad.any()
    assert layer.P.grad.all()


def test_a_separable_convolution_is_two_layers():
    layer, first, second = SeparableConv2D(3, 2, 2), DepthwiseConv2D(2, 2, use_bias=False), Conv2D(3, 1)
    for part in (layer, first, second):
        part.build((5, 5, 3) if part is not second else (2, 2, 3))
        part.set_weights([RNG.normal(size=w.shape) for w in part.get_weights()])
    first.set_weights([layer.D.value])
    second.set_weights([layer.P.value, layer.b.value])
    x = RNG.normal(size=(2, 5, 5, 3))
    np.testing.assert_allclose(layer(x), second(first(x)), rtol=1e-5, atol=1e-6)


# -- without shared weights ----------------------------------------------------------------------------------------------


def test_local_weights_have_the_shapes_of_keras_2():
    layer = LocallyConnected1D(5, 3, 2)
    layer.build((9, 4))
    assert [w.shape for w in layer.get_weights()] == [(4, 12, 5), (4, 5)]
    for data_format, shape in (("channels_last", (5, 6, 4)), ("channels_first", (4, 5, 6))):
        layer = LocallyConnected2D(7, (2, 3), data_format=data_format)
        layer.build(shape)
        assert [w.shape for w in layer.get_weights()] == [(16, 24, 7), (4, 4, 7)]


def test_equal_kernels_at_all_positions_make_a_convolution():
    for rank, local, convolution in ((1, LocallyConnected1D, Conv1D), (2, LocallyConnected2D, Conv2D)):
        layer, shared = local(3, 2, 2), convolution(3, 2, 2)
        shape = (*(6, 5)[:rank], 2)
        for part in (layer, shared):
            part.build(shape)
        W, b = shared.get_weights()[0], RNG.normal(size=3)
        shared.set_weights([W, b])
        positions = prod(layer.output_shape(shape)[:-1])
        flat = np.broadcast_to(W.reshape(1, -1, 3), (positions, W.size // 3, 3))
        layer.set_weights([flat, np.broadcast_to(b, layer.b.shape)])
        x = RNG.normal(size=(2, *shape))
        np.testing.assert_allclose(layer(x), shared(x), rtol=1e-5, atol=1e-6)


def test_both_data_formats_compute_alike():
    last, first = LocallyConnected2D(3, 2), LocallyConnected2D(3, 2, data_format="channels_first")
    last.build((4, 5, 2))
    first.build((2, 4, 5))
    first.set_weights(last.get_weights())
    x = RNG.normal(size=(2, 4, 5, 2))
    np.testing.assert_array_equal(first(np.moveaxis(x, -1, 1)), np.moveaxis(last(x), -1, 1))


def test_a_local_layer_takes_one_size():
    layer = LocallyConnected2D(3, 2)
    layer.build((4, 5, 2))
    for other in ((5, 5, 2), (4, 5, 3)):
        with pytest.raises(ShapeError, match=r"expected \(4, 5, 2\), as it was built for. To fix it: Conv2D"):
            layer.output_shape(other)
