"""The ends of the number line: finite in, finite out; what is lost is said with NaN, and nothing warns."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from minidl import config
from minidl.geometry import Window
from minidl.layers import Dense
from minidl.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from minidl.models import Sequential
from minidl.ops import activation
from minidl.ops.convolution import convolve
from minidl.ops.cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    probability_cross_entropy,
    probability_cross_entropy_grad,
    sigmoid_cross_entropy,
    sigmoid_cross_entropy_grad,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    sparse_softmax_cross_entropy,
    sparse_softmax_cross_entropy_grad,
)
from minidl.ops.gather import gather
from minidl.ops.linear import dense
from minidl.ops.pooling import average_pool, max_pool, max_pool_grad
from minidl.ops.softmax import log_softmax, log_softmax_grad, softmax
from tests.cases.ops import ACTIVATIONS, OF_X, extreme_logits
from tests.cases.sample import mostly

both_dtypes = pytest.mark.parametrize(
    "dtype", mostly([np.float32, np.float64], always=[np.float32]), ids=["float32", "float64"]
)
LIMITS = {np.float32: 3.4028234663852886e38, np.float64: 1.7976931348623157e308}


@both_dtypes
def test_softmax_of_finite_rows_is_a_distribution(dtype: type) -> None:
    p = softmax(extreme_logits(dtype))
    assert np.isfinite(p).all()
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert softmax(np.array([[1e38, -1e38]], dtype)).tolist() == [[1, 0]]
    assert softmax(np.array([[1e4, 0]], dtype)).tolist() == [[1, 0]]


@both_dtypes
@pytest.mark.parametrize("true_class", [0, 1, 2])
def test_cross_entropy_of_finite_logits_is_finite(dtype: type, true_class: int) -> None:
    logits = extreme_logits(dtype)
    targets = np.eye(3, dtype=dtype)[[true_class] * len(logits)]
    loss, p = softmax_cross_entropy(logits, targets)
    assert np.isfinite(loss).all()
    assert (loss >= 0).all()
    gradient = softmax_cross_entropy_grad(p, targets, 1 / len(logits))
    assert np.isfinite(gradient).all()
    labels = np.full(len(logits), true_class)
    sparse_loss, sparse_p = sparse_softmax_cross_entropy(logits, labels)
    np.testing.assert_array_equal(sparse_loss, loss)
    np.testing.assert_array_equal(sparse_softmax_cross_entropy_grad(sparse_p, labels, 1 / len(logits)), gradient)


@both_dtypes
def test_loss_of_ten_thousand_is_exact(dtype: type) -> None:
    wrong = np.array([[0, 1]], dtype)
    loss, p = softmax_cross_entropy(np.array([[1e4, 0]], dtype), wrong)
    assert loss.tolist() == [10_000.0]
    assert softmax_cross_entropy_grad(p, wrong, 1.0).tolist() == [[1, -1]]
    loss, p = sigmoid_cross_entropy(np.array([[1e4], [-1e4]], dtype), np.array([[0], [1]], dtype))
    assert loss.tolist() == [10_000.0, 10_000.0]
    assert sigmoid_cross_entropy_grad(p, np.array([[0], [1]], dtype), 1.0).tolist() == [[1], [-1]]


@both_dtypes
def test_the_right_class_far_ahead_costs_nothing(dtype: type) -> None:
    right = np.array([[1, 0]], dtype)
    assert softmax_cross_entropy(np.array([[1e4, 0]], dtype), right)[0].tolist() == [0]
    assert sigmoid_cross_entropy(np.array([[1e4]], dtype), np.array([[1]], dtype))[0].tolist() == [0]


@both_dtypes
def test_the_largest_logits_of_all_stay_finite(dtype: type) -> None:
    largest = LIMITS[dtype]
    for row in ([largest, -largest], [-largest, -largest], [largest, largest], [largest, 0], [0, -largest]):
        for target in (0, 1):
            loss, p = softmax_cross_entropy(np.array([row], dtype), np.eye(2, dtype=dtype)[[target]])
            assert np.isfinite(loss).all(), (row, target)
            assert np.isfinite(p).all(), (row, target)
    for z in (largest, -largest):
        for target in (0, 1):
            loss, p = sigmoid_cross_entropy(np.array([[z]], dtype), np.array([[target]], dtype))
            assert np.isfinite(loss).all(), (z, target)
            assert p.tolist() == [[float(z > 0)]]


@both_dtypes
def test_infinite_logits_give_nan(dtype: type) -> None:
    for row in ([np.inf, 0], [np.inf, np.inf], [np.nan, 0], [-np.inf, -np.inf]):
        z = np.array([row], dtype)
        assert np.isnan(softmax(z)).all(), row
        assert np.isnan(softmax_cross_entropy(z, np.array([[1, 0]], dtype))[0]).all(), row


@both_dtypes
def test_logarithms_of_probabilities_stay_exact_where_those_are_zero(dtype: type) -> None:
    z = np.array([[1e4, 0, -1e4]], dtype)
    y = log_softmax(z)
    assert y.tolist() == [[0, -1e4, -2e4]]
    assert log_softmax_grad(np.array([[0, 1, 0]], dtype), y).tolist() == [[-1, 1, 0]]
    assert log_softmax(np.array([[0, -np.inf]], dtype)).tolist() == [[0, -np.inf]]
    for row in ([np.inf, 0], [np.nan, 0], [-np.inf, -np.inf]):
        assert np.isnan(log_softmax(np.array([row], dtype))).all(), row
    rows = log_softmax(np.array([[np.nan, 1], [2, 3]], dtype))
    assert np.isnan(rows).tolist() == [[True, True], [False, False]]


@both_dtypes
def test_nan_stays_in_its_own_row(dtype: type) -> None:
    z = np.array([[np.nan, 1], [2, 3]], dtype)
    assert np.isnan(softmax(z)).tolist() == [[True, True], [False, False]]


@both_dtypes
def test_certain_probabilities_are_cut(dtype: type) -> None:
    epsilon = 1e-7
    p, wrong = np.array([[1, 0]], dtype), np.array([[0, 1]], dtype)
    np.testing.assert_allclose(probability_cross_entropy(p, wrong, epsilon), [-math.log(epsilon)], rtol=1e-6)
    assert probability_cross_entropy_grad(p, wrong, 1.0, epsilon).tolist() == [[0, 0]]
    np.testing.assert_allclose(binary_cross_entropy(p, wrong, epsilon), [-math.log(epsilon)], rtol=2e-2)
    assert binary_cross_entropy_grad(p, wrong, 1.0, epsilon).tolist() == [[0, 0]]


def exact_gradient(p: np.ndarray, targets: np.ndarray, epsilon: float) -> list[list[Fraction]]:
    """dp of the categorical cross-entropy of p divided by its sum and cut, in fractions of whole numbers."""
    low, high, rows = Fraction(epsilon), 1 - Fraction(epsilon), []
    for row, t_row in zip(p.tolist(), targets.tolist()):
        total = sum(map(Fraction, row))
        q = [Fraction(number) / total for number in row]
        dq = [-Fraction(t) / part if low <= part <= high else Fraction(0) for part, t in zip(q, t_row)]
        through_the_sum = sum(d * part for d, part in zip(dq, q))
        rows.append([(d - through_the_sum) / total for d in dq])
    return rows


def rows_with_denormal_probabilities(dtype: type) -> np.ndarray:
    """Three probabilities a row: denormal numbers beside ordinary ones, beside zeros, and by themselves."""
    tiny, least = float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).smallest_subnormal)
    small = [tiny / 3, tiny / 1024, least, 0.0]
    rows = [(1.0, a, b) for a in small for b in small] + [(0.75, 0.25, a) for a in small] + [(a, 0.3, 0.2) for a in small]
    return np.array([*rows, (tiny / 3, tiny / 4, tiny / 5), (tiny, 2 * tiny, 4 * tiny), (1e-30, 2e-30, least)], dtype)


@both_dtypes
@pytest.mark.parametrize("true_class", [0, 1, 2, "soft"])
def test_the_gradient_of_denormal_probabilities_is_that_of_the_formula(dtype: type, true_class: int | str) -> None:
    p = rows_with_denormal_probabilities(dtype)
    one_hot = np.array([0.5, 0.25, 0.25], dtype) if true_class == "soft" else np.eye(3, dtype=dtype)[true_class]
    targets, epsilon = np.tile(one_hot, (len(p), 1)), max(1e-7, float(np.finfo(dtype).eps))
    assert np.isfinite(probability_cross_entropy(p, targets, epsilon)).all()
    dp, largest = probability_cross_entropy_grad(p, targets, 1.0, epsilon), Fraction(LIMITS[dtype])
    assert np.isfinite(dp).all()
    for given, exact, row in zip(dp.tolist(), exact_gradient(p, targets, epsilon), p.tolist()):
        within = [float(max(min(number, largest), -largest)) for number in exact]  # what the dtype can hold
        tolerance = 8 * np.finfo(dtype).eps  # of the row's largest, as a difference of two numbers is taken
        np.testing.assert_allclose(given, within, rtol=0, atol=tolerance * max(map(abs, within)), err_msg=str(row))


@both_dtypes
@pytest.mark.parametrize("loss", [CategoricalCrossentropy(), SparseCategoricalCrossentropy()])
def test_the_losses_of_denormal_probabilities_are_finite(dtype: type, loss: Loss) -> None:
    p = np.array([[1, {np.float32: 1e-40, np.float64: 1e-310}[dtype]]], dtype)
    assert 0 < p[0, 1] < np.finfo(dtype).smallest_normal
    _, saved = loss.apply(p, [1] if isinstance(loss, SparseCategoricalCrossentropy) else [[0, 1]])
    assert loss.gradient(saved).tolist() == [[0, 0]]  # it was cut


@both_dtypes
def test_the_binary_gradient_of_denormal_probabilities_is_that_of_the_formula(dtype: type) -> None:
    p = rows_with_denormal_probabilities(dtype)
    for target in (0, 1, 0.5):
        dp = binary_cross_entropy_grad(p, np.full_like(p, target), 1.0, max(1e-7, float(np.finfo(dtype).eps)))
        cut = (p < 1e-6) | (p > 1 - 1e-6)
        exact = [(Fraction(x) - Fraction(target)) / (Fraction(x) * (1 - Fraction(x))) / 3 for x in p[~cut].tolist()]
        assert (dp[cut] == 0).all()
        np.testing.assert_allclose(dp[~cut], [float(number) for number in exact], rtol=8 * np.finfo(dtype).eps)


@both_dtypes
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kernels", ["auto", "reference"])
def test_a_step_through_denormal_probabilities_leaves_finite_weights(dtype: type, activation: str, kernels: str) -> None:
    with config.use_dtype(dtype), config.use_kernels(kernels):
        model = Sequential([Dense(2, activation=activation, use_bias=False, input_shape=(1,))])
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=False)
        edge = math.log(float(np.finfo(dtype).smallest_normal))  # exp of a number below it is denormal
        for below in (0.5, 3, 8, 15):
            model.set_weights([[[0.0, edge - below]]] if activation == "softmax" else [[[edge - below, edge + 2]]])
            model.fit(np.ones((1, 1)), [1], verbose=0)  # a loss that is not finite would warn
            assert np.isfinite(model.get_weights()[0]).all(), below


@both_dtypes
def test_activations_at_the_ends(dtype: type) -> None:
    x = np.array([1e38, -1e38, LIMITS[dtype], -LIMITS[dtype]], dtype)
    left_right = {
        "sigmoid": [1, 0, 1, 0],
        "tanh": [1, -1, 1, -1],
        "sign": [1, -1, 1, -1],
        "hard_sigmoid": [1, 0, 1, 0],
        "elu": [x[0], -1, x[2], -1],
        "softplus": [x[0], 0, x[2], 0],
        "relu": [x[0], 0, x[2], 0],
        "linear": x.tolist(),
        "softsign": [1, -1, 1, -1],
        "exponential": [np.inf, 0, np.inf, 0],
        "swish": [x[0], 0, x[2], 0],
        "gelu": [x[0], 0, x[2], 0],
        "mish": [x[0], 0, x[2], 0],
    }
    for name, expected in left_right.items():
        assert getattr(activation, name)(x).tolist() == expected, name
    assert activation.leaky_relu(x, 0.5).tolist() == [x[0], x[1] / 2, x[2], x[3] / 2]
    assert activation.gelu(x, approximate=True).tolist() == [x[0], 0, x[2], 0]
    scale, alpha = activation.SELU_SCALE, activation.SELU_ALPHA
    np.testing.assert_allclose(activation.selu(x), [scale * float(x[0]), -scale * alpha, np.inf, -scale * alpha], rtol=1e-6)


LIMITS_OF_SLOPES = {  # y at -inf and +inf, dy/dx at -inf and +inf
    "softsign": (-1, 1, 0, 0),
    "exponential": (0, np.inf, 0, np.inf),
    "selu": (-activation.SELU_SCALE * activation.SELU_ALPHA, np.inf, 0, activation.SELU_SCALE),
    **dict.fromkeys(("swish", "gelu", "gelu, approximate", "mish"), (0, np.inf, 0, 1)),
}


@both_dtypes
@pytest.mark.parametrize("kernels", ["auto", "reference"])
@pytest.mark.parametrize("name", LIMITS_OF_SLOPES)
def test_limits_at_the_infinities(dtype: type, kernels: str, name: str) -> None:
    """Infinity times zero is NaN, which these formulas must go around; without a warning."""
    name, _, option = name.partition(", ")
    options = {option: True} if option else {}
    for x in (np.array([-np.inf, np.inf], dtype), np.array([-LIMITS[dtype], LIMITS[dtype]], dtype)):
        with config.use_kernels(kernels):
            y = getattr(activation, name)(x, **options)
            slope = getattr(activation, f"{name}_grad")(np.ones_like(x), x if name in OF_X else y, **options)
        expected = np.array(LIMITS_OF_SLOPES[name + (f", {option}" if option else "")], dtype)
        largest = np.where(np.isfinite(x) & np.isinf(expected[:2]) & (name in OF_X), x, expected[:2])
        np.testing.assert_allclose(y, largest, rtol=1e-6)
        np.testing.assert_allclose(slope, expected[2:], rtol=1e-6, atol=1e-6)


@both_dtypes
def test_the_left_tails_keep_their_digits(dtype: type) -> None:
    """x F(x) far to the left is a small number, not a difference of large ones; F by Python's own erfc."""
    x = -np.geomspace(0.1, 12 if dtype is np.float32 else 37, 40).astype(dtype)
    for kernels in ("auto", "reference"):
        with config.use_kernels(kernels):
            gelu, swish = activation.gelu(x), activation.swish(x)
        expected = [v * (math.erfc(-v / math.sqrt(2)) / 2) for v in x.tolist()]
        tolerance = 1e-5 if dtype is np.float32 else 4e-13  # erfc is given a rounded -x / sqrt(2)
        np.testing.assert_allclose(gelu, expected, rtol=tolerance)
        np.testing.assert_allclose(swish, [v * math.exp(v) / (1 + math.exp(v)) for v in x.tolist()], rtol=2e-6)


