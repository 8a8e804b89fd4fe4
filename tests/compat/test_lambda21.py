"""``Lambda`` and other functions of scripts: every known op has the right gradient, and what is not known is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from minidl import backend, config
from minidl.backend.random import set_seed
from minidl.compat.keras import activations
from minidl.compat.keras import backend as K
from minidl.compat.keras import losses as losses_2_1
from minidl.compat.keras.backend.operations import OPS
from minidl.compat.keras.layers.lambda_ import Lambda, LambdaLayer
from minidl.compat.keras.traced import Constraint as OldConstraint
from minidl.compat.keras.traced import FunctionActivation, FunctionConstraint, FunctionRegularizer
from minidl.compat.keras.traced import Regularizer as OldRegularizer
from minidl.errors import ArgumentTypeError, ShapeError, StateError
from minidl.layers import LSTM, Context, Dense, Embedding, Flatten, Input, LeakyReLU, Masking, PReLU
from minidl.models import Model, Sequential
from minidl.testing import check_gradients
from tests.gpu.strict_cupy import stand_in

X = np.random.default_rng(0).normal(size=(4, 3, 5))
C = np.random.default_rng(1).normal(size=5)
W = K.variable(np.random.default_rng(2).normal(size=(5, 2)))

FUNCTIONS = {  # of x (n, 3, 5): a function of K, and the same in NumPy
    "x ** 2": (lambda x: x**2, lambda x: x**2),
    "x / 255.": (lambda x: x / 255.0, lambda x: x / 255),
    "x * 2 - 1": (lambda x: x * 2 - 1, lambda x: x * 2 - 1),
    "1 - x": (lambda x: 1 - x, lambda x: 1 - x),
    "1 / (1 + x^2)": (lambda x: 1.0 / (1.0 + x * x), lambda x: 1 / (1 + x * x)),
    "2 ** x": (lambda x: 2.0**x, lambda x: 2.0**x),
    "x ** x": (lambda x: (x**2 + 1) ** x, lambda x: (x**2 + 1) ** x),
    "-x": (lambda x: -x + abs(x), lambda x: -x + abs(x)),
    "array": (lambda x: C * x + C, lambda x: C * x + C),
    "mean": (lambda x: K.mean(x, axis=1), lambda x: x.mean(1)),
    "mean of two axes": (lambda x: K.mean(x, axis=[1, 2]), lambda x: x.mean((1, 2))),
    "sum": (lambda x: K.sum(x, axis=-1, keepdims=True), lambda x: x.sum(-1, keepdims=True)),
    "max": (lambda x: K.max(x, axis=1), lambda x: x.max(1)),
    "min": (lambda x: K.min(x, axis=-1), lambda x: x.min(-1)),
    "prod": (lambda x: K.prod(x, axis=1), lambda x: x.prod(1)),
    "var": (lambda x: K.var(x, axis=1), lambda x: x.var(1)),
    "std": (lambda x: K.std(x, axis=1), lambda x: x.std(1)),
    "cumsum": (lambda x: K.cumsum(x, axis=1), lambda x: x.cumsum(1)),
    "cumprod": (lambda x: K.cumprod(x, axis=1), lambda x: x.cumprod(1)),
    "logsumexp": (lambda x: K.logsumexp(x, axis=1), lambda x: np.log(np.exp(x).sum(1))),
    "abs": (K.abs, np.abs),
    "square": (K.square, np.square),
    "sqrt": (lambda x: K.sqrt(K.square(x) + 1), lambda x: np.sqrt(x * x + 1)),
    "exp": (K.exp, np.exp),
    "log": (lambda x: K.log(x**2 + 1), lambda x: np.log(x**2 + 1)),
    "sin, cos": (lambda x: K.sin(x) * K.cos(x), lambda x: np.sin(x) * np.cos(x)),
    "sigmoid": (K.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "tanh": (K.tanh, np.tanh),
    "relu": (K.relu, lambda x: np.maximum(x, 0)),
    "relu, bounded": (lambda x: K.relu(x, 0.1, 1.0), lambda x: np.minimum(np.where(x > 0, x, 0.1 * x), 1)),
    "elu": (lambda x: K.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    "selu": (activations.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    "softmax": (K.softmax, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "softmax, axis": (lambda x: activations.softmax(x, 1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    "softplus": (K.softplus, lambda x: np.log1p(np.exp(x))),
    "softsign": (K.softsign, lambda x: x / (1 + np.abs(x))),
    "hard_sigmoid": (K.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
    "clip": (lambda x: K.clip(x, -0.5, 0.7), lambda x: np.clip(x, -0.5, 0.7)),
    "maximum": (lambda x: K.maximum(x, 0.3) + K.minimum(x, C), lambda x: np.maximum(x, 0.3) + np.minimum(x, C)),
    "l2_normalize": (lambda x: K.l2_normalize(x, axis=-1), lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))),
    "expand, squeeze": (lambda x: K.squeeze(K.expand_dims(x, 1), 1) * 2, lambda x: 2 * x),
    "reshape": (lambda x: K.reshape(x, (-1, 15)) ** 2, lambda x: x.reshape(-1, 15) ** 2),
    "reshape by K.shape": (lambda x: K.reshape(x, (K.shape(x)[0], 5, 3)), lambda x: x.reshape(-1, 5, 3)),
    "batch_flatten": (K.batch_flatten, lambda x: x.reshape(len(x), -1)),
    "permute": (lambda x: K.permute_dimensions(x, (0, 2, 1)), lambda x: x.transpose(0, 2, 1)),
    "concatenate": (lambda x: K.concatenate([x, -x], axis=1), lambda x: np.concatenate([x, -x], 1)),
    "stack": (lambda x: K.stack([x, 2 * x], axis=1), lambda x: np.stack([x, 2 * x], 1)),
    "last step": (lambda x: x[:, -1, :], lambda x: x[:, -1, :]),
    "slices": (lambda x: x[:, ::2, None, 1:3], lambda x: x[:, ::2, None, 1:3]),
    "reverse": (lambda x: K.reverse(x, 1), lambda x: x[:, ::-1]),
    "tile": (lambda x: K.tile(x, (1, 2, 1)), lambda x: np.tile(x, (1, 2, 1))),
    "repeat": (lambda x: K.repeat(x[:, 0], 3), lambda x: np.repeat(x[:, :1], 3, 1)),
    "repeat_elements": (lambda x: K.repeat_elements(x, 2, 1), lambda x: np.repeat(x, 2, 1)),
    "padding": (lambda x: K.temporal_padding(x, (1, 2)), lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0)))),
    "resize": (
        lambda x: K.resize_images(K.expand_dims(x, -1), 2, 3, "channels_last"),
        lambda x: np.repeat(np.repeat(x[..., None], 2, 1), 3, 2),
    ),
    "dot": (lambda x: K.dot(x, W), lambda x: x @ W.get_value().astype("float64")),
    "batch_dot": (lambda x: K.batch_dot(x, x, axes=(2, 2)), lambda x: np.einsum("nij,nkj->nik", x, x)),
    "batch_dot of vectors": (lambda x: K.batch_dot(x[:, 0], x[:, 1], axes=1), lambda x: (x[:, 0] * x[:, 1]).sum(1)[:, None]),
    "batch_dot of both": (lambda x: K.batch_dot(x, x[:, 0], axes=(2, 1)), lambda x: np.einsum("nij,nj->ni", x, x[:, 0])),
    "bias_add": (lambda x: K.bias_add(x, C), lambda x: x + C),
    "batch_normalization": (
        lambda x: K.batch_normalization(x, C, C**2, C, C, 0.1),
        lambda x: (x - C) / np.sqrt(C**2 + 0.1) * C + C,
    ),
    "switch": (lambda x: K.switch(K.greater(x, 0), x * 2, x * 3), lambda x: np.where(x > 0, 2 * x, 3 * x)),
    "gather": (
        lambda x: K.gather(W, K.cast(K.argmax(x), "int32")) * x[:, :, :2],
        lambda x: W.get_value().astype("float64")[x.argmax(-1)] * x[:, :, :2],
    ),
    "one_hot": (lambda x: K.one_hot(K.argmax(x), 5) * x, lambda x: (x == x.max(-1, keepdims=True)) * x),
    "like": (lambda x: K.ones_like(x) * x + K.zeros_like(x), lambda x: x),
    "length": (lambda x: x / K.cast(K.shape(x)[0], "float32"), lambda x: x / len(x)),
    "categorical": (
        lambda x: K.categorical_crossentropy(K.one_hot(K.argmax(x), 5), K.softmax(x)),
        lambda x: -(x.max(-1) - np.log(np.exp(x).sum(-1))),
    ),
    "binary": (lambda x: K.binary_crossentropy(0.3, K.sigmoid(x)), lambda x: np.log1p(np.exp(x)) - 0.3 * x),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name):
    function, expected = FUNCTIONS[name]
    layer = LambdaLayer(function)
    y = Lambda(function, dtype="float64")(X)
    np.testing.assert_allclose(y, expected(X), rtol=1e-6, atol=1e-12)
    report = check_gradients(layer, X, directions=1)
    assert report.rows[0].proven, report
    assert not report.wrong, report
    problems = [text for text in report.problems if "is not a Parameter" not in text]  # constants and variables are none
    assert not problems
    assert layer.output_shape((3, 5)) == expected(X).shape[1:]


@pytest.mark.parametrize("name", [*FUNCTIONS, "dropout", "noise"])
def test_nothing_is_asked_that_cupy_lacks(name):
    """On the stand-in for CuPy, with the CPU's numbers."""
    others = {"dropout": lambda x: K.dropout(x, 0.4), "noise": lambda x: x + K.random_normal((K.shape(x)[0], 3, 5))}
    function, found = others.get(name) or FUNCTIONS[name][0], []
    for on_card in (False, True):
        with stand_in(), backend.use_backend("cupy" if on_card else "numpy"), config.use_kernels("reference"):
            set_seed(3)
            layer = LambdaLayer(function, dtype="float64")
            y = layer.forward(X)
            dx = layer.backward(np.ones(y.shape))
            found.append([a.get() if on_card else a for a in (y, dx)])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + K.random_normal(shape=(K.shape(x)[0], 3, 5), mean=1.0, stddev=0.5),
        lambda x: x * K.random_uniform(K.shape(x), 1.0, 2.0),
        lambda x: K.dropout(x, 0.4),
        lambda x: x * K.random_binomial(K.shape(x), 0.5),
    ],
)
def test_random_numbers_are_those_of_the_pass(function):
    layer = Lambda(function)
    report = check_gradients(layer, X, directions=1)
    assert report.ok, report
    one, two = layer.forward(X), layer.forward(X)
    assert (one != two).any(), "each step draws others"


