"""Normalization: statistics of the whole data however it comes, constant features, files, and what is refused."""

import numpy as np
import pytest

from minidl import config
from minidl.data import Dataset
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, StateError
from minidl.layers import Dense, Flatten, Input, Normalization
from minidl.models import Sequential, load_model

RNG = np.random.default_rng(6)
X = RNG.normal(size=(1000, 3)) * [1, 10, 0.1] + [0, 500, -2]


def statistics(layer):
    return [p.value.copy() for p in layer.state]


@pytest.fixture
def _double():
    with config.use_dtype("float64"):
        yield


FORMS = {
    "array": lambda: X,
    "batches": lambda: [X[:1], X[1:700], X[700:700], X[700:]],
    "generator": lambda: (X[i : i + 7] for i in range(0, 1000, 7)),
    "pairs": lambda: [(X[:500], None), (X[500:], None)],
    "samples": lambda: Dataset.from_arrays(X),
    "samples with targets": lambda: Dataset.from_arrays(X, np.arange(1000)),
    "dataset": lambda: Dataset.from_arrays(X, np.arange(1000)).shuffle(1000, seed=1).batch(64).prefetch(2),
    "readers": lambda: np.asfortranarray(X),
}


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("form", FORMS)
def test_the_whole_data_in_any_form(form):
    layer = Normalization()
    before = X.copy()
    layer.adapt(FORMS[form]())
    np.testing.assert_array_equal(X, before)
    assert [p.name for p in layer.weights] == ["mean", "variance"]
    np.testing.assert_allclose(statistics(layer), [X.mean(axis=0), X.var(axis=0)], rtol=1e-11)
    y = layer(X)
    np.testing.assert_allclose([y.mean(axis=0), y.var(axis=0)], [[0] * 3, [1] * 3], atol=1e-9)
    inverse = Normalization(mean=X.mean(axis=0), variance=X.var(axis=0), invert=True)
    np.testing.assert_allclose(inverse(y), X, rtol=1e-9)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("axis, of", [(None, (0, 1, 2, 3)), (1, (0, 2, 3)), ((1, -1), (0, 2)), ((3, 2, 1), (0,))])
def test_axes(axis, of):
    x = RNG.normal(2, 3, (50, 3, 4, 5))
    layer = Normalization(axis)
    layer.adapt(x)
    for found, expected in zip(statistics(layer), (x.mean(axis=of), x.var(axis=of)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11)
    expected = (x - x.mean(axis=of, keepdims=True)) / x.std(axis=of, keepdims=True)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("_double")
def test_far_from_zero_no_digits_are_lost():
    x = 1e9 + RNG.normal(size=(5000, 2))
    layer = Normalization()
    layer.adapt([x[i : i + 11] for i in range(0, 5000, 11)])
    np.testing.assert_allclose(layer.seen_variance.value, (x - 1e9).var(axis=0), rtol=1e-6)


def test_more_numbers_than_are_looked_at_together():
    x = RNG.integers(0, 256, (90, 64, 64, 1)).astype("uint8")
    layer = Normalization(None)
    layer.adapt(x)
    np.testing.assert_allclose(statistics(layer), [x.mean(), x.var()], rtol=1e-6)


def test_constant_features_are_zero():
    x = np.stack([np.full(10, 0.1), np.arange(10.0)], axis=1)
    layer = Normalization()
    layer.adapt(x)
    y = layer(x)
    assert not y[:, 0].any()
    assert np.isfinite(layer(x + 1)).all()
    np.testing.assert_allclose(layer(x + np.float32(1e-3))[:, 0], 1e4, rtol=1e-3)  # divided by 1e-7


def test_before_adapt_and_adapted_again():
    layer = Normalization()
    np.testing.assert_allclose(layer(X), X.astype("float32"), rtol=1e-6)
    layer.adapt(X + 5)
    layer.adapt(X)
    np.testing.assert_allclose(layer.seen_mean.value, X.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_given_statistics():
    layer = Normalization(mean=[1, 2, 3], variance=[4, 4, 4])
    np.testing.assert_array_equal(layer([[1, 2, 3], [3, 4, 5]]), [[0, 0, 0], [1, 1, 1]])
    assert [p.value.tolist() for p in layer.weights] == [[1, 2, 3], [4, 4, 4]]
    both = Normalization((1, 2), mean=[1, 2, 3], variance=[4, 4, 4])
    np.testing.assert_array_equal(both([[[1, 2, 3], [3, 4, 5]]]), [[[0, 0, 0], [1, 1, 1]]])
    with pytest.raises(StateError, match="given mean"):
        layer.adapt(X)


def test_statistics_are_saved_and_not_trained(tmp_path):
    model = Sequential([Normalization(input_shape=(3,)), Dense(1)])
    model.layers[0].adapt(X)
    before = statistics(model.layers[0])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], epochs=1, verbose=0)
    assert len(model.layers[0].parameters) == 0
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = load_model(path)
    for a, b in zip(statistics(again.layers[0]), before, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_bytes_that_are_normalized_need_no_advice():
    x = RNG.integers(0, 256, (64, 5, 5, 1)).astype("uint8")
    model = Sequential([Normalization(None, input_shape=(5, 5, 1)), Flatten(), Dense(1)])
    model.layers[0].adapt(x)
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((64, 1)), verbose=0)  # a warning would be an error


