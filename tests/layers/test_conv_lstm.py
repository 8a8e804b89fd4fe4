"""LSTMs whose products are convolutions: what they share with an LSTM, states that are images, shapes, dropout, files."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.layers import (
    LSTM,
    Bidirectional,
    Concatenate,
    Context,
    Conv2D,
    ConvLSTM1D,
    ConvLSTM2D,
    ConvLSTM3D,
    Dense,
    Flatten,
    Input,
    Recompute,
    TimeDistributed,
)
from minidl.models import Model, Sequential, clone_model, load_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 3, 5, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)


def same(a, b):
    for one, other in zip(a if isinstance(a, tuple) else (a,), b if isinstance(b, tuple) else (b,), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def built(layer, shape=X.shape[1:]):
    layer.build(shape)
    return layer


def alike(layer, other):
    """``other`` with the layer's weights."""
    for p, q in zip(layer.weights, other.weights, strict=True):
        q.value = p.value.reshape(q.shape)
    return other


# -- an LSTM at each place ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, places", [(ConvLSTM1D, (3,)), (ConvLSTM2D, (2, 3)), (ConvLSTM3D, (1, 2, 2))])
def test_windows_of_one_place_are_an_lstm_there(kind, places):
    """The first steps of all places in one batch, as an LSTM sees them."""
    options = {"return_sequences": True, "return_state": True, "activation": "softsign"}
    layer = built(kind(3, 1, **options), (4, *places, 2))
    plain = alike(layer, built(LSTM(3, **options), (4, 2)))
    x = RNG.normal(size=(2, 4, *places, 2))
    count = int(np.prod(places))

    def at_places(a, time):
        a = a.reshape(2, *((4,) if time else ()), count, -1)
        return np.moveaxis(a, -2, 1).reshape(2 * count, *((4,) if time else ()), -1)

    mask = np.array([[True, True, False, True], [False, True, True, False]])
    found, expected = layer.forward(x, mask=mask), plain.forward(at_places(x, True), mask=np.repeat(mask, count, axis=0))
    same(tuple(at_places(part, k == 0) for k, part in enumerate(found)), expected)
    dy = [RNG.normal(size=part.shape) for part in found]
    dx, plain_dx = layer.backward(tuple(dy)), plain.backward(tuple(at_places(part, k == 0) for k, part in enumerate(dy)))
    same(at_places(dx, True), plain_dx)
    for p, q in zip(layer.parameters, plain.parameters, strict=True):
        np.testing.assert_allclose(p.grad.reshape(q.shape), q.grad, rtol=1e-4, atol=1e-5)


def test_channels_first_is_the_same_layer_on_other_axes():
    options = {"filters": 3, "kernel_size": 2, "return_sequences": True, "return_state": True, "go_backwards": True}
    last = built(ConvLSTM2D(**options))
    first = alike(last, built(ConvLSTM2D(**options, data_format="channels_first"), (4, 2, 3, 5)))
    y, h, c = last(X, mask=MASK)
    same(first(np.moveaxis(X, -1, 2), mask=MASK), (np.moveaxis(y, -1, 2), np.moveaxis(h, -1, 1), np.moveaxis(c, -1, 1)))
    assert first.output_shape((None, 2, 3, 5)) == ((None, 3, 2, 4), (3, 2, 4), (3, 2, 4))
    with config.use_data_format("channels_first"):
        assert ConvLSTM2D(3, 2).output_shape((4, 2, 3, 5)) == (3, 2, 4)


def test_gaps_and_strides_are_those_of_the_inputs_convolution():
    """Without inputs, states go on as if there were none."""
    states = [RNG.normal(size=(3, 3, 5, 2)) for _ in range(2)]
    plain = built(ConvLSTM2D(2, 2, padding="same"))
    plain.W.value = 0 * plain.W.value
    expected = plain(X, initial_state=states)
    gaps = alike(plain, built(ConvLSTM2D(2, 2, padding="same", dilation_rate=2)))
    same(gaps(X, initial_state=states), expected)
    wider = alike(plain, built(ConvLSTM2D(2, 2, padding="same", strides=2), (4, 6, 9, 2)))
    same(wider(RNG.normal(size=(3, 4, 6, 9, 2)), initial_state=states), expected)


