"""Axes whose length comes with the data: None in a shape."""

import numpy as np
import pytest

import minidl
from minidl.data import Dataset
from minidl.errors import DataError, ShapeError
from minidl.layers import (
    LSTM,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    Input,
    Reshape,
)
from minidl.models import Model, Sequential, clone_model, load_model, model_from_json

RNG = np.random.default_rng(3)


def sequences(length=None, seed=1):
    """A model of sequences of this length; None: of any."""
    minidl.set_seed(seed)
    model = Sequential([Input((length, 3)), LSTM(4, return_sequences=True), Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def test_shapes_hold_none_until_data_comes():
    model = sequences()
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert model.layers[0].output_shape((7, 3)) == (7, 4)
    texts = []
    model.summary(print_fn=texts.append)
    assert "(None, None, 4)" in texts[0]
    assert "by length" in texts[0]
    assert "(None, None, 2)" in model._repr_html_()


@pytest.mark.parametrize("length", [1, 5, 40])
def test_every_length_gives_the_numbers_of_a_model_for_that_length(length):
    free, fixed = sequences(), sequences(length)
    x, y = RNG.normal(size=(6, length, 3)), RNG.integers(0, 2, (6, length))
    np.testing.assert_array_equal(free.predict(x), fixed.predict(x))
    np.testing.assert_array_equal(free(x), fixed(x))
    assert free.train_on_batch(x, y) == fixed.train_on_batch(x, y)
    assert free.evaluate(x, y, verbose=0) == fixed.evaluate(x, y, verbose=0)
    for a, b in zip(free.get_weights(), fixed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_of_different_lengths_train_one_model():
    lengths = (5, 2, 9)
    batches = [(RNG.normal(size=(4, n, 3)), RNG.integers(0, 2, (4, n))) for n in lengths]
    model, by_hand = sequences(), sequences()
    model.fit(Dataset.from_generator(lambda: iter(batches)), epochs=2, verbose=0)
    for _ in range(2):
        for x, y in batches:
            by_hand.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_results_of_different_lengths_are_not_one_array():
    model = sequences()
    with pytest.raises(DataError, match=r"results of shapes \(5, 2\) and \(2, 2\)"):
        model.predict(Dataset.from_generator(lambda: iter([RNG.normal(size=(4, n, 3)) for n in (5, 2)])))


@pytest.mark.parametrize("wrong", [(6, 5, 4), (6, 3), (6, 5, 3, 1)])
def test_the_other_axes_are_checked(wrong):
    with pytest.raises(ShapeError, match=r"predict: x.*\(samples, None, 3\)"):
        sequences().predict(np.zeros(wrong))
    with pytest.raises(ShapeError, match=r"labels of shape \(6, 4\).*integers of shape \(6, 5\)"):
        sequences().train_on_batch(np.zeros((6, 5, 3)), np.zeros((6, 4), int))


def test_no_samples_have_a_result_of_no_samples():
    assert sequences().predict(np.zeros((0, 5, 3))).shape == (0, 5, 2)


def test_images_of_any_size():
    model = Sequential(
        [Input((None, None, 3)), Conv2D(4, 3, padding="same"), Conv2D(2, 3, strides=2), GlobalAveragePooling2D()]
    )
    assert model.layers[1].output_shape(model.layers[0].output_shape((None, None, 3))) == (None, None, 2)
    for size in ((8, 6), (5, 9)):
        assert model.predict(RNG.normal(size=(40, *size, 3))).shape == (40, 2)
    with pytest.raises(ShapeError, match=r"conv2d_2.*at least \(3, 3\)"):
        model.predict(np.zeros((1, 2, 2, 3)))


def test_ids_of_texts_of_any_length():
    ids = Input((None,), dtype="int32")
    model = Model(ids, Dense(1)(GlobalAveragePooling1D()(Embedding(10, 4)(ids))))
    model.compile("sgd", "mse")
    for length in (3, 8):
        model.fit(RNG.integers(0, 10, (5, length)), np.zeros(5), verbose=0)
    assert model.count_params() == 45


def test_flatten_and_reshape_know_what_they_can():
    assert Flatten().output_shape((None, 4)) == (None,)
    assert Reshape((-1, 2)).output_shape((None, 4)) == (None, 2)
    x = RNG.normal(size=(2, 3, 4))
    model = Sequential([Input((None, 4)), Reshape((-1, 2))])
    np.testing.assert_array_equal(model.predict(x), x.reshape(2, 6, 2).astype("float32"))


def test_files_copies_and_json_keep_the_unknown_length(tmp_path):
    model, x = sequences(), RNG.normal(size=(2, 6, 3))
    model.save(tmp_path / "model.safetensors")
    for other in (load_model(tmp_path / "model.safetensors"), clone_model(model), model_from_json(model.to_json())):
        assert other.input_shape == (None, 3)
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other.predict(x), model.predict(x))


def test_warmup_chooses_a_length():
    model = sequences()
    before = model.get_weights()
    minidl.warmup(model, batch_size=4, verbose=0)
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))