def test_lengths_that_are_not_known():
    model = Sequential([Input((None, 3)), Normalization()])
    model.layers[0].adapt([np.ones((4, 2, 3)), 3 * np.ones((4, 6, 3))])
    np.testing.assert_allclose(model.layers[0].seen_mean.value, 2.5)
    assert model.predict(np.ones((4, 5, 3)), verbose=0).shape == (4, 5, 3)
    with pytest.raises(ShapeError, match="known size along axis 1"):
        Normalization(1).build((None, 3))


@pytest.mark.parametrize(
    "use, kind, words",
    [
        (lambda: Normalization(mean=1), ArgumentError, "mean=1 and variance=None"),
        (lambda: Normalization(mean=[1, 2], variance=[1]), ArgumentError, r"mean of shape \(2,\).*variance of shape \(1,\)"),
        (lambda: Normalization(None, [1], [1]), ArgumentError, "at most 0 axes"),
        (lambda: Normalization(mean=0, variance=-1), ArgumentError, "variance=-1"),
        (lambda: Normalization(mean=np.nan, variance=1), ArgumentError, "mean=nan"),
        (lambda: Normalization(mean="a", variance=1), ArgumentTypeError, "Normalization: mean"),
        (lambda: Normalization(0), ArgumentError, "axis=0"),
        (lambda: Normalization(invert=1), ArgumentTypeError, "invert=1"),
        (lambda: Normalization(mean=[1, 2], variance=[1, 1]).build((3,)), ShapeError, r"a mean of shape \(2,\)"),
        (lambda: Normalization().adapt([]), DataError, "no numbers"),
        (lambda: Normalization().adapt(X[:0]), DataError, "no numbers"),
        (lambda: Normalization().adapt(np.array([[1.0, np.inf]])), DataError, "not finite, in samples 0 to 0"),
        (lambda: Normalization().adapt([X, X[:, :2]]), ShapeError, r"\(2,\).*sizes \(3,\) along axis -1"),
        (lambda: Normalization().adapt([[1.0, 2.0]]), ArgumentTypeError, "np.array"),
        (lambda: Normalization().adapt({"x": X}), ArgumentTypeError, "an iterable of batches"),
        (lambda: Normalization().adapt(3), ArgumentTypeError, "an iterable of batches"),
        (lambda: Normalization().adapt(np.array(["a"])), ArgumentTypeError, "real numbers"),
        (lambda: Normalization().adapt(np.float64(3)), ShapeError, "a single number"),
        (lambda: Normalization().adapt(np.arange(3.0)), ShapeError, "axis=-1 for samples with 0 axes"),
    ],
)
def test_refused(use, kind, words):
    with pytest.raises(kind, match=words):
        use()


def test_what_is_refused_half_way_changes_nothing():
    layer = Normalization()
    layer.adapt(X)
    before = statistics(layer)
    with pytest.raises(DataError):
        layer.adapt([X + 1, np.full((1, 3), np.nan)])
    for a, b in zip(statistics(layer), before, strict=True):
        np.testing.assert_array_equal(a, b)
