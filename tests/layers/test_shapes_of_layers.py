"""Layers that pool, pad, crop, enlarge, repeat and treat steps alike: sizes, masks, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import (
    LSTM,
    Activation,
    Add,
    AveragePooling1D,
    AveragePooling3D,
    Context,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Identity,
    Input,
    Masking,
    MaxPooling1D,
    MaxPooling3D,
    Permute,
    RepeatVector,
    SpatialDropout1D,
    SpatialDropout2D,
    TimeDistributed,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from minidl.models import Model, Sequential, load_model

X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
COUNTS = np.arange(4) < np.array([[4], [2], [0]])


# -- sizes ---------------------------------------------------------------------------------------------------------------


def test_the_volumes_of_the_lecture():
    """Ghent 6: pooling and padding of the spectral axis alone, between its three convolutions."""
    assert MaxPooling3D((1, 1, 3)).output_shape((7, 7, 216, 48)) == (7, 7, 72, 48)
    assert ZeroPadding3D((0, 0, 2)).output_shape((7, 7, 72, 48)) == (7, 7, 76, 48)
    assert MaxPooling3D((1, 1, 3)).output_shape((5, 5, 72, 32)) == (5, 5, 24, 32)
    assert ZeroPadding3D((0, 0, 2)).output_shape((5, 5, 24, 32)) == (5, 5, 28, 32)
    assert MaxPooling3D((1, 1, 2)).output_shape((3, 3, 24, 32)) == (3, 3, 12, 32)
    model = Sequential([MaxPooling3D((1, 1, 3), input_shape=(7, 7, 216, 2)), ZeroPadding3D((0, 0, 2)), Flatten()])
    x = np.random.default_rng(1).normal(size=(2, 7, 7, 216, 2)).astype("float32")
    expected = np.pad(x.reshape(2, 7, 7, 72, 3, 2).max(axis=4), ((0, 0), (0, 0), (0, 0), (2, 2), (0, 0)))
    np.testing.assert_array_equal(model.predict(x), expected.reshape(2, -1))


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (MaxPooling1D(3), (None, 5), (None, 5)),
        (AveragePooling1D(2, padding="same"), (None, 5), (None, 5)),
        (MaxPooling3D((1, 1, 3)), (None, 7, 216, 4), (None, 7, 72, 4)),
        (AveragePooling3D(2, data_format="channels_first"), (4, 6, None, 8), (4, 3, None, 4)),
        (ZeroPadding1D(2), (None, 5), (None, 5)),
        (ZeroPadding2D((1, 2)), (None, 6, 3), (None, 10, 3)),
        (Cropping1D(2), (None, 5), (None, 5)),
        (Cropping2D(1), (4, None, 3), (2, None, 3)),
        (UpSampling1D(3), (None, 5), (None, 5)),
        (UpSampling2D(3), (2, None, 5), (6, None, 5)),
        (Permute((2, 1)), (None, 5), (5, None)),
        (Masking(), (None, 5), (None, 5)),
        (Identity(), (None, 5), (None, 5)),
        (SpatialDropout1D(0.5), (None, 5), (None, 5)),
        (TimeDistributed(Dense(3)), (None, 5), (None, 3)),
        (TimeDistributed(LSTM(3)), (None, 4, 5), (None, 3)),
    ],
    ids=lambda value: value.name if isinstance(value, minidl.layers.Layer) else "",
)
def test_axes_of_unknown_length_stay_unknown(layer, shape, expected):
    assert layer.output_shape(shape) == expected


def test_defaults():
    assert (MaxPooling1D().pool_size, MaxPooling1D().strides, MaxPooling3D().pool_size) == ((2,), (2,), (2, 2, 2))
    assert (AveragePooling1D().pool_size, AveragePooling3D(3).strides) == ((2,), (3, 3, 3))
    assert (ZeroPadding1D().padding, ZeroPadding2D().padding, ZeroPadding3D().pads) == ((1, 1), ((1, 1),) * 2, ((1, 1),) * 3)
    assert (Cropping1D().cropping, Cropping2D().cropping, Cropping3D().cropping) == ((1, 1), ((0, 0),) * 2, ((1, 1),) * 3)
    assert (UpSampling1D().size, UpSampling2D().size, UpSampling3D().size) == (2, (2, 2), (2, 2, 2))
    assert (UpSampling2D().interpolation, Masking().mask_value) == ("nearest", 0)
    with minidl.config.use_data_format("channels_first"):
        assert (
            MaxPooling1D().data_format == ZeroPadding2D().data_format == SpatialDropout2D(0.5).data_format == "channels_first"
        )
        assert SpatialDropout1D(0.5).data_format == "channels_last"  # Keras's has no data format


def test_texts_are_short():
    layers = [ZeroPadding2D(), ZeroPadding3D((0, 0, 2)), ZeroPadding2D(((1, 0), (2, 2))), Cropping2D(), Cropping1D((1, 2))]
    layers += [Cropping3D(), Cropping3D(2), ZeroPadding1D(3), UpSampling1D(), UpSampling2D((2, 3)), MaxPooling1D()]
    expected = "ZeroPadding2D() ZeroPadding3D(padding=(0, 0, 2)) ZeroPadding2D(padding=((1, 0), 2)) Cropping2D() "
    expected += "Cropping1D(cropping=(1, 2)) Cropping3D() Cropping3D(cropping=2) ZeroPadding1D(padding=3) UpSampling1D() "
    assert " ".join(map(repr, layers)) == expected + "UpSampling2D(size=(2, 3)) MaxPooling1D(strides=(2,))"


# -- what is refused -----------------------------------------------------------------------------------------------------

REFUSED = [
    (lambda: ZeroPadding1D(-1), ArgumentError, "padding=-1"),
    (lambda: ZeroPadding1D((1, 2, 3)), ArgumentError, r"padding=\(1, 2, 3\)"),
    (lambda: ZeroPadding1D(1.5), ArgumentTypeError, "padding=1.5"),
    (lambda: ZeroPadding2D((1, 2, 3)), ArgumentError, "2 of them"),
    (lambda: ZeroPadding2D(((1, 2, 3), 1)), ArgumentError, "2 pairs"),
    (lambda: ZeroPadding2D(True), ArgumentTypeError, "padding=True"),
    (lambda: ZeroPadding3D("2"), ArgumentTypeError, "padding='2'"),
    (lambda: ZeroPadding3D(((1, -1), 0, 0)), ArgumentError, ">= 0"),
    (lambda: Cropping2D((1,)), ArgumentError, "cropping=(1,)".replace("(", r"\(").replace(")", r"\)")),
    (lambda: Cropping1D(None), ArgumentTypeError, "cropping=None"),
    (lambda: Cropping1D(2).output_shape((4, 3)), ShapeError, r"\(4, 3\).*at least one position left"),
    (lambda: Cropping2D(((0, 0), (3, 3)))(np.ones((1, 8, 6, 1))), ShapeError, "a smaller cropping"),
    (lambda: Cropping3D().output_shape((3, 2, 3, 1)), ShapeError, "cropping"),
    (lambda: ZeroPadding2D(data_format="first"), ArgumentError, "data_format='first'"),
    (lambda: ZeroPadding2D().output_shape((4, 3)), ShapeError, "3 axes"),
    (lambda: MaxPooling1D(5).output_shape((4, 3)), ShapeError, "at least"),
    (lambda: MaxPooling1D((2, 2)), ArgumentError, "pool_size"),
    (lambda: MaxPooling3D(2, padding="full"), ArgumentError, "padding='full'"),
    (lambda: UpSampling1D(0), ArgumentError, "size=0"),
    (lambda: UpSampling2D(1.5), ArgumentTypeError, "size=1.5"),
    (lambda: UpSampling2D(interpolation="bilinaer"), ArgumentError, "Did you mean 'bilinear'"),
    (lambda: UpSampling2D(interpolation="bicubic"), ArgumentError, "'nearest' or 'bilinear'"),
    (lambda: RepeatVector(0), ArgumentError, "n=0"),
    (lambda: RepeatVector(2).output_shape((3, 4)), ShapeError, "return_sequences=False"),
    (lambda: Permute((0, 1)), ArgumentError, "counted|each of 1, 2"),
    (lambda: Permute((1, 1)), ArgumentError, "once"),
    (lambda: Permute(()), ArgumentError, "dims"),
    (lambda: Permute("21"), ArgumentTypeError, "dims='21'"),
    (lambda: Permute((2, 1)).output_shape((3, 4, 5)), ShapeError, "2 axes"),
    (lambda: Masking(float("nan")), ArgumentError, "mask_value=nan"),
    (lambda: Masking("0"), ArgumentTypeError, "mask_value"),
    (lambda: Masking()(np.ones((2, 3))), ShapeError, "axis of time"),
    (lambda: TimeDistributed("dense"), ArgumentTypeError, "a layer or a model"),
    (lambda: TimeDistributed(Dense), ArgumentTypeError, "a layer or a model"),
    (lambda: TimeDistributed(Add()), ArgumentError, "several inputs"),
    (lambda: TimeDistributed(Dense(2))(np.ones((2, 3))), ShapeError, "axis of time"),
    (lambda: TimeDistributed(two_results()).output_shape((3, 4)), ShapeError, "2 outputs"),
    (lambda: SpatialDropout1D(1.5), ArgumentError, "rate=1.5"),
    (lambda: SpatialDropout2D(0.5, data_format="last"), ArgumentError, "data_format='last'"),
    (lambda: SpatialDropout2D(0.5).output_shape((3, 4)), ShapeError, "3 axes"),
    (lambda: SpatialDropout2D(0.5, noise_shape=(1, 2)), TypeError, "noise_shape"),
]


def two_results():
    x = Input((4,))
    return Model(x, [Dense(2)(x), Dense(3)(x)])


@pytest.mark.parametrize("make, kind, words", REFUSED)
def test_what_cannot_be_is_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


# -- masks ---------------------------------------------------------------------------------------------------------------


def mask_behind(layer, mask=COUNTS, x=X):
    layer.ensure_built(x.shape[1:])
    context = Context(mask=mask)
    chain = Sequential([layer])
    chain.build(x.shape[1:])
    chain.network.apply(x, context)
    return context.mask


def test_masks_move_with_the_steps():
    np.testing.assert_array_equal(mask_behind(ZeroPadding1D((1, 2))), np.pad(COUNTS, ((0, 0), (1, 2))))
    np.testing.assert_array_equal(mask_behind(Cropping1D((1, 0))), COUNTS[:, 1:])
    np.testing.assert_array_equal(mask_behind(UpSampling1D(3)), COUNTS.repeat(3, axis=1))
    for layer in (Identity(), Permute((1, 2)), TimeDistributed(Dense(2)), SpatialDropout1D(0.5)):
        np.testing.assert_array_equal(mask_behind(layer), COUNTS)
    for layer in (MaxPooling1D(2), AveragePooling1D(2), Permute((2, 1))):
        assert mask_behind(layer) is None
    assert mask_behind(RepeatVector(2), x=X[:, 0]) is None
    for layer in (ZeroPadding1D(), Cropping1D(), UpSampling1D(), Permute((1, 2)), Identity(), TimeDistributed(Dense(2))):
        assert mask_behind(layer, None) is None


def test_masking_says_which_steps_count():
    x = np.where(COUNTS[..., None], X, np.float32(-1))
    x[0, 0, 0] = -1  # one of its features alone
    np.testing.assert_array_equal(mask_behind(Masking(-1.0), None, x), COUNTS)
    first = np.array([[True, False, True, True]] * 3)
    np.testing.assert_array_equal(mask_behind(Masking(-1.0), first, x), COUNTS & first)
    np.testing.assert_array_equal(Masking(-1.0)(x), np.where(COUNTS[..., None], x, 0))
    x[0, 1] = np.nan  # is not equal to anything
    assert mask_behind(Masking(-1.0), None, x)[0, 1]


def test_the_loss_behind_masking_is_of_the_steps_that_count():
    model = Sequential([Masking(input_shape=(4, 2)), TimeDistributed(Dense(3))])
    model.compile("sgd", "mse")
    x, y = np.where(COUNTS[..., None], X, 0), np.random.default_rng(2).normal(size=(3, 4, 3)).astype("float32")
    expected = ((model.predict(x) - y) ** 2).mean(axis=-1)[COUNTS].mean()
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-6)


def test_a_layer_within_is_told_which_of_its_samples_count():
    """Sentences of words: the words of a sentence that does not count do not either."""

    class Seen(Identity):
        def apply(self, x, context):
            masks.append(context.mask)
            return super().apply(x, context)

    masks = []
    sentences = np.random.default_rng(3).normal(size=(3, 4, 5, 2)).astype("float32")
    for x, expected in ((sentences, np.repeat(COUNTS.reshape(12, 1), 5, axis=1)), (X, COUNTS.reshape(12))):
        layer = TimeDistributed(Seen())
        np.testing.assert_array_equal(mask_behind(layer, COUNTS, x), COUNTS)
        np.testing.assert_array_equal(masks[-1], expected)
    layer = TimeDistributed(GlobalAveragePooling1D())
    y = layer(sentences, mask=COUNTS)
    np.testing.assert_allclose(y, np.where(COUNTS[..., None], sentences.mean(axis=2), 0), rtol=1e-5, atol=1e-6)
    inner = Sequential([Embedding(5, 3, mask_zero=True, input_shape=(4,)), GlobalAveragePooling1D()])
    words = np.array([[[1, 2, 0, 0], [0, 0, 0, 0]], [[3, 4, 1, 2], [1, 0, 0, 0]]])
    context = Context()
    layer = TimeDistributed(inner)
    layer.ensure_built((2, 4))
    y, _ = layer.apply(words, context)
    assert context.mask is None, "a mask that begins within ends there"
    alone = TimeDistributed(Sequential([Embedding(5, 3, mask_zero=True, input_shape=(4,))]))
    alone.ensure_built((2, 4))
    alone.apply(words, context)
    assert context.mask is None
    table = inner.get_weights()[0]
    np.testing.assert_allclose(y[0, 0], table[[1, 2]].mean(axis=0), rtol=1e-6)
    assert not y[0, 1].any()


def test_the_mask_comes_back_after_an_error_within():
    class Fails(Identity):
        def apply(self, x, context):
            raise ValueError("stop")

    layer, context = TimeDistributed(Fails()), Context(mask=COUNTS)
    layer.ensure_built(X.shape[1:])
    with pytest.raises(ValueError, match="stop"):
        layer.apply(X, context)
    assert context.mask is COUNTS


# -- TimeDistributed -----------------------------------------------------------------------------------------------------


def test_every_step_is_treated_alike():
    layer = TimeDistributed(Dense(3, activation="tanh"))
    y = layer(X)
    for step in range(4):
        np.testing.assert_allclose(y[:, step], layer.layer(X[:, step]), rtol=1e-6)
    assert [p.name for p in layer.parameters] == ["W", "b"]
    assert layer.count_params() == 9


def test_dropout_within_draws_for_every_step():
    layer = TimeDistributed(Dropout(0.5, seed=1))
    y = layer.forward(np.ones((2, 6, 16)))
    assert len({step.tobytes() for sample in y for step in sample}) == 12
    np.testing.assert_array_equal(layer.forward(np.ones((2, 6, 16)), training=False), 1)


@pytest.mark.parametrize("inner", [lambda: Dense(3), lambda: Sequential([Dense(4, "tanh"), Dense(3)])])
def test_models_with_time_distributed_train_and_are_saved(inner, tmp_path):
    minidl.set_seed(1)
    model = Sequential([RepeatVector(4, input_shape=(2,)), LSTM(5, return_sequences=True), TimeDistributed(inner())])
    model.compile("adam", "mse")
    y = np.random.default_rng(4).normal(size=(6, 4, 3)).astype("float32")
    x = y[:, 0, :2]
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, 3, epochs=10, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "model.safetensors").predict(x), model.predict(x))


def test_a_softmax_of_every_step_is_merged_with_its_loss():
    """Computed from logits, the loss is exact where a probability is cut off at 1e-7."""
    model = Sequential([TimeDistributed(Dense(2, "softmax"), input_shape=(3, 2))])
    model.set_weights([np.eye(2), np.zeros(2)])
    x, y = np.tile(np.array([40.0, 0.0]), (1, 3, 1)), np.ones((1, 3), int)
    found = {}
    for fuse in (True, False):
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
        found[fuse] = model.evaluate(x, y, verbose=0)
        near = model.evaluate(x / 40, y, verbose=0)
        assert near == pytest.approx(np.log(1 + np.e), rel=1e-6)
    assert found == {True: pytest.approx(40, rel=1e-6), False: pytest.approx(-np.log(1e-7), rel=0.02)}
    np.testing.assert_allclose(model.predict(x / 40).sum(axis=-1), 1, rtol=1e-6)
    assert model.layers[0].layer.activation.activation == "softmax", "the user's layer stays as it is"
    for inner in (Activation("softmax"), Sequential([Dense(2, "softmax")])):
        other = Sequential([TimeDistributed(inner, input_shape=(3, 2))])
        other.compile("sgd", "sparse_categorical_crossentropy")
        assert np.isfinite(other.train_on_batch(x, y))


def test_ids_reach_an_embedding_for_every_step():
    model = Sequential(
        [TimeDistributed(Embedding(5, 3), input_shape=(2, 2)), TimeDistributed(Flatten()), TimeDistributed(Dense(2))]
    )
    ids = np.array([[[1, 2], [4, 0]]])
    assert model.predict(ids).shape == (1, 2, 2)
    with pytest.raises(minidl.errors.DataError, match="id 5"):
        model.predict(ids + 1)
    movers = [Permute((2, 1), input_shape=(2, 3)), Identity(), TimeDistributed(Flatten())]
    for before in (movers, [RepeatVector(2, input_shape=(3,))]):
        moved = Sequential([*before, Embedding(5, 3)])
        assert moved.network.input_dtype == "int64", "fractions would round large ids"
        moved.compile("sgd", "mse")
        assert moved.train_on_batch(np.ones((1, *moved.input_shape), int), np.zeros((1, *moved.output_shape))) >= 0