def test_random_numbers_have_their_distribution():
    layer = Lambda(lambda x: K.random_normal((K.shape(x)[0], 1000), 2.0, 3.0) + 0 * x)
    y = layer.forward(np.zeros((10, 1)))
    assert abs(y.mean() - 2) < 0.15
    assert abs(y.std() - 3) < 0.15
    layer = Lambda(lambda x: K.dropout(x, 0.25))
    y = layer.forward(np.ones((100, 100)))
    assert set(np.unique(y).round(5)) == {0.0, np.float32(4 / 3).round(5)}
    assert abs((y == 0).mean() - 0.25) < 0.02


def test_modes():
    layer = Lambda(lambda x: K.in_train_phase(x * 2, x * 3))
    np.testing.assert_allclose(layer.apply(X, Context(training=True))[0], 2 * X)
    np.testing.assert_allclose(layer(X), 3 * X, rtol=1e-6)
    assert check_gradients(layer, X, directions=1).ok
    other = Lambda(lambda x: K.in_test_phase(x * 2, x * 3))
    np.testing.assert_allclose(other(X), 2 * X, rtol=1e-6)


def test_two_inputs_as_in_siamese_networks():
    def distance(pair):
        x, y = pair
        return K.sqrt(K.sum(K.square(x - y), axis=1, keepdims=True))

    a, b = Input((3,)), Input((3,))
    layer = Lambda(distance, output_shape=lambda shapes: (shapes[0][0], 1))
    model = Model([a, b], layer([a, b]))
    assert model.output_shape == (1,)
    x, y = X[:, 0, :3], X[:, 1, :3]
    expected = np.sqrt(((x - y) ** 2).sum(1, keepdims=True))
    np.testing.assert_allclose(model.predict([x, y], verbose=0), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    assert check_gradients(model, [x, y], np.ones((4, 1)), directions=1).ok
    twice = Model(a, Lambda(lambda t: K.abs(t[0] - t[1]))([a, Dense(3)(a)]))
    twice.compile("sgd", "mse")
    assert check_gradients(twice, x, np.ones((4, 3)), directions=1).ok
    one_only = Model([a, b], Lambda(lambda t: t[0] * 2)([a, Dense(3)(b)]))
    assert one_only.predict([x, y], verbose=0).shape == (4, 3)


def test_several_results():
    a = Input((3, 5))
    first, second = Lambda(lambda x: [x * 2, K.sum(x, axis=1)])(a)
    model = Model(a, Dense(2)(second))
    both = Model(a, [first, second])
    two, total = both.predict(X, verbose=0)
    np.testing.assert_allclose(two, 2 * X, rtol=1e-6)
    np.testing.assert_allclose(total, X.sum(1), rtol=1e-5)
    model.compile("sgd", "mse")
    assert check_gradients(model, X, np.ones((4, 2)), directions=1).ok


def test_arguments_masks_and_shapes():
    layer = Lambda(lambda x, factor=1, shift=0: x * factor + shift, arguments={"factor": 3, "shift": 1})
    np.testing.assert_allclose(layer(X), 3 * X + 1, rtol=1e-5)

    def mean_of_steps(x, mask=None):
        if mask is None:
            return K.mean(x, axis=1)
        mask = K.expand_dims(K.cast(mask, "float32"))
        return K.sum(x * mask, axis=1) / K.sum(mask, axis=1)

    padded = X.copy()
    padded[:, 2] = 0
    model = Sequential([Masking(input_shape=(3, 5)), Lambda(mean_of_steps)])
    np.testing.assert_allclose(model.predict(padded, verbose=0), padded[:, :2].mean(1), rtol=1e-5)
    np.testing.assert_allclose(Lambda(mean_of_steps)(padded), padded.mean(1), rtol=1e-5)
    model = Sequential([Masking(input_shape=(3, 5)), Lambda(lambda x: x * 1, mask=lambda x, mask: mask), LSTM(2)])
    plain = Sequential([Masking(input_shape=(3, 5)), model.layers[-1]])
    np.testing.assert_allclose(model.predict(padded, verbose=0), plain.predict(padded, verbose=0), rtol=1e-6)

    column = Lambda(lambda x: K.sum(x, axis=[1, 2]), output_shape=(1,))
    assert column(X).shape == (4, 1)
    with pytest.raises(ShapeError, match=r"output_shape=\(7,\)"):
        Lambda(lambda x: x, output_shape=(7,))(X)
    with pytest.raises(ShapeError, match="a result for each sample"):
        Lambda(lambda x: K.sum(x))(X)
    lengths = Lambda(lambda x: K.reverse(x, 1) * 2)
    model = Sequential([lengths])
    model.build((None, 5))
    assert model.output_shape == (None, 5)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * X[:, ::-1], rtol=1e-6)


