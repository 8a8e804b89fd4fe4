"""Inputs and outputs as one array, a list or a dictionary: what goes in one way comes out the same way."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import ArgumentError, ShapeError
from minidl.layers import Concatenate, Dense, Input, Reshape
from minidl.models import Model, Sequential, load_model

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
A, B = X[:, :1], X[:, :2]


def by_name() -> Model:
    x = Input((4,), name="x")
    return Model({"x": x}, {"b": Dense(2)(x), "a": Dense(1)(x)})


def test_a_dictionary_of_outputs_gives_dictionaries():
    model = by_name()
    expected = model.predict(X)
    assert list(expected) == ["b", "a"]
    assert [y.shape for y in expected.values()] == [(6, 2), (6, 1)]
    for found in (
        model.predict({"x": X}),
        model({"x": X}),
        model(X),
        model.predict_on_batch(X),
        model.predict(X, batch_size=4),
    ):
        assert list(found) == ["b", "a"]
        for name, y in found.items():
            np.testing.assert_allclose(y, expected[name], rtol=1e-6)
    assert [y.shape for y in model.predict(X[:0]).values()] == [(0, 2), (0, 1)]


def test_they_are_the_same_after_a_file_and_within_a_model(tmp_path):
    model = by_name()
    x = Input((4,))
    y = model(x)
    assert sorted(y) == ["a", "b"]
    outer = Model(x, Concatenate()([y["a"], y["b"]]))
    expected = outer.predict(X)
    np.testing.assert_allclose(expected, np.hstack([model.predict(X)["a"], model.predict(X)["b"]]), rtol=1e-6)
    for saved, ask in ((model, lambda m: m.predict(X)["a"]), (outer, lambda m: m.predict(X))):
        saved.save(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(ask(load_model(tmp_path / "model.safetensors")), ask(saved))


def test_a_dictionary_of_one_output():
    x = Input((4,), name="x")
    model = Model(x, {"only": Dense(2)(x)})
    assert model.output_names == ["only"]
    assert list(model.predict(X)) == list(model(X)) == ["only"]
    model.compile("sgd", "mse", metrics={"only": ["mae"]})
    assert list(model.fit({"x": X}, {"only": B}, verbose=0).history) == ["loss", "mae"]
    assert model.fit(X, B, verbose=0).history["loss"][0] == pytest.approx(model.history.history["loss"][0])


def test_a_list_of_one_is_that_one():
    """``Model([x], [y])`` is ``Model(x, y)``, as in Keras, and takes arrays in lists of one, too."""
    x = Input((4,))
    model = Model([x], [Dense(2)(x)])
    assert (model.input_shape, model.output_shape) == ((4,), (2,))
    expected = model.predict(X)
    assert expected.shape == (6, 2)
    np.testing.assert_array_equal(model.predict([X]), expected)
    np.testing.assert_allclose(model(X), expected, rtol=1e-6)
    model.compile("sgd", "mse")
    loss = model.evaluate(X, B, verbose=0)
    assert model.evaluate([X], [B], verbose=0) == loss
    assert model.evaluate([X], [B], sample_weight=[np.ones(6)], verbose=0) == loss
    assert model.fit([X], [B], verbose=0, validation_data=([X], [B])).history["loss"][0] == pytest.approx(loss)


def test_lists_of_samples_are_samples():
    """A list of one sample is a batch of one; of targets with one entry, a batch of one target."""
    model = Sequential([Dense(1, input_shape=(4,))])
    model.compile("sgd", "mse")
    assert model.predict([X[0]]).shape == (1, 1)
    assert model.evaluate([X[0]], [A[0]], verbose=0) == model.evaluate(X[:1], A[:1], verbose=0)
    assert model.evaluate(X.tolist(), A.tolist(), verbose=0) == model.evaluate(X, A, verbose=0)


@pytest.mark.parametrize(
    "given, words",
    [({"y": X}, "received a dictionary of 'y'; expected the names of the inputs: 'x'"), ({"x": X, "y": X}, "of 'x', 'y'; exp")],
)
def test_other_names_are_refused(given, words):
    with pytest.raises(ArgumentError, match=words):
        by_name()(given)


def test_weights_of_steps_are_offered_where_there_are_steps():
    model = Sequential([Dense(1, input_shape=(3, 2))])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3, 2)), np.ones((4, 3, 1))
    with pytest.raises(ShapeError, match=r"shape \(4, 2\); expected \(4,\) or \(4, 3\), one for each step"):
        model.fit(x, y, sample_weight=np.ones((4, 2)))


def test_a_number_without_an_axis_of_samples_is_no_batch_of_numbers():
    model = Sequential([Input(()), Reshape((1,)), Dense(1)])
    assert model.predict(np.ones(3, "float32")).shape == (3, 1)
    for number in (np.array(1.0, "float32"), np.float32(1), 1.0):
        with pytest.raises(ShapeError, match=r"predict: x: received (an array of shape \(\)|a single number)"):
            model.predict(number)
