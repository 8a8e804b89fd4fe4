"""Initial values: their distributions, their fans, their seeds, and their names."""

from math import sqrt

import numpy as np
import pytest

import minidl
from minidl import initializers
from minidl.backend.random import Stream
from minidl.declared import all_names
from minidl.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    fans,
)
from minidl.layers import LSTM, Conv2D, Dense

STREAM = Stream(17, 3)
DENSE, KERNEL = (300, 200), (5, 5, 20, 60)

# name, shape, standard deviation, largest possible value
DISTRIBUTIONS = [
    ("glorot_uniform", DENSE, sqrt(2 / 500), sqrt(6 / 500)),
    ("glorot_uniform", KERNEL, sqrt(2 / (500 + 1500)), sqrt(6 / 2000)),
    ("glorot_normal", DENSE, sqrt(2 / 500), 2 * sqrt(2 / 500) / 0.8796),
    ("glorot_normal", KERNEL, sqrt(2 / 2000), 2 * sqrt(2 / 2000) / 0.8796),
    ("he_uniform", DENSE, sqrt(2 / 300), sqrt(6 / 300)),
    ("he_uniform", KERNEL, sqrt(2 / 500), sqrt(6 / 500)),
    ("he_normal", DENSE, sqrt(2 / 300), 2 * sqrt(2 / 300) / 0.8796),
    ("he_normal", KERNEL, sqrt(2 / 500), 2 * sqrt(2 / 500) / 0.8796),
    ("lecun_uniform", DENSE, sqrt(1 / 300), sqrt(3 / 300)),
    ("lecun_uniform", KERNEL, sqrt(1 / 500), sqrt(3 / 500)),
    ("lecun_normal", DENSE, sqrt(1 / 300), 2 * sqrt(1 / 300) / 0.8796),
    ("lecun_normal", KERNEL, sqrt(1 / 500), 2 * sqrt(1 / 500) / 0.8796),
    ("truncated_normal", DENSE, 0.05 * 0.8796, 0.1),
    ("variance_scaling", DENSE, sqrt(1 / 300), 2 * sqrt(1 / 300) / 0.8796),
    ("variance_scaling", KERNEL, sqrt(1 / 500), 2 * sqrt(1 / 500) / 0.8796),
    *(
        (VarianceScaling(scale, mode, distribution), shape, sqrt(scale / n), largest * sqrt(scale / n))
        for scale in (0.1, 3.0)
        for shape, fan_in, fan_out in ((DENSE, 300, 200), (KERNEL, 500, 1500))
        for mode, n in (("fan_in", fan_in), ("fan_out", fan_out), ("fan_avg", (fan_in + fan_out) / 2))
        for distribution, largest in (
            ("truncated_normal", 2 / 0.8796),
            ("normal", 2 / 0.8796),
            ("untruncated_normal", np.inf),
            ("uniform", sqrt(3)),
        )
    ),
    ("random_normal", DENSE, 0.05, np.inf),
    ("normal", DENSE, 0.05, np.inf),
    ("random_uniform", DENSE, 0.05 / sqrt(3), 0.05),
    ("uniform", DENSE, 0.05 / sqrt(3), 0.05),
]


@pytest.mark.parametrize("name, shape, deviation, largest", DISTRIBUTIONS)
def test_statistics(name, shape, deviation, largest):
    """Mean and standard deviation within five standard errors."""
    values = initializers.get(name)(shape, STREAM, 0)
    assert values.shape == shape
    assert values.dtype == np.float64
    n = values.size
    assert abs(values.mean()) < 5 * deviation / sqrt(n)
    assert values.std() == pytest.approx(deviation, rel=5 / sqrt(n))
    assert np.abs(values).max() <= largest * (1 + 1e-4)
    assert len(np.unique(values)) > 0.999 * n
    if np.isfinite(largest):
        assert np.abs(values).max() > 0.98 * largest


def test_a_normal_distribution_that_is_not_cut_has_tails():
    values = VarianceScaling(1.0, "fan_in", "untruncated_normal")(DENSE, STREAM, 0) * sqrt(300)
    assert (np.abs(values) > 2).mean() == pytest.approx(0.0455, abs=0.005)  # 2 (1 - F(2))


def test_a_cut_normal_distribution_around_another_mean():
    values = TruncatedNormal(3.0, 0.5)((10_000,), STREAM, 0)
    assert values.mean() == pytest.approx(3, abs=0.03)
    assert values.std() == pytest.approx(0.5 * 0.8796, rel=0.05)
    assert 2 <= values.min() < 2.01
    assert 3.99 < values.max() <= 4
    assert (TruncatedNormal(3.0, 0.0)((4,), STREAM, 0) == 3).all()


