"""What a profile changes: defaults that constructors read, in what is made from then on, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minidl import config, losses, metrics, optimizers
from minidl.errors import ArgumentError
from minidl.layers import LSTM, Activation, ActivityRegularization, BatchNormalization, Context, Dense
from minidl.models import Sequential, load_model
from minidl.profile import KERAS_2_1, KERAS_3, Profile
from minidl.regularizers import L1L2

X = np.array([[1.0, -2.0], [0.5, 3.0]])


def test_todays_keras_is_the_default():
    assert config.profile() is KERAS_3
    assert Profile("keras-3", 1e-7, 1 / 6, "sigmoid", "mean", "accuracy") == KERAS_3
    assert Profile("keras-2.1", 1e-8, 0.2, "hard_sigmoid", "sum", "acc") == KERAS_2_1


@pytest.mark.parametrize("name", ["adam", "adamw", "adagrad", "adadelta", "adamax", "nadam", "rmsprop"])
def test_epsilon_of_optimizers(name):
    assert optimizers.get(name).epsilon == 1e-7
    with config.use_profile("keras-2.1"):
        optimizer = optimizers.get(name)
        assert optimizer.epsilon == 1e-8
        assert type(optimizer)(epsilon=0.5).epsilon == 0.5
        assert "epsilon" not in repr(optimizer)
    assert optimizer.epsilon == 1e-8, "what was made keeps its numbers"
    assert repr(optimizer).endswith("(epsilon=1e-08)")


def test_hard_sigmoid_means_the_slope_of_its_time():
    np.testing.assert_allclose(Activation("hard_sigmoid")(X), np.clip(X / 6 + 0.5, 0, 1), rtol=1e-6)
    with config.use_profile("keras-2.1"):
        layer = Dense(2, activation="hard_sigmoid")
        old = Activation("hard_sigmoid")
    np.testing.assert_allclose(old(X), np.clip(0.2 * X + 0.5, 0, 1), rtol=1e-6)
    assert layer.activation.slope == 0.2
    again = Dense.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.activation.slope == 0.2, "a configuration says what was meant"
    layer = Activation("hard_sigmoid", slope=0.25)
    y = layer.forward(X)
    np.testing.assert_allclose(layer.backward(np.ones((2, 2))), np.where((y > 0) & (y < 1), 0.25, 0))
    with pytest.raises(ArgumentError, match=r"slope=0\.0"):
        Activation("hard_sigmoid", slope=0.0)


def penalised_dense():
    layer = Dense(2, "tanh", activity_regularizer=L1L2(0.1, 0.2))
    layer.build((2,))
    layer.W.value = [[0.5, -0.25], [0.125, 0.75]]
    return layer


@pytest.mark.parametrize("make", [lambda: ActivityRegularization(0.1, 0.2), penalised_dense])
def test_activity_penalties_are_means_or_sums(make):
    found = []
    for profile in ("keras-3", "keras-2.1"):
        with config.use_profile(profile):
            layer = make()
        context = Context(training=True)
        y, saved = layer.apply(layer.validated(X), context)
        found.append((float(context.penalty), layer.gradient(np.zeros_like(y), saved)))
    (mean, dx), (total, dx_total) = found
    np.testing.assert_allclose(total, 2 * mean, rtol=1e-6)
    np.testing.assert_allclose(dx_total, 2 * dx, rtol=1e-6)


def test_gates_of_recurrent_layers():
    assert LSTM(2).recurrent_activation == "sigmoid"
    with config.use_profile("keras-2.1"):
        gate = LSTM(2).recurrent_activation
        assert (gate.activation, gate.slope) == ("hard_sigmoid", 0.2)  # and remembers it when the profile changes
    layer = LSTM(2, recurrent_activation="hard_sigmoid")
    assert layer.recurrent_activation == "hard_sigmoid"
    assert LSTM.from_config(LSTM(2, recurrent_activation=gate).get_config()).recurrent_activation.slope == 0.2
    with config.use_profile(Profile("mine", recurrent_activation="relu")):
        assert LSTM(2).recurrent_activation == "relu"


def test_the_name_of_accuracy():
    loss = losses.get("sparse_categorical_crossentropy")
    assert [metrics.get(name, loss).name for name in ("accuracy", "acc")] == ["accuracy", "acc"]
    with config.use_profile("keras-2.1"):
        assert [metrics.get(name, loss).name for name in ("accuracy", "acc")] == ["acc", "acc"]


def test_a_file_means_the_same_under_every_profile(tmp_path):
    model = Sequential([Dense(2, "hard_sigmoid", input_shape=(2,)), BatchNormalization()])
    model.compile("adam", "mse")
    model.save(tmp_path / "m")
    with config.use_profile("keras-2.1"):
        again = load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.optimizer.epsilon == 1e-7


@pytest.mark.parametrize("value, words", [("keras-2", ["'keras-2'", "'keras-2.1'"]), (3, ["3", "or a Profile"])])
def test_what_is_no_profile(value, words):
    with pytest.raises(ArgumentError) as raised:
        config.set_profile(value)
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)
