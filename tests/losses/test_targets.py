"""Targets that a loss cannot mean: refused with value, index and what to write; and arguments outside their range."""

import warnings

import numpy as np
import pytest

import minidl.losses
from minidl.errors import DataError, DataWarning, ShapeError
from minidl.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

COLUMN = (3, 1)
ROWS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])


@pytest.mark.parametrize(
    "loss, targets, words",
    [
        (Poisson(), [[1], [-2], [3]], ["target -2 at index (1, 0)", "numbers >= 0", "'mse'"]),
        (MeanSquaredLogarithmicError(), [[1], [-0.5], [3]], ["target -0.5 at index (1, 0)", "count as 0", "'huber'"]),
        (Hinge(), [[1], [0.5], [0]], ["target 0.5 at index (1, 0)", "-1 and 1, or 0 and 1", "binary_crossentropy"]),
        (SquaredHinge(), [[1], [2], [1]], ["target 2 at index (1, 0)"]),
        (Hinge(), [[1], [0], [-1]], ["targets -1, 0 and 1", "two classes", "sample_weight=0"]),
        (Hinge(), [[0], [0], [-1]], ["targets -1 and 0", "two classes"]),
        (Hinge(), [[1], [np.nan], [-1]], ["target nan at index (1, 0)"]),
        (BinaryFocalCrossentropy(), [[1], [-1], [1]], ["target -1 at index (1, 0)", "(y + 1) / 2"]),
        (BinaryCrossentropy(), [[1], [2], [1]], ["target 2 at index (1, 0)", "y - 1"]),
        (BinaryCrossentropy(), [[0], [1], [2]], ["target 2 at index (2, 0)", "Dense(3, activation='softmax')"]),
        (KLDivergence(), ROWS * 2, ["a row of targets whose sum is 2.0 at index 0"]),
        (KLDivergence(), -ROWS, ["target -1.0 at index (0, 0)"]),
        (CategoricalHinge(), ROWS * 2, ["a row of targets whose sum is 2.0 at index 0"]),
        (CategoricalFocalCrossentropy(), ROWS * 2, ["a row of targets whose sum is 2.0 at index 0"]),
    ],
)
def test_targets_that_make_no_sense(loss, targets, words):
    targets = np.array(targets)
    with pytest.raises(DataError) as raised:
        loss.check_data(targets, targets.shape, "fit: y")
    for word in ("fit: y: received ", *words):
        assert word in str(raised.value)


@pytest.mark.parametrize("loss", [KLDivergence(), CategoricalHinge(), CategoricalFocalCrossentropy()])
def test_rows_that_weigh_nothing_may_be_anything(loss):
    rows = np.array([[1.0, 0.0], [0.0, 0.0]])
    loss.check_data(rows, (2, 2), "fit: y", np.array([1.0, 0.0]))
    with pytest.raises(DataError, match=r"whose sum is 0\.0 at index 1"):
        loss.check_data(rows, (2, 2), "fit: y", np.array([1.0, 1.0]))


@pytest.mark.parametrize(
    "loss, fix",
    [
        (KLDivergence(), "to_categorical(y), or the loss 'sparse_categorical_crossentropy'"),
        (CategoricalHinge(), "to_categorical(y)."),
        (CategoricalFocalCrossentropy(), "to_categorical(y), or the loss 'sparse_categorical_crossentropy'"),
    ],
)
@pytest.mark.parametrize("labels", [np.array([0, 1, 1]), np.array([[0], [1], [1]])])
def test_labels_in_place_of_rows(loss, fix, labels):
    with pytest.raises(ShapeError) as raised:
        loss.check(labels, (3, 2), "fit: y")
    assert fix in str(raised.value)
    with pytest.raises(ShapeError, match="expected one-hot targets"):
        loss.check(np.zeros((3, 3)), (3, 2), "fit: y")


@pytest.mark.parametrize("loss", [Hinge(), SquaredHinge()])
def test_hinge_takes_zeros_and_ones_for_signs(loss):
    """As Keras does, but sample by sample: what a batch happens to hold does not matter."""
    y_pred = np.array([[0.5], [-0.5], [2.0]])
    signs, bits = np.array([[1], [-1], [-1]]), np.array([[1], [0], [0]])
    of_signs, of_bits = (loss.apply(y_pred, y) for y in (signs, bits))
    assert float(of_signs[0]) == float(of_bits[0])
    np.testing.assert_array_equal(loss.gradient(of_signs[1]), loss.gradient(of_bits[1]))
    for part in (slice(0, 1), slice(1, 3)):
        assert float(loss.apply(y_pred[part], signs[part])[0]) == float(loss.apply(y_pred[part], bits[part])[0])


