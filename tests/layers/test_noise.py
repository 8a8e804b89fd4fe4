"""Noise: its mean and variance, its addresses, what inference does, and what is refused."""

import numpy as np
import pytest

import minidl
from minidl.backend.random import NOISE, words
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import AlphaDropout, Context, Dense, Dropout, GaussianDropout, GaussianNoise
from minidl.models import Sequential
from minidl.ops.noise import normal_numbers

N = 200_000
LAYERS = (lambda **o: GaussianNoise(0.5, **o), lambda **o: GaussianDropout(0.3, **o), lambda **o: AlphaDropout(0.3, **o))


def test_normal_numbers():
    z = normal_numbers(words((7, 0), (0, 0, NOISE), N))
    moments = [(z**k).mean() for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.03)
    edges = np.array([-np.inf, -2.326348, -1.281552, 0, 1.281552, 2.326348, np.inf])
    shares = np.histogram(z, edges)[0] / N
    np.testing.assert_allclose(shares, [0.01, 0.09, 0.4, 0.4, 0.09, 0.01], atol=3e-3)
    assert abs(np.corrcoef(z[::2], z[1::2])[0, 1]) < 0.01
    assert abs(np.corrcoef(z[::2] ** 2, z[1::2] ** 2)[0, 1]) < 0.01