@both_dtypes
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_at_the_ends_are_finite(dtype: type, name: str) -> None:
    x = np.array([1e38, -1e38, 1e4, -1e4, 0.0, -0.0, np.finfo(dtype).smallest_subnormal], dtype)
    y = getattr(activation, name)(x)
    slope = getattr(activation, f"{name}_grad")(np.ones_like(y), x if name in OF_X else y)
    assert np.isfinite(slope[np.isfinite(y)]).all()
    assert np.isfinite(y).all() or name == "exponential"  # its slope is infinite where it is


@both_dtypes
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_nan_goes_through_activations(dtype: type, name: str) -> None:
    x = np.array([1, np.nan, -1], dtype)
    assert np.isnan(getattr(activation, name)(x)).tolist() == [False, True, False]


@both_dtypes
def test_nan_goes_through_pooling(dtype: type) -> None:
    for place in range(4):
        x = np.arange(4, dtype=dtype)
        x[place] = np.nan
        y, winners = max_pool(x.reshape(1, 2, 2, 1), Window((2, 2)))
        assert np.isnan(y).all()
        assert winners.item() == place  # and the gradient goes where the NaN came from
        assert np.isnan(average_pool(x.reshape(1, 2, 2, 1), Window((2, 2)))).all()


@both_dtypes
def test_padding_never_wins(dtype: type) -> None:
    """Even against -inf: the gradient must not vanish into the padding."""
    window = Window((3, 3), (1, 1), "same")
    for value in (-1, -1e38, -np.inf):
        x = np.full((1, 3, 3, 1), value, dtype)
        y, winners = max_pool(x, window)
        assert (y == dtype(value)).all()
        assert max_pool_grad(np.ones_like(y), winners, (3, 3), window).sum() == 9