def test_a_percentage_of_nothing_is_warned_of():
    loss, targets = MeanAbsolutePercentageError(), np.array([[1.0], [0.0], [0.0]])
    with pytest.warns(DataWarning, match="fit: y: 2 of the targets are 0, of which there is no percentage"):
        loss.check_data(targets, COLUMN, "fit: y")
    with pytest.warns(DataWarning, match="1 of the targets"):
        loss.check_data(targets[:, 0], COLUMN, "fit: y", np.array([1.0, 0.0, 1.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss.check_data(targets, COLUMN, "fit: y", np.array([1.0, 0.0, 0.0]))
        loss.check_data(targets + 1, COLUMN, "fit: y")


# -- corners, and the ends ------------------------------------------------------------------------------------------------


def gradient(loss, y_pred, y_true):
    return loss.gradient(loss.apply(np.array(y_pred), np.array(y_true))[1]).tolist()


@pytest.mark.parametrize(
    "loss, y_pred, y_true, expected",
    [
        (minidl.losses.get("mae"), [[1.0]], [[1.0]], [[0.0]]),
        (minidl.losses.get("mape"), [[2.0]], [[2.0]], [[0.0]]),
        (minidl.losses.get("msle"), [[1e-7]], [[1.0]], [[0.0]]),  # from the left, where it is cut
        (Huber(2.0), [[3.0]], [[1.0]], [[2.0]]),
        (Hinge(), [[1.0], [-1.0]], [[1.0], [-1.0]], [[0.0], [0.0]]),
        (CategoricalHinge(), [[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 0.0]]),
        (CategoricalHinge(), [[0.0, 2.0, 2.0]], [[1.0, 0.0, 0.0]], [[-1.0, 1.0, 0.0]]),  # of two, the first
        (CategoricalHinge(), [[-1.0, -2.0]], [[1.0, 0.0]], [[-1.0, 0.0]]),  # the best of the others is at least 0
        (KLDivergence(), [[0.0, 1.0]], [[0.0, 1.0]], [[0.0, -1.0]]),
        (CosineSimilarity(), [[0.0, 0.0]], [[3.0, 4.0]], [[-0.6e7, -0.8e7]]),
        (CosineSimilarity(), [[3.0, 4.0]], [[0.0, 0.0]], [[0.0, 0.0]]),
        (BinaryFocalCrossentropy(gamma=0.5), [[1.0]], [[1.0]], [[0.0]]),
        (BinaryFocalCrossentropy(gamma=0.5, from_logits=True), [[1e4]], [[1.0]], [[0.0]]),
        (CategoricalFocalCrossentropy(gamma=0.5, from_logits=True), [[1e4, 0.0]], [[1.0, 0.0]], [[0.0, 0.0]]),
        (CategoricalFocalCrossentropy(1.0, 0.0, True), [[1e4, 0.0]], [[0.0, 1.0]], [[1.0, -1.0]]),
    ],
)
def test_gradients_at_corners(loss, y_pred, y_true, expected):
    np.testing.assert_allclose(gradient(loss, y_pred, y_true), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "loss, y_pred, y_true, expected",
    [
        (minidl.losses.get("log_cosh"), [[1e4]], [[0.0]], 1e4 - np.log(2)),
        (minidl.losses.get("log_cosh"), [[-1e300]], [[0.0]], 1e300),
        (minidl.losses.get("log_cosh"), [[1e-9]], [[0.0]], 0.5e-18),  # a formula with a difference would give 0
        (KLDivergence(), [[0.0, 1.0]], [[1.0, 0.0]], np.log(1e7) + 1e-7 * np.log(1e-7)),
        (KLDivergence(), [[0.25, 0.75]], [[0.25, 0.75]], 0.0),
        (Poisson(), [[0.0]], [[0.0]], 0.0),
        (Poisson(), [[0.0]], [[2.0]], 2 * np.log(1e7)),
        (CosineSimilarity(), [[0.0, 0.0]], [[0.0, 0.0]], 0.0),
        (CosineSimilarity(), [[1e200, 0.0]], [[1e300, 1e300]], -np.sqrt(0.5)),  # squares would overflow
        (CosineSimilarity(), [[1e-9, 0.0]], [[1.0, 0.0]], -1e-2),  # shorter than epsilon, as in Keras
        (minidl.losses.get("mape"), [[1.0]], [[0.0]], 1e9),
        (minidl.losses.get("msle"), [[-5.0]], [[0.0]], 0.0),
        (Huber(), [[1e200]], [[0.0]], 1e200),
        (BinaryFocalCrossentropy(from_logits=True), [[1e4]], [[0.0]], 1e4),
        (CategoricalFocalCrossentropy(1.0, from_logits=True), [[1e4, 0.0]], [[0.0, 1.0]], 1e4),
    ],
)
def test_values_at_the_ends(loss, y_pred, y_true, expected):
    assert float(loss.apply(np.array(y_pred), np.array(y_true))[0]) == pytest.approx(
        expected, rel=1e-9, abs=1e-15 * (expected == 0)
    )


# -- smoothed labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CategoricalCrossentropy, CategoricalFocalCrossentropy])
@pytest.mark.parametrize("from_logits", [False, True])
def test_label_smoothing_of_classes(kind, from_logits):
    y_pred, one_hot = np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), np.eye(3)[[0, 2]]
    smooth = one_hot * 0.7 + 0.1
    value, saved = kind(from_logits=from_logits, label_smoothing=0.3).apply(y_pred, one_hot)
    expected, of_smooth = kind(from_logits=from_logits).apply(y_pred, smooth)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    plain = kind(from_logits=from_logits)
    np.testing.assert_allclose(plain.gradient(saved), plain.gradient(of_smooth), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", [BinaryCrossentropy, BinaryFocalCrossentropy])
def test_label_smoothing_of_bits(kind):
    y_pred, bits = np.array([[0.2, 0.7]]), np.array([[0, 1]])
    value, _ = kind(label_smoothing=0.2).apply(y_pred, bits)
    assert float(value) == pytest.approx(float(kind().apply(y_pred, [[0.1, 0.9]])[0]), rel=1e-12)


# -- arguments ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: Huber(0), ValueError, "Huber: received delta=0; expected a positive number"),
        (lambda: Huber(-1.0), ValueError, "delta=-1.0"),
        (lambda: Huber("1"), TypeError, "delta='1'"),
        (lambda: CosineSimilarity(0), ValueError, "axis=0, that of the samples"),
        (lambda: CosineSimilarity(1.5), TypeError, "axis=1.5"),
        (lambda: CategoricalCrossentropy(label_smoothing=1), ValueError, "label_smoothing=1"),
        (lambda: BinaryCrossentropy(label_smoothing=-0.1), ValueError, "label_smoothing=-0.1"),
        (lambda: CategoricalCrossentropy(from_logits=1), TypeError, "from_logits=1"),
        (lambda: SparseCategoricalCrossentropy(ignore_class=0.5), TypeError, "ignore_class=0.5"),
        (lambda: BinaryFocalCrossentropy(alpha=1.5), ValueError, "alpha=1.5; expected 0 <= alpha <= 1"),
        (lambda: BinaryFocalCrossentropy(alpha=-0.5), ValueError, "alpha=-0.5"),
        (lambda: BinaryFocalCrossentropy(gamma=-1), ValueError, "gamma=-1"),
        (lambda: BinaryFocalCrossentropy(0.25), TypeError, "apply_class_balancing=0.25"),
        (lambda: CategoricalFocalCrossentropy(alpha=[0.1, -1]), ValueError, "alpha[1]=-1"),
        (lambda: CategoricalFocalCrossentropy(alpha=[]), ValueError, "alpha without numbers"),
        (lambda: CategoricalFocalCrossentropy(gamma="2"), TypeError, "gamma='2'"),
    ],
)
def test_arguments_out_of_range(make, kind, words):
    with pytest.raises(kind) as raised:
        make()
    assert words in str(raised.value)


def test_axes_and_alphas_are_held_against_the_predictions():
    for axis in (2, -2, -3):
        with pytest.raises(ShapeError, match=rf"axis={axis} of predictions of shape \(3, 2\)"):
            CosineSimilarity(axis).apply(ROWS, ROWS)
    with pytest.raises(ShapeError, match="alpha of 3 numbers; expected a number, or 2 numbers for 2 classes"):
        CategoricalFocalCrossentropy(alpha=[1, 2, 3]).apply(ROWS, ROWS)
    loss = CategoricalFocalCrossentropy(alpha=np.array([1, 2]))
    assert loss.alpha == (1.0, 2.0)
    loss.apply(ROWS, ROWS)