def test_the_profile_decides_about_the_gates():
    assert ConvLSTM2D(2, 3).recurrent_activation == "sigmoid"
    with config.use_profile("keras-2.1"):
        gate = ConvLSTM2D(2, 3).recurrent_activation
        assert gate.slope == 0.2


def test_the_forget_gate_starts_open():
    assert built(ConvLSTM2D(2, 3)).b.value.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert not built(ConvLSTM2D(2, 3, unit_forget_bias=False)).b.value.any()


def test_each_initializer_has_its_own_array():
    layer = ConvLSTM2D(2, 3, kernel_initializer="ones", recurrent_initializer="zeros", bias_initializer="ones", use_bias=True)
    layer = built(layer)
    assert [(p.name, p.shape, float(p.value.min()), float(p.value.max())) for p in layer.parameters] == [
        ("W", (3, 3, 2, 8), 1, 1),
        ("W_recurrent", (3, 3, 2, 8), 0, 0),
        ("b", (8,), 1, 1),
    ]
    assert built(ConvLSTM2D(2, 3, use_bias=False)).count_params() == 288


def test_unroll_changes_nothing():
    layer = built(ConvLSTM2D(2, 2))
    np.testing.assert_array_equal(alike(layer, built(ConvLSTM2D(2, 2, unroll=True)))(X), layer(X))


# -- states ------------------------------------------------------------------------------------------------------------


def test_two_halves_with_the_states_between_are_the_whole():
    layer = ConvLSTM2D(3, 2, return_sequences=True, return_state=True)
    y, *last = layer(X)
    first, *between = layer(X[:, :1])
    second, *end = layer(X[:, 1:], initial_state=between)
    same((np.concatenate([first, second], axis=1), *end), (y, *last))
    same(layer.forward([X[:, 1:], *between])[0], second)


def test_a_stateful_layer_goes_on_where_it_stopped():
    layer = built(ConvLSTM2D(3, 2, stateful=True, return_sequences=True))
    whole = alike(layer, built(ConvLSTM2D(3, 2, return_sequences=True)))(X)
    same(np.concatenate([layer(X[:, k : k + 2]) for k in (0, 2)], axis=1), whole)
    with pytest.raises(StateError, match=r"a batch of 2 samples behind one of 3.*reset_states\(\)"):
        layer(X[:2])
    layer.reset_states()
    same(layer.forward(X[:2]), whole[:2])
    assert len(layer.weights) == 3


def test_states_of_another_shape_are_refused_before_and_after_it_is_built():
    layer = ConvLSTM2D(3, 2)
    state = np.zeros((3, 2, 4, 3))
    with pytest.raises(ArgumentTypeError, match=r"1 initial states; expected 2: \(None, None, 3\) and"):
        layer(X, initial_state=state)
    same(layer(X, initial_state=[state, state]), layer(X))
    with pytest.raises(ArgumentTypeError, match=r"1 initial states; expected 2: \(2, 4, 3\) and"):
        layer(X, initial_state=state)
    with pytest.raises(ShapeError, match=r"initial states of shapes .*\(3, 5, 3\)"):
        layer(X, initial_state=[state, np.zeros((3, 3, 5, 3))])
    assert layer.state_size == ((2, 4, 3), (2, 4, 3))


def test_an_encoder_of_videos_and_its_decoder():
    x, other = Input((None, 3, 5, 2)), Input((None, 3, 5, 2))
    _, *states = ConvLSTM2D(3, 3, padding="same", return_state=True)(x)
    y = ConvLSTM2D(3, 3, padding="same", return_sequences=True)(other, initial_state=states)
    model = Model([x, other], TimeDistributed(Conv2D(1, 1))(y))
    found = model.predict([X, X[:, :2]])
    assert found.shape == (3, 2, 3, 5, 1)
    again = clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict([X, X[:, :2]]), found)