def test_the_ends_of_the_words():
    ends = np.array([0, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    z = normal_numbers(np.array([(a, b) for a in ends for b in ends], np.uint32).reshape(-1))
    assert np.isfinite(z).all()
    assert abs(z).max() < 6.77


def test_the_series_are_the_functions():
    drawn = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    u, angle = (drawn[::2] + 0.5) / 2**32, 2 * np.pi * (drawn[1::2] + 0.5 * 1) / 2**32 - np.pi / 4
    radius, z = np.sqrt(-2 * np.log(u)), normal_numbers(drawn)
    np.testing.assert_allclose(z[::2], radius * np.cos(angle), rtol=0, atol=1e-14)
    np.testing.assert_allclose(z[1::2], radius * np.sin(angle), rtol=0, atol=1e-14)


@pytest.mark.parametrize("stddev", [0.1, 1.0, 3.0])
def test_gaussian_noise(stddev):
    noise = GaussianNoise(stddev, seed=1).forward(np.full((N // 10, 10), 2.0), training=True) - 2
    assert abs(noise.mean()) < 4 * stddev / np.sqrt(N)
    np.testing.assert_allclose(noise.std(), stddev, rtol=0.01)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_gaussian_dropout_has_the_moments_of_dropout(rate):
    x = np.full((N // 10, 10), 3.0)
    y, dropped = (layer.forward(x, training=True) / 3 for layer in (GaussianDropout(rate, seed=1), Dropout(rate, seed=1)))
    expected = np.sqrt(rate / (1 - rate))
    assert abs(y.mean() - 1) < 5 * expected / np.sqrt(N)
    np.testing.assert_allclose([y.std(), dropped.std()], expected, rtol=0.02)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    x = np.random.default_rng(0).normal(size=(N // 10, 10))
    y = AlphaDropout(rate, seed=1).forward(x, training=True)
    np.testing.assert_allclose([y.mean(), y.var()], [0, 1], atol=0.02)
    values, counts = np.unique(y, return_counts=True)
    np.testing.assert_allclose(counts.max() / N, rate, atol=0.005)
    q = -1.7580993408473766
    a = ((1 - rate) * (1 + rate * q * q)) ** -0.5
    np.testing.assert_allclose(values[counts.argmax()], a * q - a * q * rate, rtol=1e-5)


@pytest.mark.parametrize("make", LAYERS)
def test_addresses(make):
    """The same context gives the same bits; another step, use, seed or kind of layer gives others."""
    layer, x = make(seed=3), np.ones((50, 8), np.float32)
    layer.build((8,))

    def drawn(layer, step=0, uses=1):
        context = Context(training=True, step=step)
        for _ in range(uses):
            y = layer.apply(x, context)[0]
        return y

    first = drawn(layer)
    other = make(seed=4)
    other.build((8,))
    np.testing.assert_array_equal(drawn(layer), first)
    for different in (drawn(layer, step=1), drawn(layer, uses=2), drawn(other)):
        assert (different != first).any()
    with minidl.config.use_dtype("float64"):
        double = make(seed=3)
    np.testing.assert_allclose(double.forward(x.astype("float64")), first, rtol=1e-6, atol=1e-6)
    rows = make(seed=3).forward(x.reshape(100, 4))
    np.testing.assert_array_equal(rows.reshape(50, 8), first)  # the order of the numbers alone says which are drawn


def test_noise_and_dropout_of_one_seed_draw_different_words():
    x = np.ones((100, 10))
    dropped = Dropout(0.5, seed=1).forward(x) == 0
    lowest = AlphaDropout(0.5, seed=1).forward(x) < 0.5
    assert 0.3 < (dropped == lowest).mean() < 0.7


@pytest.mark.parametrize("make", LAYERS)
def test_inference_hands_on_what_it_is_given(make):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    layer = make()
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer.forward(x, training=False), x)
    np.testing.assert_array_equal(layer.backward(x), x)
    mask = np.ones((4, 3), bool)
    assert layer.output_mask(x, mask) is mask


def test_a_rate_of_0_is_no_noise():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    for layer in (GaussianNoise(0), GaussianDropout(0), AlphaDropout(0)):
        np.testing.assert_array_equal(layer.forward(x, training=True), x)


def test_one_seed_one_training():
    found = []
    for _ in range(2):
        minidl.set_seed(3)
        model = Sequential(
            [GaussianNoise(0.1, input_shape=(4,)), Dense(5, "selu"), AlphaDropout(0.2), GaussianDropout(0.2), Dense(1)]
        )
        model.compile("sgd", "mse")
        x = np.random.default_rng(0).normal(size=(8, 4))
        found.append([model.train_on_batch(x, x[:, :1]) for _ in range(3)])
    assert found[0] == found[1]
    assert len(set(found[0])) == 3


@pytest.mark.parametrize("noise_shape", [(None, 1, 3), (1, 4, None), (2, 1, 1)])
def test_noise_shape(noise_shape):
    y = AlphaDropout(0.5, noise_shape=noise_shape, seed=2).forward(np.ones((2, 4, 3)), training=True)
    for axis, size in enumerate(noise_shape):
        if size == 1:
            np.testing.assert_array_equal(y, np.take(y, [0], axis=axis) + np.zeros_like(y))
    assert len(np.unique(y)) <= 2
    assert AlphaDropout(0.5, noise_shape=(None, 1, 3)).output_shape((None, 3)) == (None, 3)


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: GaussianNoise(-1), ArgumentError, "stddev=-1"),
        (lambda: GaussianNoise("1"), ArgumentTypeError, "stddev='1'"),
        (lambda: GaussianNoise(float("nan")), ArgumentError, "stddev=nan"),
        (lambda: GaussianDropout(1), ArgumentError, "rate=1.*rate < 1"),
        (lambda: GaussianDropout(-0.1), ArgumentError, r"rate=-0\.1"),
        (lambda: AlphaDropout(1.0), ArgumentError, r"rate=1\.0.*rate < 1"),
        (lambda: AlphaDropout(True), ArgumentTypeError, "rate=True"),
        (lambda: GaussianNoise(1, seed=-1), ArgumentError, "seed=-1"),
        (lambda: GaussianDropout(0.1, seed=0.5), ArgumentTypeError, r"GaussianDropout: received seed=0\.5"),
        (lambda: AlphaDropout(0.1, (None, 2)).build((3,)), ShapeError, r"noise_shape=\(None, 2\)"),
    ],
)
def test_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()
