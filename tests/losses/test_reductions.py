"""What becomes of the losses of a batch: sums and means, weighted, masked, and of the ignored class, by hand."""

import numpy as np
import pytest

from minidl.errors import ArgumentError, ShapeError
from minidl.losses import Huber, MeanAbsoluteError, MeanSquaredError, SparseCategoricalCrossentropy
from minidl.testing import check_gradients

Y_PRED = np.array([[1.0], [2.0], [3.0], [4.0]])
ZEROS = np.zeros((4, 1))
WEIGHTS = np.array([1.0, 0.0, 0.5, 2.0])  # the weighted absolute errors are 1, 0, 1.5 and 8; 3.5 is their sum of weights
MASK = np.array([True, True, True, False])


@pytest.mark.parametrize(
    "reduction, plain, weighted, masked, both",
    [
        ("sum_over_batch_size", 10 / 4, 10.5 / 4, 6 / 3, 2.5 / 3),
        ("mean", 10 / 4, 10.5 / 4, 6 / 3, 2.5 / 3),
        ("sum", 10, 10.5, 6, 2.5),
        ("mean_with_sample_weight", 10 / 4, 10.5 / 3.5, 6 / 3, 2.5 / 1.5),
    ],
)
def test_by_hand(reduction, plain, weighted, masked, both):
    loss = MeanAbsoluteError(reduction)
    assert float(loss.apply(Y_PRED, ZEROS)[0]) == pytest.approx(plain)
    assert float(loss.apply(Y_PRED, ZEROS, WEIGHTS)[0]) == pytest.approx(weighted)
    value, saved = loss.compute(Y_PRED, ZEROS, None, MASK)
    assert float(value) == pytest.approx(masked)
    np.testing.assert_allclose(loss.gradient(saved)[:, 0], masked / 6 * MASK, rtol=1e-12)  # each counted alike
    value, saved = loss.compute(Y_PRED, ZEROS, WEIGHTS, MASK)
    assert float(value) == pytest.approx(both)
    np.testing.assert_allclose(loss.gradient(saved)[:, 0], both / 2.5 * MASK * WEIGHTS, rtol=1e-12)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_a_batch_that_is_masked_throughout_has_no_loss(reduction):
    loss = MeanSquaredError(reduction)
    for weights in (None, WEIGHTS):
        value, saved = loss.compute(Y_PRED, ZEROS, weights, np.zeros(4, bool))
        assert value == 0
        assert (loss.gradient(saved) == 0).all()


def test_weights_of_samples_are_those_of_all_their_places():
    """A weighted mean is divided by the weights of all places, so that equal weights change nothing."""
    loss, y_pred = MeanAbsoluteError("mean_with_sample_weight"), np.arange(12.0).reshape(2, 3, 2)
    plain = float(loss.apply(y_pred, y_pred * 0)[0])
    assert float(loss.apply(y_pred, y_pred * 0, np.full(2, 7.0))[0]) == pytest.approx(plain)
    assert float(loss.apply(y_pred, y_pred * 0, np.full((2, 3), 0.1))[0]) == pytest.approx(plain)


def test_a_mask_of_places():
    loss, y_pred = MeanAbsoluteError(), np.arange(12.0).reshape(2, 3, 2)
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    value, saved = loss.compute(y_pred, y_pred * 0, None, mask)
    assert float(value) == pytest.approx((0.5 + 2.5 + 6.5) / 3)
    assert (loss.gradient(saved)[mask == 0] == 0).all()
    value, _ = loss.compute(y_pred, y_pred * 0, None, np.array([False, True]))
    assert float(value) == pytest.approx((6.5 + 8.5 + 10.5) / 3)
    with pytest.raises(ShapeError, match=r"MeanAbsoluteError: received mask of shape \(3,\); expected \(2,\) or \(2, 3\)"):
        loss.compute(y_pred, y_pred * 0, None, np.ones(3))


def test_the_ignored_class_counts_nowhere():
    logits, labels = np.random.default_rng(0).normal(size=(2, 3, 4)), np.array([[0, -1, 3], [-1, -1, 2]])
    loss, plain = SparseCategoricalCrossentropy(True, ignore_class=-1), SparseCategoricalCrossentropy(True)
    known = labels >= 0
    value, saved = loss.apply(logits, labels)
    expected, of_known = plain.apply(logits[known], labels[known])
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    gradient = loss.gradient(saved)
    np.testing.assert_allclose(gradient[known], plain.gradient(of_known), rtol=1e-12)
    assert (gradient[~known] == 0).all()
    check_gradients(loss, logits, labels, sample_weight=np.array([2.0, 3.0])).raise_if_failed()
    value, saved = loss.compute(logits, labels, None, np.array([[1, 1, 0], [1, 1, 1]]))  # and a mask besides
    known[0, 2] = False
    assert float(value) == pytest.approx(float(plain.apply(logits[known], labels[known])[0]), rel=1e-12)
    assert float(loss.compute(logits, labels, None, np.array([0, 1]))[0]) == pytest.approx(
        float(plain.apply(logits[1, 2:], labels[1, 2:])[0]), rel=1e-12
    )
    with pytest.raises(ValueError, match="label -1 at index"):
        plain.apply(logits, labels)
    with pytest.raises(ValueError, match="label 4 at index"):
        SparseCategoricalCrossentropy(True, 255).apply(logits, np.array([[255, 0, 4], [0, 0, 0]]))


@pytest.mark.parametrize("reduction", [None, "none"])
def test_no_reduction_is_refused_with_what_to_write_instead(reduction):
    with pytest.raises(ArgumentError, match=r"which leaves no number to train with.*To fix it: loss\.per_sample"):
        Huber(reduction=reduction)


@pytest.mark.parametrize(
    "reduction, words",
    [("avg", "one of 'sum_over_batch_size', 'mean', 'sum', 'mean_with_sample_weight'"), ("SUM", "Did you mean 'sum'"),
     ("batchmean", "Did you mean 'mean'"), (3, "reduction=3"), (["sum"], "reduction=")],
)  # fmt: skip
def test_unknown_reductions(reduction, words):
    with pytest.raises(ArgumentError, match=words):
        MeanSquaredError(reduction=reduction)


def test_a_name_is_what_errors_call_the_loss():
    with pytest.raises(ShapeError, match=r"^width: y_true: received targets of shape"):
        MeanSquaredError(name="width").apply(Y_PRED, np.zeros((4, 2)))
    with pytest.raises(TypeError, match="MeanSquaredError: received name=3 of type int; expected a string or None"):
        MeanSquaredError(name=3)