# -- shapes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_no_step_at_all_and_no_sample(data_format):
    shape = (2, 3, 5) if data_format == "channels_first" else (3, 5, 2)
    y_shape = (3, 2, 4) if data_format == "channels_first" else (2, 4, 3)
    drops = {"dropout": 0.5, "recurrent_dropout": 0.5}
    layer = built(ConvLSTM2D(3, 2, return_state=True, data_format=data_format, **drops), (None, *shape))
    state = np.full((3, *y_shape), 2.0, "float32")
    y, *last = layer(np.zeros((3, 0, *shape)), initial_state=[state, 3 * state])
    assert not y.any()
    assert y.shape == state.shape
    same(tuple(last), (state, 3 * state))
    layer.forward([np.zeros((3, 0, *shape)), state, state])
    dx, dh, dc = layer.backward((state, state, 2 * state))
    assert dx.shape == (3, 0, *shape)
    same((dh, dc), (state, 2 * state))
    assert not any(p.grad.any() for p in layer.parameters)
    assert layer.forward(np.zeros((0, 2, *shape)))[0].shape == (0, *y_shape)
    assert layer.backward(tuple(np.zeros((0, *y_shape)) for _ in range(3))).shape == (0, 2, *shape)


def test_the_size_of_the_images_must_be_known():
    layer = ConvLSTM2D(3, 2)
    assert layer.output_shape((None, 3, 5, 2)) == (2, 4, 3)
    with pytest.raises(ShapeError, match=r"\(4, None, 5, 2\).*images of a known size.*None for the number of steps only"):
        layer.build((4, None, 5, 2))
    layer.build((4, 3, 5, 2))
    with pytest.raises(ShapeError, match=r"steps of shape \(3, 5, 2\), as it was built for"):
        layer(X[:, :, :, :4])


@pytest.mark.parametrize(
    "kind, shape, words",
    [
        (ConvLSTM1D, (5, 2), r"3 axes \(time, width, channels\)"),
        (ConvLSTM2D, (3, 5, 2), r"4 axes \(time, height, width, channels\)"),
        (ConvLSTM2D, (3, 4, 3, 5, 2), r"leave the batch axis out.*\(4, 3, 5, 2\)"),
        (ConvLSTM3D, (3, 5, 2), r"5 axes \(time, height, width, depth, channels\)"),
        (ConvLSTM2D, (4, 1, 5, 2), r"at least \(2, 2\) for a window"),
    ],
)
def test_samples_that_do_not_fit(kind, shape, words):
    with pytest.raises(ShapeError, match=words):
        kind(3, 2).build(shape)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"filters": 0}, "filters=0"),
        ({"kernel_size": (2, 2, 2)}, "kernel_size"),
        ({"strides": 0}, "strides=0"),
        ({"padding": "causal"}, "padding='causal'"),
        ({"dilation_rate": 0}, "dilation_rate=0"),
        ({"data_format": "NCHW"}, "channels_first"),
        ({"recurrent_activation": "sigmoyd"}, "recurrent_activation.*sigmoid"),
        ({"dropout": 1.0}, "dropout=1.0"),
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        ConvLSTM2D(**{"filters": 2, "kernel_size": 2, **arguments})


# -- masks and dropout -------------------------------------------------------------------------------------------------


def test_a_step_that_is_left_out_changes_nothing():
    layer = ConvLSTM2D(3, 2, return_sequences=True, return_state=True)
    other = X.copy()
    other[~MASK] = 1e4
    found = layer(other, mask=MASK)
    same(found, layer(X, mask=MASK))
    y, h, _ = found
    assert not y[2].any()
    np.testing.assert_array_equal(y[1, 3], y[1, 2])
    np.testing.assert_array_equal(h[1], y[1, 2])
    same(tuple(part[1:2] for part in found[1:]), tuple(layer(X[1:2, 1:3])[1:]))
    np.testing.assert_array_equal(layer.output_mask(X, MASK)[0], MASK)


def masks_of(layer, context):
    h = np.ones((3, *layer.state_size[0]), "float32")
    return layer._input_masks(X[:, 0], context), layer._state_masks(h, context)


def test_each_gate_has_masks_of_its_own():
    layer = built(ConvLSTM2D(3, 2, dropout=0.5, recurrent_dropout=0.2, seed=4))
    of_x, of_h = masks_of(layer, Context(training=True))
    assert (of_x.shape, of_h.shape) == ((3, 3, 5, 8), (3, 2, 4, 12))
    assert np.unique(of_x).tolist() == [0, 2]
    np.testing.assert_allclose(np.unique(of_h), [0, 1.25])
    assert any((of_x[..., :2] != of_x[..., k : k + 2]).any() for k in (2, 4, 6))
    assert masks_of(layer, Context()) == (None, None)
    inputs_only = built(ConvLSTM2D(3, 2, dropout=0.5))
    assert masks_of(inputs_only, Context(training=True))[0].shape == (3, 3, 5, 8)


