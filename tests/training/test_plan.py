"""What compile decides changes the order of work, never the result."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten, MaxPooling2D
from minidl.losses import MeanSquaredError
from minidl.models import Sequential
from minidl.training.plan import make_plan, relu_behind_pool


def model(data_format: str, activation_as_layer: bool) -> Sequential:
    """Convolution, ReLU, pool, with the ReLU as an argument or as a layer of its own."""
    shape = (9, 8, 2) if data_format == "channels_last" else (2, 9, 8)
    result = Sequential()
    argument = None if activation_as_layer else "relu"
    result.add(Conv2D(5, 3, padding="same", activation=argument, data_format=data_format, input_shape=shape))
    if activation_as_layer:
        result.add(Activation("relu"))
    result.add(MaxPooling2D(3, strides=2, padding="same", data_format=data_format))
    result.add(Flatten())
    result.add(Dense(3))
    return result


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("activation_as_layer", [True, False])
def test_a_relu_behind_the_pool_gives_the_same_bits(data_format: str, activation_as_layer: bool) -> None:
    weights = []
    for fuse in (True, False):
        minidl.set_seed(4)
        m = model(data_format, activation_as_layer)
        m.compile("adam", "mse", fuse=fuse)
        x = np.random.default_rng(5).standard_normal((6, *m.input_shape))
        for _ in range(3):
            m.train_on_batch(x, np.ones((6, 3)))
        weights.append(m.get_weights())
    assert all((a == b).all() for a, b in zip(*weights))


def test_the_plan_moves_the_relu_and_leaves_the_model_alone() -> None:
    m = model("channels_last", activation_as_layer=True)
    plan, _ = make_plan(m.network, MeanSquaredError())
    names = [type(layer).__name__ for layer in plan.sublayers()]
    assert names == ["Conv2D", "MaxPooling2D", "Activation", "Flatten", "Dense"]
    assert [type(layer).__name__ for layer in m.layers][:3] == ["Conv2D", "Activation", "MaxPooling2D"]
    assert list(plan.parameters) == m.parameters


@pytest.mark.parametrize("between", [Activation("tanh"), AveragePooling2D(2)])
def test_nothing_else_is_moved(between: object) -> None:
    m = Sequential([Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), between, MaxPooling2D(2)])
    assert [type(layer) for layer in relu_behind_pool(m.network).sublayers()] == [type(layer) for layer in m.layers]
