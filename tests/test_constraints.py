"""Constraints: Keras's numbers, norms of any size, axes, names."""

import math

import numpy as np
import pytest

from minidl import backend, config, constraints, regularizers
from minidl.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from minidl.declared import all_names, classes
from tests.gpu.strict_cupy import stand_in

W = np.array([[3.0, 0.3, -1.0, 0.0], [4.0, -0.4, 0.5, 0.0]])
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])

KERAS = [  # what Keras 3.15 makes of W in float64
    (MaxNorm(), [[1.199999976, 0.29999994, -0.999999910557, 0], [1.599999968, -0.39999992, 0.499999955279, 0]]),
    (
        MaxNorm(1.5, axis=1),
        [[1.416664192948, 0.141666419295, -0.472221397649, 0], [1.481142859271, -0.148114285927, 0.185142857409, 0]],
    ),
    (UnitNorm(), [[0.599999988, 0.59999988, -0.894427111, 0], [0.799999984, -0.79999984, 0.4472135555, 0]]),
    (
        UnitNorm(axis=[0, 1]),
        [[0.582771506094, 0.058277150609, -0.194257168698, 0], [0.777028674791, -0.077702867479, 0.097128584349, 0]],
    ),
    (NonNeg(), [[3, 0.3, 0, 0], [4, 0, 0.5, 0]]),
    (MinMaxNorm(), [[0.599999988, 0.29999994, -0.894427111, 0], [0.799999984, -0.39999992, 0.4472135555, 0]]),
    (
        MinMaxNorm(0.6, 2, 0.25),
        [[2.549999949, 0.314999937, -0.999999910557, 0], [3.399999932, -0.419999916, 0.499999955279, 0]],
    ),
    (
        MinMaxNorm(1, 2, 1, axis=1),
        [[1.888885590597, 0.18888855906, -0.629628530199, 0], [1.974857145694, -0.197485714569, 0.246857143212, 0]],
    ),
]


@both_dtypes
@pytest.mark.parametrize("constraint, expected", KERAS, ids=lambda value: repr(value) if isinstance(value, Constraint) else "")
def test_keras_numbers(constraint, expected, dtype):
    w = W.astype(dtype)
    new = constraint.apply(w)
    assert new.dtype == dtype
    np.testing.assert_allclose(new, expected, rtol=1e-6 if dtype == np.float32 else 1e-10, atol=1e-12)
    np.testing.assert_array_equal(constraint(w), new)
    np.testing.assert_array_equal(w, W.astype(dtype))
    assert not np.may_share_memory(new, w)


def formula(w, axis, wanted):
    """w d / (|w| + e), d = wanted(|w|); for numbers that are not extreme."""
    norm = np.sqrt((w**2).sum(axis=axis, keepdims=True))
    return w * wanted(norm) / (norm + 1e-7)


@pytest.mark.parametrize("axis", [0, 3, -1, (0, 1, 2), [0, 1, 2], (-4, -3, -2), (3, 0), (0, 1, 2, 3)])
def test_axes(axis):
    w = np.random.default_rng(0).normal(size=(3, 2, 4, 5))
    axes = tuple(axis) if isinstance(axis, list) else axis
    bounded = np.random.default_rng(1).uniform(0.5, 1.5) * np.sqrt((w**2).sum(axis=axes, keepdims=True)).mean()
    for constraint, wanted in (
        (UnitNorm(axis), lambda norm: 1),
        (MaxNorm(bounded, axis), lambda norm: np.minimum(norm, bounded)),
        (MinMaxNorm(bounded, 2 * bounded, axis=axis), lambda norm: np.clip(norm, bounded, 2 * bounded)),
        (MinMaxNorm(0, bounded, 0.3, axis), lambda norm: 0.3 * np.clip(norm, 0, bounded) + 0.7 * norm),
    ):
        np.testing.assert_allclose(constraint.apply(w), formula(w, axes, wanted), rtol=1e-12)
        assert constraint.axis == axes


def test_a_vector_and_one_number():
    np.testing.assert_allclose(UnitNorm().apply(np.array([3.0, 4.0])), [0.6, 0.8], rtol=1e-7)
    assert NonNeg().apply(np.array(-2.0)) == 0


def test_epsilon_is_the_configured_one():
    with config.use_epsilon(0.5):
        np.testing.assert_allclose(UnitNorm().apply(np.array([3.0, 4.0])), [3 / 5.5, 4 / 5.5])