def test_one_seed_and_one_result():
    layer = built(ConvLSTM2D(3, 2, dropout=0.4, recurrent_dropout=0.3, seed=4))
    other = alike(layer, built(ConvLSTM2D(3, 2, dropout=0.4, recurrent_dropout=0.3, seed=4)))
    context = [Context(training=True, step=step) for step in (2, 2, 3)]
    y, again, later = (one.apply(X, c)[0] for one, c in zip((layer, other, layer), context))
    np.testing.assert_array_equal(y, again)
    assert (y != later).any()
    same(layer(X), alike(layer, built(ConvLSTM2D(3, 2)))(X))


def test_large_numbers_saturate():
    layer = ConvLSTM2D(3, 2, return_sequences=True)
    y = layer.forward(1e30 * X)
    assert np.isfinite(y).all()
    assert (np.abs(y) <= 1).all()
    assert np.isfinite(layer.backward(np.ones_like(y))).all()
    spoiled = X.copy()
    spoiled[1, 2] = np.nan
    assert np.isnan(layer(spoiled)).any(axis=(1, 2, 3, 4)).tolist() == [False, True, False]


# -- in models ---------------------------------------------------------------------------------------------------------


def test_both_directions():
    layer = built(Bidirectional(ConvLSTM2D(2, 2, return_sequences=True)))
    one, two = (alike(of, built(ConvLSTM2D(2, 2, return_sequences=True))) for of in (layer.forward_layer, layer.backward_layer))
    same(layer(X), np.concatenate([one(X), two(X[:, ::-1])[:, ::-1]], axis=-1))
    given = Bidirectional(ConvLSTM2D(2, 2, return_state=True))
    assert given.output_shape((None, 3, 5, 2)) == ((2, 4, 4), *((2, 4, 2),) * 4)
    states = [RNG.normal(size=(3, 2, 4, 2)) for _ in range(4)]
    y, *last = given.forward([X, *states])
    same(y[..., :2], alike(given.forward_layer, built(ConvLSTM2D(2, 2))).forward([X, *states[:2]]))
    assert len(given.backward((y, *last))) == 5


def test_computed_again_instead_of_kept():
    x, found = X, []
    for wrap in (lambda layer: layer, Recompute):
        minidl.set_seed(0)
        layer = wrap(ConvLSTM2D(2, 2, dropout=0.3, recurrent_dropout=0.3))
        y = layer.forward(x)
        found.append([y, layer.backward(np.ones_like(y)), *(p.grad.copy() for p in layer.parameters)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_layer_twice_in_a_graph():
    x = Input((4, 3, 5, 2))
    layer = ConvLSTM2D(2, 2)
    model = Model(x, Concatenate()([Flatten()(layer(x)), Flatten()(layer(x))]))
    y = model.predict(X)
    np.testing.assert_array_equal(y[:, :16], y[:, 16:])


def moving_dots(count, seed):
    """A dot that goes up or down a column, one place a step, wherever it begins; and which of the two it does."""
    rng = np.random.default_rng(seed)
    x, down = np.zeros((count, 4, 8, 3, 1), "float32"), rng.integers(0, 2, count)
    for sample in range(count):
        first, column = rng.integers(4, size=1)[0], rng.integers(3, size=1)[0]
        places = first + np.arange(4)
        x[sample, np.arange(4), places if down[sample] else places[::-1], column] = 1
    return x, down


def test_it_learns_which_way_a_dot_moves(tmp_path):
    """No picture alone says it."""
    minidl.set_seed(0)
    model = Sequential(
        [ConvLSTM2D(6, 3, padding="same", input_shape=(None, 8, 3, 1)), Flatten(), Dense(2, activation="softmax")]
    )
    model.compile(minidl.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*moving_dots(200, 0), epochs=6, batch_size=20, verbose=0)
    x, y = moving_dots(100, 1)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95
    model.save(tmp_path / "dots.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "dots.safetensors").predict(x), model.predict(x))
