"""What compile decides changes the order of work, never the result."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    MaxPooling2D,
)
from minidl.layers.context import Context
from minidl.losses import MeanSquaredError
from minidl.models import Sequential
from minidl.testing import check_gradients
from minidl.training.plan import for_inference, make_plan


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


def perceptron(activation_as_layer: bool) -> Sequential:
    """ReLU behind a convolution without a pool and behind a dense layer, as an argument or as the lectures write it."""
    argument = None if activation_as_layer else "relu"
    result = Sequential([Conv2D(3, 3, activation=argument, input_shape=(6, 6, 2))])
    for layer in (Flatten(), Dense(7, activation=argument)):
        if activation_as_layer and isinstance(layer, Flatten):
            result.add(Activation("relu"))
        result.add(layer)
    if activation_as_layer:
        result.add(Activation("relu"))
    result.add(Dense(2))
    return result


@pytest.mark.parametrize("activation_as_layer", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_relu_is_computed_with_the_sums_however_it_is_written(activation_as_layer: bool, training: bool) -> None:
    m = perceptron(activation_as_layer)
    plan = make_plan(m.network, MeanSquaredError())[0] if training else for_inference(m.network)
    assert [type(layer).__name__ for layer in plan.sublayers()] == ["Conv2D", "Flatten", "Dense", "Dense"]
    names = [layer.activation.activation for layer in plan.sublayers() if hasattr(layer, "activation")]
    assert names == ["relu", "relu", "linear"]
    assert list(plan.parameters) == m.parameters
    assert len(m.layers) == (6 if activation_as_layer else 4)
    x = np.random.default_rng(0).standard_normal((5, 6, 6, 2)).astype("float32")
    y, saved = plan.apply(x, Context(training=True))
    expected, kept = m.network.apply(x, Context(training=True))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    dy = np.ones_like(y)
    np.testing.assert_allclose(plan.gradient(dy, saved), m.network.gradient(dy, kept), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation_as_layer", [True, False])
def test_predict_notices_an_activation_given_later(activation_as_layer: bool) -> None:
    m = perceptron(activation_as_layer)
    x = np.random.default_rng(1).standard_normal((5, 6, 6, 2)).astype("float32")
    before = m.predict(x)
    m.layers[0].activation = Activation("tanh")
    after = m.predict(x)
    np.testing.assert_allclose(after, m.network.apply(x)[0], rtol=1e-5, atol=1e-6)
    assert abs(after - before).max() > 1e-3


def test_in_prediction_relu_stays_before_the_pool() -> None:
    for activation_as_layer in (True, False):
        m = model("channels_last", activation_as_layer)
        layers = list(for_inference(m.network).sublayers())
        assert [type(layer).__name__ for layer in layers] == ["Conv2D", "MaxPooling2D", "Flatten", "Dense"]
        assert layers[0].activation.activation == "relu"


def test_a_relu_that_is_not_behind_a_sum_stays_a_layer() -> None:
    m = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Activation("relu"), Flatten(), Activation("relu")])
    assert for_inference(m.network) is m.network
    assert make_plan(m.network, MeanSquaredError())[0] is m.network


@pytest.mark.parametrize("between", [Activation("tanh"), AveragePooling2D(2)])
def test_nothing_else_is_moved(between: object) -> None:
    m = Sequential([Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), between, MaxPooling2D(2)])
    assert make_plan(m.network, MeanSquaredError())[0] is m.network


# -- ReLU behind batch normalisation --------------------------------------------------------------------------------------


def normalized(axis: int = -1, masked: bool = False) -> Sequential:
    """Batch normalisation and ReLU, with a gamma and a beta that hide nothing."""
    minidl.set_seed(4)
    first = Embedding(5, 6, mask_zero=True, input_shape=(7,)) if masked else Dense(6, input_shape=(7, 6))
    result = Sequential([first, BatchNormalization(axis=axis), Activation("relu"), Flatten(), Dense(2)])
    random = np.random.default_rng(2)
    result.set_weights([w + random.normal(0, 0.5, w.shape) ** (2 if "variance" in p.name else 1)
                        for w, p in zip(result.get_weights(), result.weights)])  # fmt: skip
    return result


@pytest.mark.parametrize("masked, axis", [(False, -1), (False, 1), (True, -1)])
@pytest.mark.parametrize("frozen", [False, True])
def test_relu_behind_batch_normalisation_is_one_layer_with_the_same_numbers(masked: bool, axis: int, frozen: bool) -> None:
    random = np.random.default_rng(3)
    x = random.integers(0, 5, (8, 7)) if masked else random.standard_normal((8, 7, 6))
    trained = []
    for fuse in (True, False):
        m = normalized(axis, masked)
        m.compile("sgd", "mse", fuse=fuse)
        m.layers[1].trainable = not frozen  # after compile: the plan has to see it
        names = [type(layer).__name__ for layer in m._compiled_step().network.sublayers()]
        assert ("NormalizationAndRelu" in names) == fuse
        assert ("Activation" in names) == (not fuse)
        losses = [m.train_on_batch(x, np.ones((8, 2))) for _ in range(3)]
        trained.append([*losses, *m.get_weights(), m.predict(x)])
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_through_batch_normalisation_and_relu(training: bool) -> None:
    normalization = BatchNormalization()
    normalization.build((3, 4))
    fused = normalization.absorb(Activation("relu"))
    assert fused is not None
    check_gradients(fused, np.random.default_rng(1).normal(size=(5, 3, 4)), training=training).raise_if_failed()


def test_only_a_plain_relu_is_taken_by_batch_normalisation() -> None:
    class Mine(BatchNormalization):
        def apply(self, x, context):
            return super().apply(x, context)

    normalization = BatchNormalization()
    assert normalization.absorb(Activation("tanh")) is normalization.absorb(Dense(2)) is None
    assert Mine().absorb(Activation("relu")) is None
