"""Filters are the layer's weights and feature maps its results, number for number, in one colour scale around or from 0."""

import numpy as np
import pytest

import minidl
from minidl import visual
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError
from minidl.layers import LSTM, Activation, Add, BatchNormalization, Conv2D, Dense, Flatten, Input, MaxPooling2D, Rescaling
from minidl.models import Model, Sequential

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 7, 1)).astype(np.float32)


def pictures(figure):
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def title(figure):
    return figure.get_suptitle()


def small():
    minidl.set_seed(1)
    return Sequential([Input((6, 7, 1)), Conv2D(5, (2, 3)), Activation("relu"), MaxPooling2D(2), Flatten(), Dense(4)])


def test_grey_filters():
    model = small()
    W = model.layers[0].W.value
    figure = visual.filters(model)
    assert np.array_equal(pictures(figure), W[:, :, 0].transpose(2, 0, 1))
    assert title(figure) == "conv2d_1 (Conv2D): 5 filters of 2 x 3"
    assert {image.get_clim() for image in figure.axes[0].images} == {(-np.abs(W).max(), np.abs(W).max())}
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1", "2", "3", "4"]
    assert figure.axes[1].get_ylabel() == "weight"
    assert np.array_equal(pictures(visual.filters(model.layers[0])), pictures(figure))


def test_filters_in_colours():
    layer = Conv2D(4, 3)
    layer.build((8, 8, 3))
    W = layer.W.value
    figure = visual.filters(layer)
    shown = np.array(pictures(figure))
    np.testing.assert_allclose(shown[..., :3], 0.5 + 0.5 * W.transpose(3, 0, 1, 2) / np.abs(W).max())
    assert (shown[..., 3] == 1).all()
    assert len(figure.axes) == 1, "colours need no bar"
    W[0, 0, 0, 0] = np.nan
    shown = np.array(pictures(visual.filters(layer)))
    assert shown[0, 0, 0, 3] == 0
    assert shown[..., 3].sum() == shown[..., 3].size - 1
    assert np.isfinite(shown).all()


def test_one_channel_of_many_and_a_limit():
    layer = Conv2D(70, 3, name="many")
    layer.build((8, 8, 2))
    with pytest.raises(ArgumentError, match=r"on 2 channels; expected 1 or 3.*channel=0"):
        visual.filters(layer)
    figure = visual.filters(layer, channel=1)
    assert np.array_equal(pictures(figure), layer.W.value[:, :, 1, :64].transpose(2, 0, 1))
    assert title(figure) == "many (Conv2D): the first 64 of 70 filters of 3 x 3, channel 1 of 2"
    assert len(pictures(visual.filters(layer, channel=0, limit=70))) == 70
    with pytest.raises(ArgumentError, match="channel=2; expected 0 to 1"):
        visual.filters(layer, channel=2)


def test_dense_layers_become_pictures():
    minidl.set_seed(2)
    model = Sequential([Input((4, 5, 1)), Rescaling(0.5), BatchNormalization(), Flatten(), Dense(3), Dense(2)])
    W = model.layers[3].W.value
    expected = W.T.reshape(3, 4, 5)
    assert np.array_equal(pictures(visual.filters(model)), expected)
    assert title(visual.filters(model)) == "dense_1 (Dense): 3 units on 4 x 5 pixels"
    assert np.array_equal(pictures(visual.filters(model, (5, 4))), W.T.reshape(3, 5, 4))
    colours = Sequential([Input((3, 2, 4)), Flatten(), Dense(1)])  # channels first
    W = colours.layers[1].W.value
    shown = np.array(pictures(visual.filters(colours)))[..., :3]
    np.testing.assert_allclose(shown[0], 0.5 + 0.5 * W.reshape(3, 2, 4).transpose(1, 2, 0) / np.abs(W).max(), rtol=1e-6)
    single = Dense(1, input_shape=(16,))
    single.build((16,))
    with pytest.raises(ArgumentError, match=r"no shape.*on 16 numbers.*shape=\(4, 4\)"):
        visual.filters(single)
    assert title(visual.filters(single, (4, 4))) == "dense (Dense): 1 unit on 4 x 4 pixels"


def test_behind_other_weights_inputs_are_no_pixels():
    model = Sequential([Input((4, 5)), LSTM(6), Dense(2)])
    with pytest.raises(ArgumentError, match="no shape"):
        visual.filters(model)


def test_layers_in_models_in_models_are_found():
    inner = Sequential([Input((6, 7, 1)), Conv2D(2, 3)])
    x = Input((6, 7, 1))
    model = Model(x, Flatten()(inner(Rescaling(2.0)(x))))
    assert title(visual.filters(model)) == "conv2d_1 (Conv2D): 2 filters of 3 x 3"


