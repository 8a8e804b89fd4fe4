"""Penalties: their numbers, their gradients, their factors, their names."""

import math

import numpy as np
import pytest

from minidl import regularizers
from minidl.declared import all_names, classes
from minidl.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

W = np.array([[0.5, -2.0, 0.0], [1.5, -0.25, 3.0]])  # sum |w| = 7.25, sum w^2 = 15.5625
ABSOLUTE, SQUARES = 7.25, 15.5625
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])

PENALTIES = {  # an object and what its formula gives for W
    "l1": (L1(0.1), 0.1 * ABSOLUTE, 0.1 * np.sign(W)),
    "l1 of 0": (L1(0), 0, 0 * W),
    "l2": (L2(0.2), 0.2 * SQUARES, 0.4 * W),
    "both": (L1L2(0.1, 0.2), 0.1 * ABSOLUTE + 0.2 * SQUARES, 0.1 * np.sign(W) + 0.4 * W),
    "first alone": (L1L2(l1=0.1), 0.1 * ABSOLUTE, 0.1 * np.sign(W)),
    "second alone": (L1L2(l2=0.2), 0.2 * SQUARES, 0.4 * W),
    "neither": (L1L2(0, 0), 0, 0 * W),
}


@both_dtypes
@pytest.mark.parametrize("name", PENALTIES)
def test_value_and_gradient_are_the_formula(name, dtype):
    penalty, value, gradient = PENALTIES[name]
    w = W.astype(dtype)
    received = penalty.value(w)
    assert np.shape(received) == ()
    assert received.dtype == np.float64
    assert float(received) == pytest.approx(value, rel=1e-14) == float(penalty(w))
    dw = penalty.gradient(w)
    assert (dw.dtype, dw.shape) == (dtype, w.shape)
    np.testing.assert_allclose(dw, gradient, rtol=1e-6 if dtype == np.float32 else 1e-14)
    np.testing.assert_array_equal(w, W)


SMOOTH = [L1(0.3), L2(0.3), L1L2(0.2, 0.7), OrthogonalRegularizer(0.5), OrthogonalRegularizer(0.5, "columns")]


@pytest.mark.parametrize("penalty", SMOOTH, ids=repr)
def test_gradient_is_the_slope_of_the_value(penalty):
    """Central differences, and no corner near: no weight and no product of two rows is zero."""
    w = np.random.default_rng(0).normal(size=(4, 3)) + 0.1
    numeric, h = np.empty_like(w), 1e-5
    for place in np.ndindex(*w.shape):
        step = np.zeros_like(w)
        step[place] = h
        numeric[place] = (penalty.value(w + step) - penalty.value(w - step)) / (2 * h)
    np.testing.assert_allclose(penalty.gradient(w), numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(5,), (3, 3, 2, 4), ()])
def test_any_shape(shape):
    w = np.random.default_rng(1).normal(size=shape)
    assert float(L1L2(1.0, 1.0).value(w)) == pytest.approx(np.abs(w).sum() + (w**2).sum())
    assert L1L2(1.0, 1.0).gradient(w).shape == shape


def test_sums_are_added_in_float64():
    """Ones beside a number whose square has no room for them in float32."""
    w = np.ones(100_000, np.float32)
    w[0] = 1e8
    assert float(L2(1.0).value(w)) == pytest.approx(float(w[0]) ** 2 + 99_999, rel=1e-14)
    assert float(L1(1.0).value(w)) == 1e8 + 99_999
    assert float(L2(1.0).value(np.array([1e30], np.float32))) == pytest.approx(1e60)  # a float32 would be infinite


def test_infinity_and_nan_pass_through_without_a_warning():
    for penalty in (L1(1.0), L2(1.0), L1L2(1.0, 1.0)):
        assert float(penalty.value(np.array([np.inf, 1.0]))) == np.inf
        assert math.isnan(penalty.value(np.array([np.nan, 1.0])))
        assert np.isnan(penalty.gradient(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert float(L2(1.0).value(np.array([1e200]))) == np.inf


# -- orthogonal rows -----------------------------------------------------------------------------------------------------


def mean_cosine(w):
    """The formula, pair by pair."""
    n = len(w)
    pairs = [(i, j) for i in range(n) for j in range(i)]
    return sum(abs(w[i] @ w[j]) / np.linalg.norm(w[i]) / np.linalg.norm(w[j]) for i, j in pairs) / len(pairs)


def test_orthogonal_regularizer_is_the_mean_absolute_cosine():
    w = np.random.default_rng(2).normal(size=(4, 3))
    assert float(OrthogonalRegularizer().value(w)) == pytest.approx(0.01 * mean_cosine(w))
    assert float(OrthogonalRegularizer(2.0).value(w)) == pytest.approx(2 * mean_cosine(w))
    assert float(OrthogonalRegularizer(2.0, mode="columns").value(w)) == pytest.approx(2 * mean_cosine(w.T))
    golden = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]])
    assert float(OrthogonalRegularizer(0.3).value(golden)) == pytest.approx(0.15373182, abs=1e-8)  # Keras 3.15
    assert float(OrthogonalRegularizer(0.3, "columns").value(golden)) == pytest.approx(0.03067192, abs=1e-8)


@both_dtypes
def test_the_length_of_a_row_does_not_count(dtype):
    large = np.finfo(dtype).max / 4
    w = np.array([[3, 4], [1, 0]], dtype)
    for factors in ([1, 1], [large / 4, 1], [large / 4, large], [1e-3, 1e-6]):
        scaled = w * np.array(factors, dtype)[:, None]
        assert float(OrthogonalRegularizer(1.0).value(scaled)) == pytest.approx(0.6, rel=1e-6)
        dw = OrthogonalRegularizer(1.0).gradient(scaled)
        assert dw.dtype == dtype
        np.testing.assert_allclose(dw * np.array(factors, dtype)[:, None], [[0.128, -0.096], [0, 0.8]], rtol=1e-5, atol=1e-6)


