"""What the layers of an old script compute, against the formulas of Keras 2.1 written out here in NumPy."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minidl import config, constraints, initializers, regularizers
from minidl.compat.keras import layers as old
from minidl.compat.keras.layers.own import OWN, DroppingEmbedding, Highway, MaxoutDense
from minidl.compat.spelling import OldSpellingWarning
from minidl.declared import from_plain, to_plain
from minidl.errors import ArgumentError, ShapeError
from minidl.layers.context import Context
from tests.cases.sample import by_references_first

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
GENERATOR = np.random.default_rng(5)
N, T, C, U = 3, 5, 2, 4


@pytest.fixture(autouse=True, params=by_references_first)
def double(request):
    with config.use_dtype("float64"), config.use_kernels(request.param):
        yield


def hard_sigmoid(z):
    return np.clip(0.2 * z + 0.5, 0, 1)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def built(layer, shape):
    """The layer with weights that reach the flat ends of hard_sigmoid; and the weights."""
    layer.build(shape)
    weights = [GENERATOR.normal(0, 1.5, w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    return layer, weights


def lstm(x, W, R, b, gate):
    h, c, outputs = np.zeros((len(x), U)), np.zeros((len(x), U)), []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ W + h @ R + b, 4, axis=1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def gru(x, W, R, b, gate):
    h, outputs = np.zeros((len(x), U)), []
    for t in range(x.shape[1]):
        xz, xr, xh = np.split(x[:, t] @ W + b, 3, axis=1)
        Rz, Rr, Rh = np.split(R, 3, axis=1)
        z, r = gate(xz + h @ Rz), gate(xr + h @ Rr)
        h = z * h + (1 - z) * np.tanh(xh + (r * h) @ Rh)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def cudnn_gru(x, W, R, b):
    h, outputs = np.zeros((len(x), U)), []
    for t in range(x.shape[1]):
        xz, xr, xh = np.split(x[:, t] @ W + b[0], 3, axis=1)
        hz, hr, hh = np.split(h @ R + b[1], 3, axis=1)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        h = z * h + (1 - z) * np.tanh(xh + r * hh)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def simple(x, W, R, b):
    h, outputs = np.zeros((len(x), U)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + b + h @ R)
        outputs.append(h)
    return np.stack(outputs, axis=1)


RECURRENT = {
    "LSTM": lambda x, W, R, b: lstm(x, W, R, b, hard_sigmoid),
    "CuDNNLSTM": lambda x, W, R, b: lstm(x, W, R, b, sigmoid),
    "GRU": lambda x, W, R, b: gru(x, W, R, b, hard_sigmoid),
    "CuDNNGRU": cudnn_gru,
    "SimpleRNN": simple,
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers(name):
    x = GENERATOR.normal(size=(N, T, C))
    layer, weights = built(getattr(old, name)(U, return_sequences=True), (T, C))
    expected = RECURRENT[name](x, *weights)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12, atol=1e-13)
    other = getattr(old, name)(U, return_state=True, input_shape=(T, C))
    other.build((T, C))
    other.set_weights(weights)
    y, *states = other(x)
    assert len(states) == (2 if "LSTM" in name else 1)
    np.testing.assert_allclose(y, expected[:, -1], rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(states[0], y)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_a_cell_is_a_step_of_its_layer(name):
    x = GENERATOR.normal(size=(N, T, C))
    layer, weights = built(old.RNN(getattr(old, f"{name}Cell")(U), return_sequences=True), (T, C))
    np.testing.assert_allclose(layer(x), RECURRENT[name](x, *weights), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave"])
def test_bidirectional(mode):
    x = GENERATOR.normal(size=(N, T, C))
    layer, weights = built(old.Bidirectional(old.LSTM(U, return_sequences=True), merge_mode=mode), (T, C))
    one = lstm(x, *weights[:3], hard_sigmoid)
    two = lstm(x[:, ::-1], *weights[3:], hard_sigmoid)[:, ::-1]
    merged = {"concat": np.concatenate([one, two], axis=-1), "sum": one + two, "mul": one * two, "ave": (one + two) / 2}
    np.testing.assert_allclose(layer(x), merged[mode], rtol=1e-12, atol=1e-13)


def test_the_forget_gate_begins_at_one_and_the_other_biases_at_zero():
    for name in ("LSTM", "CuDNNLSTM", "ConvLSTM2D"):
        layer = old.ConvLSTM2D(U, 3) if name == "ConvLSTM2D" else getattr(old, name)(U)
        layer.build((T, 6, 6, C) if name == "ConvLSTM2D" else (T, C))
        np.testing.assert_array_equal(layer.get_weights()[2], np.repeat([0, 1, 0, 0], U))


def test_convolutional_lstm():
    layer, (W, R, b) = built(old.ConvLSTM2D(U, (1, 1), return_sequences=True), (T, 3, 3, C))
    x = GENERATOR.normal(size=(N, T, 3, 3, C))
    at_each_place = x.transpose(0, 2, 3, 1, 4).reshape(N * 9, T, C)
    expected = lstm(at_each_place, W[0, 0], R[0, 0], b, hard_sigmoid).reshape(N, 3, 3, T, U).transpose(0, 3, 1, 2, 4)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization(axis):
    x = GENERATOR.normal(2, 3, size=(6, 4, 5, 3))
    layer = old.BatchNormalization(axis=axis)
    layer.build(x.shape[1:])
    channels = x.shape[axis]
    layer.set_weights([GENERATOR.uniform(1, 2, channels) for _ in range(4)])
    gamma, beta, mean, variance = (w.reshape([channels if a == axis % 4 else 1 for a in range(4)]) for w in layer.get_weights())
    inference = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(layer(x), inference, rtol=1e-12)
    others = tuple(a for a in range(4) if a != axis % 4)
    m, v = x.mean(others, keepdims=True), x.var(others, keepdims=True)
    np.testing.assert_allclose(layer.forward(x), gamma * (x - m) / np.sqrt(v + 1e-3) + beta, rtol=1e-11)
    _, _, new_mean, new_variance = layer.get_weights()
    np.testing.assert_allclose(new_mean, (0.99 * mean + 0.01 * m).ravel(), rtol=1e-12)
    np.testing.assert_allclose(new_variance, (0.99 * variance + 0.01 * v).ravel(), rtol=1e-12)


def test_advanced_activations():
    x = np.array([[-2.0, -0.5, 0.0, 0.5, 1.0, 2.0]])
    np.testing.assert_allclose(old.LeakyReLU()(x), np.where(x > 0, x, 0.3 * x))
    np.testing.assert_allclose(old.ELU(alpha=2.0)(x), np.where(x > 0, x, 2 * np.expm1(x)))
    np.testing.assert_allclose(old.ThresholdedReLU()(x), np.where(x > 1, x, 0))
    np.testing.assert_allclose(old.Activation("hard_sigmoid")(x), hard_sigmoid(x))
    layer, (alpha,) = built(old.PReLU(), (6,))
    np.testing.assert_allclose(layer(x), np.where(x > 0, x, alpha * x))


def test_penalties_on_results_are_summed_over_the_batch():
    x = GENERATOR.normal(size=(N, U))
    for layer in (old.ActivityRegularization(l1=0.5), old.Activation("linear")):
        context = Context(training=True)
        layer.apply(x, context)
        expected = 0.5 * np.abs(x).sum() if isinstance(layer, old.ActivityRegularization) else 0
        np.testing.assert_allclose(context.penalty if expected else 0, expected, rtol=1e-12)
    dense, (W, b) = built(old.Dense(2, activity_regularizer="l2"), (U,))
    context = Context(training=True)
    dense.apply(x, context)
    np.testing.assert_allclose(context.penalty, 0.01 * ((x @ W + b) ** 2).sum(), rtol=1e-12)


def test_maxout():
    x = GENERATOR.normal(size=(N, C))
    layer, (W, b) = built(old.MaxoutDense(U, nb_feature=3), (C,))
    assert (W.shape, b.shape) == ((3, C, U), (3, U))
    np.testing.assert_allclose(layer(x), (np.einsum("nc,kcu->nku", x, W) + b).max(axis=1), rtol=1e-12)
    layer, (W,) = built(old.MaxoutDense(U, bias=False), (C,))
    np.testing.assert_allclose(layer(x), np.einsum("nc,kcu->nku", x, W).max(axis=1), rtol=1e-12)


def test_highway():
    x = GENERATOR.normal(size=(N, C))
    layer = old.Highway(activation="tanh")
    layer.build((C,))
    np.testing.assert_array_equal(layer.get_weights()[3], [1, 1])  # carries at first
    layer, (W, W_carry, b, b_carry) = built(layer, (C,))
    t = sigmoid(x @ W_carry + b_carry)
    np.testing.assert_allclose(layer(x), t * np.tanh(x @ W + b) + (1 - t) * x, rtol=1e-12)
    layer, (W, W_carry) = built(old.Highway(bias=False), (C,))
    t = sigmoid(x @ W_carry)
    np.testing.assert_allclose(layer(x), t * (x @ W) + (1 - t) * x, rtol=1e-12)


def test_keras_1_dense_layers_take_features_only():
    for layer in (old.MaxoutDense(U), old.Highway()):
        with pytest.raises(ShapeError, match=r"Flatten\(\)"):
            layer.build((3, 4))
        layer.build((3,))
        with pytest.raises(ShapeError, match="as it was built for"):
            layer(np.zeros((1, 4)))


def test_an_embedding_drops_whole_words():
    layer = old.Embedding(200, 3, dropout=0.25)
    assert isinstance(layer, DroppingEmbedding)
    assert isinstance(layer, old.Embedding)
    layer.build((400,))
    (table,) = layer.get_weights()
    ids = np.stack([np.arange(400) % 200] * 2)
    np.testing.assert_array_equal(layer(ids), table[ids])
    y = layer.forward(ids)
    factors = y / table[ids]
    assert {0.0, round(4 / 3, 6)} == set(np.unique(factors.round(6)))
    by_word = factors.reshape(2, 2, 200, 3)
    assert np.ptp(by_word, axis=(0, 1, 3)).max() < 1e-9
    assert 0.1 < (by_word[0, 0, :, 0] == 0).mean() < 0.4
    layer.backward(np.ones_like(y))
    np.testing.assert_allclose(layer.W.grad, 4 * by_word[0, 0])
    again = old.Embedding(200, 3, dropout=0.0)
    assert type(again).__name__ == "Embedding"


@pytest.mark.parametrize(
    "cls, needed, given",
    [
        (MaxoutDense, {"output_dim": 3}, {"nb_feature": 2}),
        (Highway, {}, {"activation": "relu"}),
        (
            DroppingEmbedding,
            {"input_dim": 9, "output_dim": 2},
            {"dropout": 0.3, "seed": 4, "mask_zero": True, "embeddings_initializer": "he_normal"},
        ),
    ],
)
def test_every_argument_of_an_own_layer_is_kept(cls, needed, given):
    terms = {"W_regularizer": "l1", "b_regularizer": "l2", "W_constraint": "non_neg", "b_constraint": "non_neg", "bias": False}
    terms = {} if cls is DroppingEmbedding else {**terms, "init": "he_normal"}
    given = {**given, **terms, "activity_regularizer": "l2", "name": "mine"}
    layer, plain = cls(**needed, **given), cls(**needed)
    for name in given:
        assert layer.get_config()[name] != plain.get_config()[name], name
    text = json.dumps(to_plain(layer))
    names = {**vars(initializers), **vars(regularizers), **vars(constraints), **OWN}
    for again in (from_plain(json.loads(text), OWN), eval(repr(layer), names)):
        assert again.get_config() == layer.get_config()
    with pytest.raises(ArgumentError, match="custom_objects"):
        from_plain(json.loads(text))


def test_layers_of_steps_have_their_channels_last_whatever_the_images_have():
    with config.use_data_format("channels_first"):
        assert old.Conv2D(2, 3).data_format == old.MaxPooling2D().data_format == "channels_first"
        assert old.Conv2D(2, 3, dim_ordering="tf").data_format == "channels_last"
        made = [
            *(old.Conv1D(2, 3), old.LocallyConnected1D(2, 3), old.MaxPooling1D(), old.AveragePooling1D(), old.UpSampling1D()),
            *(old.GlobalMaxPooling1D(), old.GlobalAveragePooling1D(), old.ZeroPadding1D(), old.Cropping1D()),
        ]
        assert {layer.data_format for layer in made} == {"channels_last"}
        with pytest.warns(OldSpellingWarning, match="data_format='channels_last'"):
            old.Convolution1D(2, 3)
