"""Borders, upsampling, pools by rank and layers of steps against Keras 3 itself: values, gradients of training steps, masks."""

import importlib.util

import numpy as np
import pytest

import minidl.layers
from minidl.models import Sequential
from minidl.optimizers import SGD

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("keras", "torch"))), reason="Keras 3 or PyTorch is not installed"
    ),
]
CLOSE = 1e-9

LAYERS = [  # class, arguments, shape of a sample
    ("ZeroPadding1D", {}, (4, 3)),
    ("ZeroPadding1D", {"padding": (2, 1)}, (4, 3)),
    ("ZeroPadding2D", {}, (3, 4, 2)),
    ("ZeroPadding2D", {"padding": (2, 1)}, (3, 4, 2)),
    ("ZeroPadding2D", {"padding": ((1, 0), 2), "data_format": "channels_first"}, (2, 3, 4)),
    ("ZeroPadding3D", {}, (2, 3, 4, 2)),
    ("ZeroPadding3D", {"padding": (0, (0, 1), 2)}, (2, 3, 4, 2)),
    ("Cropping1D", {}, (4, 3)),
    ("Cropping1D", {"cropping": (0, 3)}, (4, 3)),
    ("Cropping2D", {}, (3, 4, 2)),
    ("Cropping2D", {"cropping": (0, 1), "data_format": "channels_first"}, (2, 3, 4)),
    ("Cropping3D", {}, (3, 4, 5, 2)),
    ("Cropping3D", {"cropping": ((1, 0), (2, 1), (0, 3))}, (3, 4, 5, 2)),
    ("UpSampling1D", {}, (4, 3)),
    ("UpSampling1D", {"size": 3}, (4, 3)),
    ("UpSampling2D", {}, (3, 4, 2)),
    ("UpSampling2D", {"size": (1, 3), "data_format": "channels_first"}, (2, 3, 4)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (3, 4, 2)),
    ("UpSampling3D", {}, (2, 3, 4, 2)),
    ("UpSampling3D", {"size": (1, 3, 2), "data_format": "channels_first"}, (2, 2, 3, 4)),
    ("RepeatVector", {"n": 3}, (4,)),
    ("Permute", {"dims": (2, 1)}, (4, 3)),
    ("Permute", {"dims": (3, 1, 2)}, (2, 4, 3)),
    ("Masking", {}, (4, 2)),
    ("Masking", {"mask_value": 1.0}, (4, 2)),
    ("Identity", {}, (4, 2)),
    ("SpatialDropout1D", {"rate": 0.4}, (4, 2)),
    ("MaxPooling1D", {}, (7, 2)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (7, 2)),
    ("AveragePooling1D", {"pool_size": 2, "data_format": "channels_first"}, (2, 7)),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, (7, 2)),
    ("MaxPooling3D", {"pool_size": (1, 1, 3)}, (2, 3, 7, 2)),
    ("MaxPooling3D", {"padding": "same", "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("AveragePooling3D", {"pool_size": (2, 1, 3)}, (3, 3, 7, 2)),  # "same" is another thing in Keras on PyTorch
]


@pytest.mark.parametrize("name, arguments, shape", LAYERS)
def test_values_in_inference(keras, name, arguments, shape):
    x = np.random.default_rng(0).choice([0.0, 1.0, 1.5, -2.0], (3, *shape))
    x[0, 0] = 0
    x[1, 1:] = 1
    mine, theirs = getattr(minidl.layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    expected = keras.ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(mine(x), expected, rtol=CLOSE, atol=CLOSE)
    assert mine.output_shape(shape) == tuple(theirs.compute_output_shape((3, *shape)))[1:]
    if name == "Masking":
        np.testing.assert_array_equal(mine.output_mask(x, None), keras.ops.convert_to_numpy(theirs.compute_mask(x)))


@pytest.mark.parametrize("where", ["front", "behind"])
def test_training_behind_masking_and_for_every_step(keras, where):
    """A mask through TimeDistributed to the loss; weights after some steps."""

    def layers(of):
        return [of.Masking(-1.0), of.TimeDistributed(of.Dense(3, activation="tanh")), of.Dense(2)]

    rng = np.random.default_rng(1)
    model = Sequential(layers(minidl.layers))
    model.build((5, 4))
    other = keras.Sequential([keras.Input((5, 4)), *layers(keras.layers)])
    other.set_weights(model.get_weights())
    model.compile(SGD(0.1), "mse")
    other.compile(keras.optimizers.SGD(0.1), "mse")
    for _ in range(4):
        x, y = rng.normal(size=(6, 5, 4)), rng.normal(size=(6, 5, 2))
        lengths = rng.integers(1, 6, (6, 1))
        padding = np.arange(5) >= lengths if where == "behind" else np.arange(5) < 5 - lengths
        x[padding] = -1
        np.testing.assert_allclose(model.train_on_batch(x, y), other.train_on_batch(x, y), rtol=2e-6)
        np.testing.assert_allclose(model.predict(x), other.predict(x, verbose=0), rtol=2e-5, atol=2e-6)


def test_a_network_for_every_picture(keras):
    def layers(of):
        return [of.Conv2D(2, 2, activation="tanh"), of.UpSampling2D(2), of.Cropping2D(1), of.Flatten(), of.Dense(3)]

    x = np.random.default_rng(2).normal(size=(2, 3, 5, 6, 1))
    network = Sequential(layers(minidl.layers))
    model = Sequential([minidl.layers.TimeDistributed(network)])
    model.build((3, 5, 6, 1))
    inner = keras.Sequential([keras.Input((5, 6, 1)), *layers(keras.layers)])
    other = keras.Sequential([keras.Input((3, 5, 6, 1)), keras.layers.TimeDistributed(inner)])
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(x), other.predict(x, verbose=0), rtol=2e-5, atol=2e-6)  # in single precision there