@pytest.mark.parametrize(
    "named, scale, mode, distribution",
    [
        (GlorotUniform, 1.0, "fan_avg", "uniform"),
        (GlorotNormal, 1.0, "fan_avg", "truncated_normal"),
        (HeUniform, 2.0, "fan_in", "uniform"),
        (HeNormal, 2.0, "fan_in", "truncated_normal"),
        (LecunUniform, 1.0, "fan_in", "uniform"),
        (LecunNormal, 1.0, "fan_in", "truncated_normal"),
    ],
)
def test_the_named_ones_are_special_cases(named, scale, mode, distribution):
    general = VarianceScaling(scale, mode, distribution, seed=4)
    np.testing.assert_array_equal(named(seed=4)(KERNEL, STREAM, 0), general(KERNEL, STREAM, 0))


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (1, 1)])
def test_identity(shape):
    np.testing.assert_array_equal(
        Identity()(shape, STREAM, 0), [[float(i == j) for j in range(shape[1])] for i in range(shape[0])]
    )
    np.testing.assert_array_equal(Identity(2.5)(shape, STREAM, 0), 2.5 * Identity()(shape, STREAM, 0))


@pytest.mark.parametrize(
    "alias, kind",
    {
        "zero": Zeros,
        "one": Ones,
        "normal": RandomNormal,
        "uniform": RandomUniform,
        "IdentityInitializer": Identity,
        "OrthogonalInitializer": Orthogonal,
    }.items(),
)
def test_other_names_of_keras(alias, kind):
    assert type(initializers.get(alias)) is kind


@pytest.mark.parametrize("name", ["glorot_normal", "he_normal", "lecun_normal", "truncated_normal", "variance_scaling"])
def test_the_normal_variants_are_cut_normal_distributions(name):
    values = initializers.get(name)(DENSE, STREAM, 0)
    within = np.abs(values) < values.std() / 0.87962566  # one standard deviation before the cut
    assert within.mean() == pytest.approx(0.6827 / 0.9545, abs=0.01)


def test_constants():
    assert (Zeros()((2, 3), STREAM, 0) == 0).all()
    assert (Ones()((2, 3), STREAM, 0) == 1).all()
    assert (Constant(0.25)((2, 3), STREAM, 0) == 0.25).all()
    normal = RandomNormal(3.0, 0.5)((10_000,), STREAM, 0)
    assert normal.mean() == pytest.approx(3, abs=0.03)
    assert normal.std() == pytest.approx(0.5, rel=0.05)
    uniform = RandomUniform(1.0, 2.0)((10_000,), STREAM, 0)
    assert 1 <= uniform.min() < 1.01
    assert 1.99 < uniform.max() <= 2
    assert (RandomUniform(2.0, 2.0)((4,), STREAM, 0) == 2).all()


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((784, 10), (784, 10)),
        ((5, 5, 20, 50), (500, 1250)),
        ((3, 8, 16), (24, 48)),
        ((3, 3, 7, 1, 48), (63, 63 * 48)),
        ((7,), (7, 7)),
        ((), (1, 1)),
    ],
)
def test_fans(shape, expected):
    assert fans(shape) == expected


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 3, 2, 5), (1, 5), (5, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal(shape, gain):
    values = Orthogonal(gain)(shape, STREAM, 0)
    assert values.shape == shape
    matrix = values.reshape(-1, shape[-1]) / gain
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_orthogonal_matrices_are_of_both_orientations():
    """Q with signs made unique is uniform: its determinant is as often -1 as 1."""
    signs = [np.linalg.det(Orthogonal()((3, 3), STREAM, i)) for i in range(200)]
    assert np.abs(np.abs(signs) - 1).max() < 1e-9
    assert 60 < (np.array(signs) > 0).sum() < 140


def test_orthogonal_needs_a_matrix():
    with pytest.raises(ValueError, match=r"Orthogonal.*\(4,\).*two axes"):
        Orthogonal()((4,), STREAM, 0)


RANDOM = [GlorotUniform, GlorotNormal, HeUniform, HeNormal, RandomNormal, RandomUniform, Orthogonal]
RANDOM += [LecunUniform, LecunNormal, TruncatedNormal, VarianceScaling]


@pytest.mark.parametrize("make", RANDOM)
def test_seeds(make):
    shape = (6, 5)

    def values(initializer, stream=STREAM, index=0):
        return initializer(shape, stream, index)

    assert np.array_equal(values(make()), values(make())), "an address gives one value"
    assert not np.array_equal(values(make()), values(make(), index=1))
    assert not np.array_equal(values(make()), values(make(), Stream(17, 4)))
    assert not np.array_equal(values(make()), values(make(), Stream(18, 3)))
    seeded = make(seed=5)
    assert np.array_equal(values(seeded), values(seeded, Stream(1, 1), 7)), "a seed of its own wins"
    assert not np.array_equal(values(seeded), values(make(seed=6)))


def test_set_seed_decides_the_weights_of_a_layer():
    def weights(seed):
        minidl.set_seed(seed)
        layers = [Dense(4), Dense(4)]
        for layer in layers:
            layer.build((4,))
        return [layer.W.value.copy() for layer in layers]

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))
    assert not np.array_equal(*weights(1)), "two layers differ"