def test_what_is_not_known_is_refused_in_a_sentence():
    for function, text in (
        (lambda x: K.rnn(None, x, []), r"K.rnn: .*a recurrent layer"),
        (lambda x: K.conv2d(x, W), r"K.conv2d: .*the layer Conv2D"),
        (lambda x: K.map_fn(abs, x), r"K.map_fn: .*TimeDistributed"),
        (lambda x: K.gradients(x, x), r"K.gradients: .*input_gradient"),
        (lambda x: x if x > 0 else -x, r"an if.*K.switch"),
        (lambda x: x[:, K.argmax(x)[0, 0]], r"as index.*K.gather"),
        (lambda x: "text", r"'text' as its result"),
        (lambda x: K.dot(x, "W"), r"'W' in place of numbers"),
        (lambda x: K.update(K.variable(0.0), x), r"K.update: .*context.update"),
        (lambda x: list(x), r"a loop over an axis of unknown length"),
        (lambda x: x + Input((3, 5)), r"reads results of other layers"),
    ):
        with pytest.raises(ArgumentTypeError, match=text):
            Lambda(function)(X)
    with pytest.raises(ShapeError, match=r"K.add: .*\(None, 3, 5\), \(2,\)"):
        Lambda(lambda x: x + np.ones(2))(X)
    with pytest.raises(ArgumentTypeError, match=r"the result of K.mean.*Lambda"):
        Lambda(K.square)(K.mean(Input((3,)), axis=-1))
    model = Sequential([Dense(2, input_shape=(3,)), Lambda(lambda x: K.round(x))])
    model.compile("sgd", "mse")
    with pytest.raises(StateError, match="lambda"):
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)