def test_rate_0_leaves_the_norm():
    np.testing.assert_allclose(MinMaxNorm(0, 1, rate=0).apply(W), W, rtol=1e-6)


# -- numbers of any size -------------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("exponent", [0.5, 0.9, 1.0])
def test_norms_of_huge_numbers(dtype, exponent):
    """Their squares are infinite, and from the largest number on, their norm as well."""
    size = float(np.finfo(dtype).max) ** exponent
    w = np.array([[1, 0.25], [-1, 1], [0.5, 1], [1, 0]], dtype) * dtype(size)
    unit = w.astype(np.float64) / size
    unit = unit / np.sqrt((unit**2).sum(axis=0))
    np.testing.assert_allclose(UnitNorm().apply(w), unit, rtol=1e-6)
    np.testing.assert_allclose(MaxNorm(3).apply(w), 3 * unit, rtol=1e-6)
    np.testing.assert_allclose(MinMaxNorm(1, 2).apply(w), 2 * unit, rtol=1e-6)
    np.testing.assert_allclose(MinMaxNorm(1, 2, 0.5).apply(w), w * dtype(0.5), rtol=1e-6)
    unbounded = MaxNorm(float(np.finfo(dtype).max)).apply(w)
    assert np.isfinite(unbounded).all()
    assert (unbounded != 0).tolist() == (w != 0).tolist()


@both_dtypes
def test_norms_of_tiny_numbers(dtype):
    """Their squares are zero; beside 1e-7 the norm is nothing, and the direction stays."""
    size = float(np.finfo(dtype).tiny) * 1000
    w = (np.array([[3, 1], [4, 0]]) * size).astype(dtype)
    np.testing.assert_allclose(UnitNorm().apply(w), w / dtype(1e-7), rtol=1e-6)
    np.testing.assert_allclose(MinMaxNorm(0.5, 1).apply(w), 0.5 * (w / dtype(1e-7)), rtol=1e-6)
    with config.use_epsilon(size):  # now the norm counts: its square, if it were taken, would be 0
        np.testing.assert_allclose(UnitNorm().apply(w), [[3 / 6, 1 / 2], [4 / 6, 0]], rtol=1e-6)
        np.testing.assert_allclose(MaxNorm(1).apply(w), w * np.array([5 / 6, 1 / 2]), rtol=1e-6)
    least = np.array([[np.finfo(dtype).smallest_subnormal], [0]], dtype)
    assert UnitNorm().apply(least)[0, 0] > 0


@both_dtypes
def test_zeros_stay_zeros(dtype):
    for constraint in (UnitNorm(), MaxNorm(), MinMaxNorm(1, 2), MinMaxNorm(1, 2, 0.5), NonNeg()):
        w = np.zeros((3, 2), dtype)
        w[:, 1] = 1
        assert not constraint.apply(w)[:, 0].any()
        assert constraint.apply(w)[:, 1].all()
    assert not MaxNorm(0).apply(W).any()


def test_nan_stays_in_its_own_column():
    w = np.array([[np.nan, 1.0], [1.0, -1.0]])
    for constraint in (UnitNorm(), MaxNorm(), MinMaxNorm(0, 1, 0.5)):
        assert np.isnan(constraint.apply(w)).tolist() == [[True, False], [True, False]]
    assert np.isnan(NonNeg().apply(w)).tolist() == [[True, False], [False, False]]
    assert np.isnan(UnitNorm().apply(np.array([np.inf, 1.0]))).all()


def test_arrays_of_the_gpu_library():
    """The stand-in for CuPy refuses what only NumPy has."""
    with stand_in(), backend.use_backend("cupy"):
        w = backend.current().asarray(W)
        for constraint, expected in KERAS:
            new = constraint.apply(w)
            assert type(new) is type(w)
            np.testing.assert_allclose(new.get(), expected, rtol=1e-10, atol=1e-12)
        for name in all_names("regularizer"):
            penalty = regularizers.get(name)
            assert backend.number(penalty.value(w)) == pytest.approx(float(penalty.value(W)))
            np.testing.assert_allclose(penalty.gradient(w).get(), penalty.gradient(W), rtol=1e-12)


# -- names, defaults, configuration --------------------------------------------------------------------------------------