@pytest.mark.parametrize(
    "make, shape", [(lambda: Dense(7), (5,)), (lambda: Conv2D(3, 2), (6, 6, 2)), (lambda: LSTM(4), (3, 5))]
)
def test_float32_values_are_the_float64_ones_rounded(make, shape):
    drawn = {}
    for dtype in ("float32", "float64"):
        with minidl.config.use_dtype(dtype):
            minidl.set_seed(21)
            layer = make()
            layer.build(shape)
            drawn[dtype] = [p.value.copy() for p in layer.parameters]
    for single, double in zip(drawn["float32"], drawn["float64"]):
        assert (single.dtype, double.dtype) == (np.float32, np.float64)
        np.testing.assert_array_equal(single, double.astype(np.float32))


def test_layers_use_what_they_are_given():
    layer = Dense(3, kernel_initializer=Constant(2.0), bias_initializer="ones")
    layer.build((4,))
    assert (layer.W.value == 2).all()
    assert (layer.b.value == 1).all()


@pytest.mark.parametrize("name", all_names("initializer"))
def test_configuration_makes_an_equal_object(name):
    chosen = initializers.get(name)
    again = type(chosen).from_config(chosen.get_config())
    np.testing.assert_array_equal(again((4, 3), STREAM, 0), chosen((4, 3), STREAM, 0))
    assert again.get_config() == chosen.get_config()


def test_configuration_keeps_every_argument():
    for chosen in (
        VarianceScaling(2.0, "fan_out", "normal", 7),
        TruncatedNormal(1.0, 0.2, 7),
        Identity(3.0),
        Orthogonal(2.0, 7),
    ):
        again = type(chosen).from_config(chosen.get_config())
        np.testing.assert_array_equal(again((4, 3), STREAM, 0), chosen((4, 3), STREAM, 0))


@pytest.mark.parametrize("name", all_names("initializer"))
def test_names(name):
    assert isinstance(initializers.get(name), Initializer)
    assert initializers.get(name)((4, 3), STREAM, 0).shape == (4, 3)
    assert initializers.get(chosen := initializers.get(name)) is chosen


@pytest.mark.parametrize(
    "function, kind, words",
    [
        (lambda: initializers.get("xavier"), ValueError, ["'xavier'", "glorot_uniform", "orthogonal"]),
        (lambda: initializers.get("xavier", "Dense: kernel_initializer"), ValueError, ["Dense: kernel_initializer"]),
        (lambda: initializers.get(np.zeros), TypeError, ["builtin_function", "an Initializer object or a name"]),
        (lambda: initializers.get(Zeros), TypeError, ["the class Zeros", "an Initializer object or a name"]),
        (lambda: RandomNormal(stddev=-1), ValueError, ["RandomNormal", "stddev=-1"]),
        (lambda: RandomNormal("0"), TypeError, ["RandomNormal", "mean='0'"]),
        (lambda: RandomUniform(1.0, 0.0), ValueError, ["RandomUniform", "minval=1.0", "minval <= maxval"]),
        (lambda: Constant(np.inf), ValueError, ["Constant", "inf"]),
        (lambda: GlorotUniform(seed=-1), ValueError, ["GlorotUniform", "seed=-1"]),
        (lambda: HeNormal(seed=1.5), TypeError, ["HeNormal", "seed=1.5"]),
        (lambda: Orthogonal(gain="big"), TypeError, ["Orthogonal", "gain='big'"]),
        (lambda: GlorotUniform(scale=2), TypeError, ["scale"]),
        (lambda: Identity()((4,), STREAM, 0), ValueError, ["Identity", "(4,)", "two axes"]),
        (lambda: Identity()((2, 2, 2), STREAM, 0), ValueError, ["Identity", "(2, 2, 2)", "two axes"]),
        (lambda: Identity("1"), TypeError, ["Identity", "gain='1'"]),
        (lambda: TruncatedNormal(stddev=-1), ValueError, ["TruncatedNormal", "stddev=-1"]),
        (lambda: VarianceScaling(0), ValueError, ["VarianceScaling", "scale=0", "positive", "Zeros()"]),
        (lambda: VarianceScaling(-1), ValueError, ["VarianceScaling", "scale=-1"]),
        (lambda: VarianceScaling(mode="fan"), ValueError, ["mode='fan'", "'fan_in'", "'fan_avg'"]),
        (lambda: VarianceScaling(distribution="gauss"), ValueError, ["distribution='gauss'", "'untruncated_normal'"]),
        (lambda: VarianceScaling(distribution="untruncated"), ValueError, ["Did you mean 'untruncated_normal'"]),
        (lambda: VarianceScaling(distribution=["normal"]), ValueError, ["distribution=['normal']"]),
        (lambda: initializers.get("lecun"), ValueError, ["Did you mean 'lecun_normal'"]),
    ],
)
def test_mistakes(function, kind, words):
    with pytest.raises(kind) as raised:
        function()
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)