def test_variables_are_read_at_every_pass():
    weight = K.variable(1.0)
    layer = Lambda(lambda x: x * weight + K.variable(2.0))
    np.testing.assert_allclose(layer(X), X + 2, rtol=1e-6)
    K.set_value(weight, 5.0)
    np.testing.assert_allclose(layer(X), 5 * X + 2, rtol=1e-6)
    assert check_gradients(layer, X, directions=0).rows[0].proven


def test_weights_of_layers_within_a_function_are_trained():
    inner = Dense(2, use_bias=False)
    inner.build((5,))
    layer = Lambda(lambda x: K.dot(x, inner.W) + K.sum(K.square(inner.W)))
    x = X.astype("float32")
    layer.forward(x)
    inner.W.zero_grad()
    layer.backward(np.ones((4, 3, 2), "float32"))
    np.testing.assert_allclose(inner.W.grad, np.repeat(x.sum((0, 1))[:, None], 2, 1) + 2 * 24 * inner.W.value, rtol=1e-4)


def test_copies_and_configurations():
    def doubled(x):
        return x * 2

    layer = Lambda(doubled, name="twice")
    layer(X)
    for other in (copy.deepcopy(layer), LambdaLayer.from_config(layer.get_config(), {"doubled": doubled})):
        np.testing.assert_allclose(other(X), 2 * X, rtol=1e-6)
        assert other.name == "twice"
    assert layer.get_config()["function"]["class_name"] == "doubled"
    assert layer.get_config()["function"] is not doubled
    assert layer.function is doubled
    pickle.loads(pickle.dumps(Lambda(K.softplus)))
    assert Lambda(lambda x: x).get_config()["function"]["class_name"] == "<lambda>"
    with pytest.raises(ArgumentTypeError, match="a function"):
        Lambda(3)
    with pytest.raises(ArgumentTypeError, match="output_shape=3"):
        Lambda(abs, output_shape=3)