@both_dtypes
def test_equal_numbers_the_first_wins(dtype: type) -> None:
    y, winners = max_pool(np.zeros((1, 4, 4, 2), dtype), Window((2, 2), (2, 2)))
    assert not winners.any()
    dx = max_pool_grad(np.ones_like(y), winners, (4, 4), Window((2, 2), (2, 2)))
    assert dx[0, :, :, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


@both_dtypes
def test_products_pass_nan_and_infinity_on(dtype: type) -> None:
    x = np.array([[1, np.nan], [np.inf, 1], [1, 1]], dtype)
    y = dense(x, np.ones((2, 3), dtype))
    assert np.isnan(y[0]).all()
    assert np.isinf(y[1]).all()
    assert y[2].tolist() == [2, 2, 2]
    z = convolve(x.reshape(1, 3, 2, 1), np.ones((1, 1, 1, 1), dtype), None, Window((1, 1)))
    np.testing.assert_array_equal(z.reshape(3, 2), x)


@both_dtypes
def test_whole_numbers_never_wrap(dtype: type) -> None:
    x = np.arange(256, dtype=np.uint8)[:, None]
    y = gather(x, np.arange(255, -1, -1), dtype)
    assert y.dtype == dtype
    assert y[:, 0].tolist() == list(range(255, -1, -1))
    assert (y * 2).max() == 510
    assert gather(np.array([-128, 127], np.int8), np.array([0, 1, 0]), dtype).tolist() == [-128, 127, -128]


def test_gather_counts_from_the_end_and_refuses_what_is_not_there() -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert gather(x, np.array([-1, 0, -4]), np.float32).tolist() == x[[3, 0, 0]].tolist()
    assert gather(x, [2, 1], np.float32).tolist() == x[[2, 1]].tolist()
    for outside in (4, -5, 2**40):
        with pytest.raises(IndexError):
            gather(x, np.array([0, outside]), np.float32)