def test_defaults_are_those_of_keras():
    assert (MaxNorm().max_value, MaxNorm().axis) == (2, 0)
    assert UnitNorm().axis == 0
    bounded = MinMaxNorm()
    assert (bounded.min_value, bounded.max_value, bounded.rate, bounded.axis) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    "name, kind", [("max_norm", MaxNorm), ("non_neg", NonNeg), ("unit_norm", UnitNorm), ("min_max_norm", MinMaxNorm)]
)
def test_names(name, kind):
    assert type(constraints.get(name)) is kind
    assert type(constraints.get(kind.__name__)) is kind
    assert getattr(constraints, name) is kind
    chosen = kind()
    assert constraints.get(chosen) is chosen
    assert constraints.get(None) is None


@pytest.mark.parametrize("constraint", [*(constraints.get(name) for name in all_names("constraint")), *(c for c, _ in KERAS)])
def test_configuration_makes_an_equal_object(constraint):
    evaluated = eval(repr(constraint), classes("constraint"))
    for other in (type(constraint).from_config(constraint.get_config()), evaluated):
        np.testing.assert_array_equal(other.apply(W), constraint.apply(W))
        assert other.get_config() == constraint.get_config()


def test_one_of_your_own():
    class AtMostOne(Constraint):
        def apply(self, w):
            return w.clip(-1, 1)

    assert constraints.get(own := AtMostOne()) is own
    assert own(W).max() == 1
    with pytest.raises(NotImplementedError):
        Constraint().apply(W)


@pytest.mark.parametrize(
    "function, kind, words",
    [
        (lambda: MaxNorm(-1), ValueError, ["MaxNorm", "max_value=-1", "0 <= max_value"]),
        (lambda: MaxNorm(math.inf), ValueError, ["MaxNorm", "max_value=inf"]),
        (lambda: MaxNorm("2"), TypeError, ["MaxNorm", "max_value='2'"]),
        (lambda: MaxNorm(axis=1.0), TypeError, ["MaxNorm", "1.0 as axis", "an integer"]),
        (lambda: UnitNorm(axis="0"), TypeError, ["UnitNorm", "'0' as axis"]),
        (lambda: UnitNorm(axis=None), TypeError, ["UnitNorm", "None as axis", "[0, 1, 2]"]),
        (lambda: UnitNorm(axis=True), TypeError, ["UnitNorm", "True as axis"]),
        (lambda: UnitNorm(axis=[]), TypeError, ["UnitNorm", "axis=[]"]),
        (lambda: UnitNorm(axis=[0, 0]), ValueError, ["UnitNorm", "axis=[0, 0]", "each axis once"]),
        (lambda: UnitNorm(axis=[0, "1"]), TypeError, ["axis=[0, '1']"]),
        (lambda: MinMaxNorm(2, 1), ValueError, ["MinMaxNorm", "min_value=2, max_value=1", "min_value <= max_value"]),
        (lambda: MinMaxNorm(-1), ValueError, ["min_value=-1"]),
        (lambda: MinMaxNorm(rate=1.5), ValueError, ["rate=1.5", "0 <= rate <= 1"]),
        (lambda: MinMaxNorm(rate=-0.5), ValueError, ["rate=-0.5"]),
        (lambda: NonNeg(1), TypeError, ["argument"]),
        (lambda: UnitNorm(axis=2).apply(W), ValueError, ["UnitNorm", "axis=2", "(2, 4)"]),
        (lambda: MaxNorm(axis=-3).apply(W), ValueError, ["MaxNorm", "axis=-3", "(2, 4)"]),
        (lambda: MaxNorm(axis=(0, -2)).apply(W), ValueError, ["MaxNorm", "axis=(0, -2)", "(2, 4)"]),
        (
            lambda: constraints.get("nonnegative", "Dense: kernel_constraint"),
            ValueError,
            ["Dense: kernel_constraint", "Did you mean 'non_neg'"],
        ),
        (
            lambda: constraints.get("nothing"),
            ValueError,
            ["a Constraint, or one of max_norm, min_max_norm, non_neg, unit_norm"],
        ),
        (lambda: constraints.get(MaxNorm), TypeError, ["the class MaxNorm", "MaxNorm()"]),
        (lambda: constraints.get(2), TypeError, ["2 as constraint", "MaxNorm(2)"]),
    ],
)
def test_mistakes(function, kind, words):
    with pytest.raises(kind) as raised:
        function()
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)