def test_lambda_within_models_learns_as_a_layer_of_minidl():
    model = Sequential([Lambda(lambda x: x / 255.0 - 0.5, input_shape=(3, 5)), Flatten(), Dense(2)])
    model.compile("sgd", "mse")
    assert check_gradients(model, X * 255, np.ones((4, 2)), directions=1).ok
    ids = Sequential([Embedding(7, 4, input_shape=(3,)), Lambda(lambda x: K.mean(x, axis=1))])
    assert ids.predict(np.array([[1, 2, 3]]), verbose=0).shape == (1, 4)


# -- activations, penalties, constraints -------------------------------------------------------------------------------


def test_functions_as_activations():
    def swish(x):
        return x * K.sigmoid(x)

    own, known = Dense(4, activation=activations.for_layer(swish)), Dense(4, activation="swish")
    x = X[:, 0]
    own.build((5,)), known.build((5,))
    known.set_weights(own.get_weights())
    np.testing.assert_allclose(own(x), known(x), rtol=1e-5)
    assert check_gradients(own, x, directions=1).ok
    model = Sequential([own])
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 4)), verbose=0)
    for other in (copy.deepcopy(own), pickle.loads(pickle.dumps(Dense(4, activation=FunctionActivation(K.softplus))))):
        assert other(x).shape == (4, 4)
    plain = own.activation._plain()
    assert plain["custom"]
    assert plain["config"]["function"]["class_name"] == "swish"
    layer = Dense(4, activation=activations.for_layer(lambda x: K.round(x)))
    layer.forward(x)
    with pytest.raises(StateError, match="has no gradient"):
        layer.backward(np.ones((4, 4)))


def test_functions_of_keras_and_layers_as_activations():
    for function in (activations.relu, activations.softmax, activations.hard_sigmoid, K.tanh, K.sigmoid):
        assert activations.for_layer(function) == function.__name__
    leaky = activations.for_layer(LeakyReLU(0.25))
    assert (leaky.activation, leaky.negative_slope) == ("leaky_relu", 0.25)
    with pytest.raises(ArgumentTypeError, match="has weights"):
        activations.for_layer(PReLU())
    with pytest.raises(ArgumentTypeError, match="as a layer of its own"):
        activations.for_layer(LeakyReLU)
    bounded = Dense(4, activation=activations.for_layer(lambda x: K.relu(x, max_value=0.5)))
    assert bounded(X[:, 0] * 10).max() == 0.5
    x = np.array([[-3.0, -0.5, 0.5, 3.0]])
    assert activations.relu(x, 0.5, 2.0).tolist() == [[-1.5, -0.25, 0.5, 2.0]]
    assert activations.linear(x) is x
    np.testing.assert_allclose(activations.elu(x, 2.0)[0, 0], 2 * np.expm1(-3))
    np.testing.assert_allclose(activations.hard_sigmoid(x), [[0, 0.4, 0.6, 1]])
    np.testing.assert_allclose(activations.softsign(x), x / (1 + abs(x)))
    np.testing.assert_allclose(activations.softplus(x), np.log1p(np.exp(x)))
    assert activations.get("tanh") is activations.tanh
    assert activations.serialize(activations.selu) == "selu"


