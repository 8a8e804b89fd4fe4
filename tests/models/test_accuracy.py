"""The lectures' three models learn what they learned there: on real MNIST where it is found, and on the built-in digits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.datasets import digits, mnist
from minidl.layers import Activation, Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Sequential
from minidl.optimizers import SGD, Adam, Optimizer


def lecture_model(name: str) -> Sequential:
    """Softmax regression, the perceptron with two hidden layers, or the network of deck 001, on images of bytes."""
    model = Sequential([Input((28, 28, 1)), Rescaling(1 / 255)])
    if name == "cnn":
        for filters in (20, 50):
            model.add(Conv2D(filters, kernel_size=5, padding="same"))
            model.add(Activation("relu"))
            model.add(MaxPooling2D((2, 2), strides=(2, 2)))
    model.add(Flatten())
    for units in {"softmax": (), "mlp": (128, 128), "cnn": (500,)}[name]:
        model.add(Dense(units))
        model.add(Activation("relu"))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    return model


def accuracy(name: str, optimizer: Optimizer, epochs: int, data: tuple, fuse: bool = True) -> float:
    """Test accuracy after training on the whole training part in batches of 128."""
    minidl.set_seed(1671)
    (x_train, y_train), (x_test, y_test) = data
    model = lecture_model(name)
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"], fuse=fuse)
    model.fit(x_train[..., np.newaxis], y_train, batch_size=128, epochs=epochs, verbose=0)
    return model.evaluate(x_test[..., np.newaxis], y_test, verbose=0)[1]


@pytest.fixture(scope="module")
def real_mnist() -> tuple:
    """The 70,000 images, or a skip that says what is missing."""
    folder = os.environ.get("MINIDL_DATA")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("MINIDL_DATA names no folder with real MNIST in it")
    return mnist.load_data(Path(folder) / "mnist", verbose=0)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize(
    "name, optimizer, epochs, lecture, margin",
    [
        ("softmax", SGD, 20, 0.9101, 0.004),  # deck 001: 91.01 %
        ("mlp", SGD, 20, 0.9514, 0.006),  # deck 001: 95.14 %
        ("cnn", Adam, 3, 0.9895, 0.004),  # deck 001: 99.36 % after 20
    ],
)
def test_real_mnist_as_in_the_lectures(
    name: str, optimizer: type[Optimizer], epochs: int, lecture: float, margin: float, fuse: bool, real_mnist: tuple
) -> None:
    assert accuracy(name, optimizer(), epochs, real_mnist, fuse) == pytest.approx(lecture, abs=margin)


def test_the_perceptron_learns_the_built_in_digits() -> None:
    assert 0.75 < accuracy("mlp", Adam(), 5, digits.load_data(n_train=2_000, n_test=1_000)) < 0.99


@pytest.mark.slow
def test_the_built_in_digits_rank_the_models_as_mnist_does() -> None:
    data = digits.load_data(n_train=10_000, n_test=2_000)
    softmax, mlp, cnn = (accuracy(name, Adam(), epochs, data) for name, epochs in (("softmax", 10), ("mlp", 10), ("cnn", 6)))
    assert 0.80 < softmax < mlp - 0.02
    assert mlp < cnn - 0.01
    assert cnn > 0.98
