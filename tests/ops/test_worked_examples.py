"""The numbers the lectures work out on slides, to the digit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from minidl.backend.random import set_seed
from minidl.geometry import Window
from minidl.layers import Activation, Conv2D, Dense, Flatten, MaxPooling2D
from minidl.models import Sequential
from minidl.ops.activation import elu, hard_sigmoid, leaky_relu, relu, sign, softplus
from minidl.ops.convolution import convolve
from minidl.ops.linear import dense
from minidl.ops.pooling import max_pool
from minidl.ops.softmax import softmax
from minidl.optimizers import SGD
from minidl.parameters import Parameter

IMAGE = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]], np.float64)
FILTER = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], np.float64)


def as_image(a: np.ndarray) -> np.ndarray:
    """(rows, columns) as a batch of one image with one channel."""
    return a[None, :, :, None]


def test_gradient_descent_of_deck_004() -> None:
    printed = [0.59, 0.4745, 0.410975, 0.37603625, 0.3568199375]
    weight, optimizer = Parameter(np.array([0.8])), SGD(0.1)
    exact, found = Fraction(8, 10), []
    for step in range(100):
        weight.grad[...] = 4.5 * weight.value - 1.5
        optimizer.step([weight])
        exact -= Fraction(1, 10) * (Fraction(9, 2) * exact - Fraction(3, 2))
        assert weight.value[0] == pytest.approx(float(exact), abs=1e-15), f"step {step + 1}"
        found.append(float(weight.value[0]))
    assert [round(w, 10) for w in found[:5]] == printed
    assert round(found[-1], 6) == 0.333333


def test_convolution_of_deck_004() -> None:
    y = convolve(as_image(IMAGE), FILTER[:, :, None, None], None, Window((3, 3)))
    assert y[0, :, :, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_the_same_convolution_as_a_layer_in_float32() -> None:
    layer = Conv2D(1, 3, use_bias=False)
    layer.build((5, 5, 1))
    layer.W.value[...] = FILTER[:, :, None, None]
    assert layer.forward(as_image(IMAGE).astype(np.float32))[0, :, :, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_valid_and_same_of_deck_000() -> None:
    """A 3x4 input under a 2x2 kernel that sums: 2x3 positions fit; "same" keeps 3x4, its zeros behind."""
    x, ones = as_image(np.arange(12.0).reshape(3, 4)), np.ones((2, 2, 1, 1))
    assert convolve(x, ones, None, Window((2, 2)))[0, :, :, 0].tolist() == [[10, 14, 18], [26, 30, 34]]
    same = convolve(x, ones, None, Window((2, 2), padding="same"))[0, :, :, 0]
    assert same.tolist() == [[10, 14, 18, 10], [26, 30, 34, 18], [17, 19, 21, 11]]


def test_local_receptive_field_of_deck_000() -> None:
    """5x5 on 28x28 gives three maps of 24x24, 2x2 pooling 12x12."""
    x = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    maps = convolve(x, np.ones((5, 5, 1, 3), np.float32), None, Window((5, 5)))
    assert maps.shape == (2, 24, 24, 3)
    assert maps[1, 23, 4, 2] == pytest.approx(x[1, 23:28, 4:9, 0].sum())
    assert max_pool(maps, Window((2, 2), (2, 2)))[0].shape == (2, 12, 12, 3)


def counts(model: Sequential) -> list[int]:
    return [layer.count_params() for layer in model.layers]


def test_weight_sharing_of_deck_000() -> None:
    maps, full = Conv2D(20, 5), Dense(15, use_bias=False)
    maps.build((28, 28, 1))
    full.build((784,))
    assert (maps.count_params(), full.count_params()) == (20 * 5 * 5 + 20, 784 * 15) == (520, 11_760)


def test_perceptron_has_7850_parameters() -> None:
    model = Sequential([Dense(10, input_shape=(784,)), Activation("softmax")])
    assert counts(model) == [784 * 10 + 10, 0]
    assert model.count_params() == 7_850


def test_two_hidden_layers_have_118282_parameters() -> None:
    hidden = [Dense(128, input_shape=(784,)), Activation("relu"), Dense(128), Activation("relu")]
    model = Sequential([*hidden, Dense(10), Activation("softmax")])
    assert [n for n in counts(model) if n] == [100_480, 16_512, 1_290]
    assert model.count_params() == 118_282


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_cnn_has_1256080_parameters(data_format: str) -> None:
    first = data_format == "channels_first"

    def shape(spatial: int, channels: int) -> tuple[int, ...]:
        return (channels, spatial, spatial) if first else (spatial, spatial, channels)

    set_seed(1671)
    model = Sequential(
        [
            Conv2D(20, kernel_size=5, padding="same", input_shape=shape(28, 1), data_format=data_format),
            Activation("relu"),
            MaxPooling2D(pool_size=(2, 2), strides=(2, 2), data_format=data_format),
            Conv2D(50, kernel_size=5, padding="same", data_format=data_format),
            Activation("relu"),
            MaxPooling2D(pool_size=(2, 2), strides=(2, 2), data_format=data_format),
            Flatten(),
            Dense(500),
            Activation("relu"),
            Dense(10),
            Activation("softmax"),
        ]
    )
    assert [n for n in counts(model) if n] == [520, 25_050, 1_225_500, 5_010]
    assert model.count_params() == 1_256_080
    shapes, now = [], shape(28, 1)
    for layer in model.layers:
        now = layer.output_shape(now)
        shapes.append(now)
    images = [shape(28, 20), shape(28, 20), shape(14, 20), shape(14, 50), shape(14, 50), shape(7, 50)]
    assert shapes == [*images, (2450,), (500,), (500,), (10,), (10,)]


def test_conv3d_shapes_of_deck_003() -> None:
    """Indian Pines: windows (3, 3, 5) without padding, pools and zeros on the spectral axis only."""
    pools = [(1, 1, 3), (1, 1, 3), (1, 1, 2)]
    convolved, pooled = [], []
    spatial: tuple[int, ...] = (9, 9, 220)
    for pool in pools:
        spatial = Window((3, 3, 5)).output_shape(spatial)
        convolved.append(spatial)
        spatial = Window(pool, pool).output_shape(spatial)
        pooled.append(spatial)
        spatial = (*spatial[:-1], spatial[-1] + 4)
    assert convolved == [(7, 7, 216), (5, 5, 72), (3, 3, 24)]
    assert pooled == [(7, 7, 72), (5, 5, 24), (3, 3, 12)]
    kernels = [(48, 1), (32, 48), (32, 32)]
    assert [3 * 3 * 5 * c * f + f for f, c in kernels] == [2_208, 69_152, 46_112]


def test_matrix_vector_product_of_deck_002() -> None:
    """Four rows, one for each processor."""
    A, x = np.arange(16.0).reshape(4, 4), np.array([1.0, 2, 3, 4])
    assert dense(x[None], A.T.copy())[0].tolist() == [float(A[p] @ x) for p in range(4)] == [20, 60, 100, 140]


def test_activations_as_the_decks_print_them() -> None:
    x = np.arange(-5.0, 6)
    assert relu(x).tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]  # deck 000's one-liner on -5:5
    assert sign(x).tolist() == [-1] * 5 + [0] + [1] * 5
    assert leaky_relu(x, 0.1) == pytest.approx(np.maximum(x, 0.1 * x))
    assert softplus(x) == pytest.approx(np.log(1 + np.exp(x)))
    assert elu(x, 1.0) == pytest.approx(np.where(x > 0, x, np.exp(x) - 1))
    assert hard_sigmoid(np.array([-3.0, 0.0, 1.5, 3.0])) == pytest.approx([0, 0.5, 0.75, 1])


def test_softmax_of_two_classes_is_the_sigmoid() -> None:
    z = np.linspace(-8, 8, 33)
    p = softmax(np.stack([z, np.zeros_like(z)], axis=1))[:, 0]
    assert p == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-14)