@pytest.mark.parametrize(
    "given, options, error, words",
    [
        (lambda: 3, {}, ArgumentTypeError, "received 3; expected a model"),
        (lambda: Sequential([Flatten(input_shape=(2, 2))]), {}, ArgumentTypeError, "none of these layers"),
        (lambda: Conv2D(3, 3), {}, NotBuiltError, "without weights"),
        (small, {"limit": 0}, ArgumentError, "limit=0"),
        (small, {"shape": (6, 7)}, ArgumentError, "shape for Dense layers only"),
        (lambda: Sequential([Dense(2, input_shape=(6,))]), {"shape": (2, 2)}, ArgumentError, r"shape=\(2, 2\)"),
        (lambda: Sequential([Dense(2, input_shape=(6,))]), {"shape": (2, 3, 1, 1)}, ArgumentError, "1 or 3"),
        (lambda: Sequential([Dense(2, input_shape=(6,))]), {"shape": (2, 3), "channel": 0}, ArgumentError, "channel"),
        (lambda: Sequential([Dense(2, input_shape=(6,))]), {"shape": 6}, ArgumentError, "shape=6"),
    ],
)
def test_what_has_no_filters_is_refused(given, options, error, words):
    with pytest.raises(error, match=words):
        visual.filters(given(), **options)


def test_feature_maps_are_what_the_layer_gives():
    model = small()
    first = model.layers[0](X[None])[0]
    figure = visual.feature_maps(model, X, "conv2d_1")
    assert np.array_equal(pictures(figure), np.moveaxis(first, -1, 0))
    largest = np.abs(first).max()
    assert {image.get_clim() for image in figure.axes[0].images} == {(-largest, largest)}, "negative numbers: 0 in the middle"
    figure = visual.feature_maps(model, X[None], 1)
    assert np.array_equal(pictures(figure), np.moveaxis(np.maximum(first, 0), -1, 0))
    assert {image.get_clim() for image in figure.axes[0].images} == {(0, first.max())}
    assert title(figure) == "activation_1 (Activation): 5 maps of 5 x 5"
    assert len(pictures(visual.feature_maps(model, X, model.layers[2], limit=2))) == 2
    assert title(visual.feature_maps(model, X, -4, limit=2)).endswith("the first 2 of 5 maps of 5 x 5")


def test_vectors_are_bars_and_sequences_a_matrix():
    model = small()
    (axes,) = visual.feature_maps(model, X, "dense_1").axes
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], model.predict(X[None])[0], rtol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("unit", "output", "dense_1 (Dense): 4 numbers")
    long = Sequential([Dense(300, input_shape=(2,))])
    assert np.array_equal(visual.feature_maps(long, [1.0, 2.0], 0).axes[0].lines[0].get_ydata(), long.predict([[1.0, 2.0]])[0])
    sequence = Sequential([Input((3, 2)), LSTM(4, return_sequences=True)])
    x = RNG.normal(size=(3, 2))
    axes, _ = visual.feature_maps(sequence, x, 0).axes
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array()), sequence.predict(x[None])[0].T, rtol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "feature")


def test_channels_first_maps_and_what_follows_them():
    model = Sequential([Input((1, 6, 7)), Conv2D(2, 3, data_format="channels_first"), Activation("relu")])
    x = X.transpose(2, 0, 1)
    np.testing.assert_allclose(pictures(visual.feature_maps(model, x, 1)), model.predict(x[None])[0], rtol=1e-6)


def test_layers_of_graphs():
    x = Input((6, 7, 1))
    a, b = Conv2D(3, 3, name="a")(x), Conv2D(3, 3, name="b")(x)
    model = Model(x, Flatten()(Add(name="both")([a, b])))
    expected = model.layers[0](X[None])[0] + model.layers[1](X[None])[0]
    np.testing.assert_allclose(pictures(visual.feature_maps(model, X, "both")), np.moveaxis(expected, -1, 0), rtol=1e-6)
    assert np.array_equal(pictures(visual.feature_maps(model, X, "b")), np.moveaxis(model.layers[1](X[None])[0], -1, 0))


@pytest.mark.parametrize(
    "x, layer, error, words",
    [
        (X, "conv2d1", ArgumentError, "Did you mean 'conv2d_1'"),
        (X, 5, ArgumentError, "an index from 0 to 4"),
        (X, Dense(2), ArgumentTypeError, "which is not in the model"),
        (X, 1.5, ArgumentTypeError, "received 1.5"),
        (X, True, ArgumentTypeError, "received True"),
        (X[..., 0], 0, ShapeError, "which adds the channel axis"),
        (np.stack([X, X]), 0, ShapeError, r"x\[0\], one of the samples"),
        (X[1:], 0, ShapeError, r"one sample of shape \(6, 7, 1\)"),
        ("x", 0, ArgumentTypeError, "feature_maps: x"),
    ],
)
def test_other_samples_and_layers_are_refused(x, layer, error, words):
    with pytest.raises(error, match=words):
        visual.feature_maps(small(), x, layer)


def test_other_models_are_refused():
    with pytest.raises(NotBuiltError, match="input_shape in the first layer"):
        visual.feature_maps(Sequential([Dense(2)]), [1.0], 0)
    with pytest.raises(ArgumentTypeError, match="expected a Model or Sequential"):
        visual.feature_maps(Dense(2), [1.0], 0)
    a, b = Input((2,)), Input((2,))
    with pytest.raises(ArgumentTypeError, match="a model with 2 inputs"):
        visual.feature_maps(Model([a, b], Add()([a, b])), [1.0, 2.0], 0)