def test_penalties_and_constraints_of_a_script():
    w = np.array([[1.0, -2.0], [3.0, 0.5]])
    penalty = FunctionRegularizer(lambda w: 0.1 * K.sum(K.abs(w)) + 0.5 * K.sum(K.square(w)))
    np.testing.assert_allclose(penalty.value(w), 0.1 * 6.5 + 0.5 * 14.25)
    np.testing.assert_allclose(penalty.gradient(w), 0.1 * np.sign(w) + w)

    class Own(OldRegularizer):
        def __call__(self, x):
            return 0.5 * K.sum(K.square(x - 1.0))

    np.testing.assert_allclose(Own().gradient(w), w - 1)
    np.testing.assert_allclose(Own().value(w), 0.5 * ((w - 1) ** 2).sum())

    class Unit(OldConstraint):
        def __call__(self, w):
            return w / K.sqrt(K.sum(K.square(w), axis=0, keepdims=True))

    for constraint in (Unit(), FunctionConstraint(lambda w: w / K.sqrt(K.sum(K.square(w), axis=0, keepdims=True)))):
        np.testing.assert_allclose((constraint.apply(w) ** 2).sum(0), 1)
    with pytest.raises(ShapeError, match="constraint"):
        FunctionConstraint(lambda w: K.sum(w)).apply(w)
    layer = Dense(2, input_shape=(2,), kernel_regularizer=Own(), kernel_constraint=Unit(), use_bias=False)
    model = Sequential([layer])
    model.compile("sgd", "mse")
    before = model.get_weights()[0].astype("float64")
    loss = model.fit(np.zeros((1, 2)), np.zeros((1, 2)), verbose=0).history["loss"][0]
    np.testing.assert_allclose(loss, 0.5 * ((before - 1) ** 2).sum(), rtol=1e-5)
    new = before - 0.01 * (before - 1)
    np.testing.assert_allclose(model.get_weights()[0], new / np.sqrt((new**2).sum(0)), rtol=1e-5)


def test_every_op_that_has_a_gradient_is_looked_at_above():
    used = set()
    for function, _ in FUNCTIONS.values():
        used |= {node.op for node in LambdaLayer(function).tape((3, 5)).order}
    used |= {"softmax_cross_entropy"}  # losses: tests/compat/test_losses21.py
    assert {name for name, op in OPS.items() if op.gradients} <= used
    assert losses_2_1.NAMES


def test_a_number_of_samples_in_a_function_is_that_of_the_batch() -> None:
    noise = Lambda(lambda x: x + K.random_normal((20, 2)))
    model = Model(x := Input((2,)), noise(x))
    assert model.output_shape == (2,)
    assert abs(model.predict(np.zeros((20, 2)), verbose=0)).max() > 0
    with pytest.raises(ShapeError, match=r"a batch of 3 samples; expected 20.*K\.shape\(x\)\[0\]"):
        model.predict(np.zeros((3, 2)), verbose=0)
    for function in (lambda x: K.reshape(x, (20, 2)) * 2, lambda x: K.concatenate([x, K.zeros((20, 1))])):
        report = check_gradients(LambdaLayer(function), np.random.default_rng(0).normal(size=(20, 2)), directions=1)
        assert report.rows[0].proven, report
    with pytest.raises(ShapeError) as raised:
        Lambda(lambda x: x + K.zeros((3,)))(Input((2,)))
    assert "K.shape" not in str(raised.value)
    with pytest.raises(ShapeError, match=r"\(None, 2\), \(20, 2\).*K\.shape\(x\)\[0\]"):
        Lambda(lambda x: x + K.zeros((20, 2)) + K.zeros((30, 2)))(Input((2,)))
