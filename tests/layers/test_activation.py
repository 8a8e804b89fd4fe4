"""Activation: names, options, what is kept for the gradient, configuration."""

import copy
import pickle

import numpy as np
import pytest

from minidl.layers import Activation, Context, Conv2D, Dense
from minidl.layers.activation import ALIASES, FORMULAS
from tests.cases.layers import ACTIVATIONS
from tests.cases.ops import OF_X

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(4, 3)
WITH_OPTIONS = [
    Activation("leaky_relu", negative_slope=0.5),
    Activation("leaky_relu", 0.5),
    Activation("elu", alpha=0.25),
    Activation("gelu", approximate=True),
    Activation("gelu", approximate=False),
]


def test_the_table_of_cases_has_every_function():
    assert set(ACTIVATIONS) == set(FORMULAS)
    assert set(OF_X) == {name for name, formula in FORMULAS.items() if formula.of_x}


@pytest.mark.parametrize("name", [*FORMULAS, *ALIASES])
def test_every_name_is_a_string_for_layers_and_in_the_docstring(name):
    expected = Activation(name)(X)
    np.testing.assert_array_equal(Dense(3, activation=name, kernel_initializer="identity")(X), expected)
    images = X.reshape(1, 2, 2, 3)
    layer = Conv2D(3, 1, activation=name)
    layer.ensure_built((2, 2, 3))
    layer.W.value[...] = np.eye(3)
    np.testing.assert_array_equal(layer(images), expected.reshape(1, 2, 2, 3))
    assert name in Activation.__doc__


def test_silu_is_swish():
    np.testing.assert_array_equal(Activation("silu")(X), Activation("swish")(X))
    assert Activation("silu").activation == "swish"


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_kept_is_what_the_gradient_is_a_function_of(name):
    y, saved = Activation(name).apply(X)
    assert saved is {True: X, False: y}[name in OF_X] or name == "linear"
    assert Activation(name).apply(X, Context(keep=False))[1] is None


@pytest.mark.parametrize("layer", [*WITH_OPTIONS, *map(Activation, FORMULAS)], ids=lambda layer: layer.activation)
def test_copies_are_equal(layer):
    y = layer.forward(X, training=True)
    dx = layer.backward(np.ones_like(y))
    for other in (
        Activation.from_config(layer.get_config()),
        pickle.loads(pickle.dumps(layer)),
        copy.deepcopy(layer),
    ):
        np.testing.assert_array_equal(other.forward(X, training=True), y)
        np.testing.assert_array_equal(other.backward(np.ones_like(y)), dx)
        assert other.options == layer.options


def test_options_are_attributes_and_none_means_the_functions_default():
    assert (WITH_OPTIONS[0].negative_slope, WITH_OPTIONS[0].alpha, WITH_OPTIONS[0].approximate) == (0.5, None, None)
    assert WITH_OPTIONS[0].options == WITH_OPTIONS[1].options == {"negative_slope": 0.5}
    assert Activation("elu").options == {}
    for name, option, default in (("leaky_relu", "negative_slope", 0.2), ("elu", "alpha", 1.0), ("gelu", "approximate", False)):
        np.testing.assert_array_equal(Activation(name)(X), Activation(name, **{option: default})(X))


@pytest.mark.parametrize(
    "function, kind, words",
    [
        (lambda: Activation("relu", alpha=1.0), TypeError, ["Activation('relu')", "the option 'alpha'", "no options"]),
        (lambda: Activation("relu", 0.2), TypeError, ["the option 'negative_slope'", "no options"]),
        (lambda: Activation("swish", approximate=True), TypeError, ["the option 'approximate'", "no options"]),
        (lambda: Activation("softmax", alpha=0.0), TypeError, ["the option 'alpha'", "no options"]),
        (lambda: Activation("leaky_relu", alpha=0.1), TypeError, ["'alpha'", "Did you mean 'negative_slope'"]),
        (lambda: Activation("gelu", alpha=0.1), TypeError, ["'alpha'", "expected the options approximate"]),
        (lambda: Activation("elu", approximate=False), TypeError, ["'approximate'", "expected the options alpha"]),
        (lambda: Activation("elu", alpha=-1), ValueError, ["alpha=-1", "a finite number >= 0"]),
        (lambda: Activation("elu", alpha=float("nan")), ValueError, ["alpha=nan"]),
        (lambda: Activation("elu", alpha="1"), TypeError, ["alpha='1'", "a number"]),
        (lambda: Activation("elu", alpha=True), TypeError, ["alpha=True", "a number"]),
        (lambda: Activation("gelu", approximate=1), TypeError, ["approximate=1", "True or False"]),
        (lambda: Activation("gelu", approximate="tanh"), TypeError, ["approximate='tanh'", "True or False"]),
        (lambda: Activation("relu", slope=1), TypeError, ["slope"]),
        (lambda: Activation("SiLU"), ValueError, ["'SiLU'", "Did you mean 'swish'"]),
        (lambda: Activation("logsoftmax"), ValueError, ["Did you mean 'log_softmax'"]),
        (lambda: Dense(3, activation="GELU"), ValueError, ["Dense", "activation='GELU'", "Did you mean 'gelu'"]),
        (lambda: Activation(None), TypeError, ["None", "a name: linear"]),
    ],
)
def test_mistakes(function, kind, words):
    with pytest.raises(kind) as raised:
        function()
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)