def test_a_row_shorter_than_1e_7_is_divided_by_that():
    w = np.array([[3e-9, 4e-9], [1.0, 0.0]])  # u = (0.03, 0.04)
    assert float(OrthogonalRegularizer(1.0).value(w)) == pytest.approx(0.03)
    np.testing.assert_allclose(OrthogonalRegularizer(1.0).gradient(w), [[1e7, 0], [0, 0.04]], atol=1e-12)


def test_rows_of_zeros_and_a_single_row():
    w = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert float(OrthogonalRegularizer(1.0).value(w)) == 0
    assert np.isfinite(OrthogonalRegularizer(1.0).gradient(w)).all()
    assert float(OrthogonalRegularizer(1.0).value(w[1:])) == 0
    assert not OrthogonalRegularizer(1.0).gradient(w[1:]).any()


# -- names, defaults, configuration --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, factors",
    [("l1", (0.01, 0)), ("l2", (0, 0.01)), ("l1_l2", (0.01, 0.01)), ("L1", (0.01, 0)), ("L1L2", (0.01, 0.01))],
)
def test_names_and_their_defaults(name, factors):
    penalty = regularizers.get(name)
    assert (penalty.l1, penalty.l2) == factors


def test_orthogonal_regularizer_has_kerass_defaults():
    penalty = regularizers.get("orthogonal_regularizer")
    assert (penalty.factor, penalty.mode) == (0.01, "rows")


def test_a_factor_that_is_not_given_is_zero_beside_one_that_is():
    assert (L1L2(l2=0.1).l1, L1L2(l2=0.1).l2) == (0, 0.1)
    assert (L1L2(l1=0.1).l1, L1L2(l1=0.1).l2) == (0.1, 0)
    assert (L1L2(0.0, 0.0).l1, L1L2(0.0, 0.0).l2) == (0, 0)


def test_none_is_no_penalty_and_objects_stay():
    assert regularizers.get(None) is None
    penalty = L2(0.3)
    assert regularizers.get(penalty) is penalty


def test_the_functions_of_keras():
    assert float(regularizers.l1(0.5).value(W)) == 0.5 * ABSOLUTE
    assert float(regularizers.l2(0.5).value(W)) == 0.5 * SQUARES
    assert float(regularizers.l1_l2(0.5, 0.25).value(W)) == 0.5 * ABSOLUTE + 0.25 * SQUARES
    assert float(regularizers.l1_l2(l2=0.25).value(W)) == 0.25 * SQUARES


@pytest.mark.parametrize("penalty", [*(regularizers.get(name) for name in all_names("regularizer")), *SMOOTH], ids=repr)
def test_configuration_makes_an_equal_object(penalty):
    again = type(penalty).from_config(penalty.get_config())
    evaluated = eval(repr(penalty), classes("regularizer"))
    for other in (again, evaluated):
        assert float(other.value(W)) == float(penalty.value(W))
        assert other.get_config() == penalty.get_config()


def test_one_of_your_own():
    class TowardsOne(Regularizer):
        def value(self, w):
            return ((w - 1) ** 2).sum()

        def gradient(self, w):
            return 2 * (w - 1)

    assert regularizers.get(own := TowardsOne()) is own
    assert own(np.array([3.0])) == 4
    for method in ("value", "gradient"):
        with pytest.raises(NotImplementedError):
            getattr(Regularizer(), method)(W)


@pytest.mark.parametrize(
    "function, kind, words",
    [
        (lambda: L1(-1), ValueError, ["L1", "l1=-1", "0 <= l1"]),
        (lambda: L2(math.nan), ValueError, ["L2", "l2=nan"]),
        (lambda: L2(math.inf), ValueError, ["L2", "l2=inf"]),
        (lambda: L2("0.1"), TypeError, ["L2", "l2='0.1'", "a number"]),
        (lambda: L1L2(0.1, -0.1), ValueError, ["L1L2", "l2=-0.1"]),
        (lambda: L1L2(-0.1), ValueError, ["L1L2", "l1=-0.1"]),
        (lambda: OrthogonalRegularizer(-1), ValueError, ["OrthogonalRegularizer", "factor=-1"]),
        (lambda: OrthogonalRegularizer(mode="row"), ValueError, ["OrthogonalRegularizer", "mode='row'", "Did you mean 'rows'"]),
        (lambda: OrthogonalRegularizer().value(np.ones(3)), ValueError, ["OrthogonalRegularizer", "(3,)", "a matrix"]),
        (lambda: OrthogonalRegularizer().gradient(np.ones((2, 2, 2))), ValueError, ["(2, 2, 2)", "a matrix"]),
        (
            lambda: regularizers.get("l3", "Dense: kernel_regularizer"),
            ValueError,
            ["Dense: kernel_regularizer", "'l3'", "l1_l2"],
        ),
        (lambda: regularizers.get("L1-L2"), ValueError, ["Did you mean 'l1"]),
        (lambda: regularizers.get(L2), TypeError, ["the class L2", "L2()"]),
        (lambda: regularizers.get(0.01), TypeError, ["0.01", "L2(0.01)"]),
        (lambda: L2(weight=1), TypeError, ["weight"]),
    ],
)
def test_mistakes(function, kind, words):
    with pytest.raises(kind) as raised:
        function()
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)
