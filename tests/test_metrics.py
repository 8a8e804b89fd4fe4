"""Accuracies and confusion matrices against counting by hand."""

import itertools

import numpy as np
import pytest

import minidl
from minidl import losses, metrics
from minidl.declared import from_plain, to_plain
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError
from minidl.layers import Dense
from minidl.metrics import (
    AUC,
    Accuracy,
    AverageAccuracy,
    BinaryAccuracy,
    BinaryIoU,
    CategoricalAccuracy,
    CohenKappa,
    ConfusionMatrix,
    CosineSimilarity,
    ErrorRate,
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    IoU,
    MeanAbsoluteError,
    MeanIoU,
    MeanSquaredError,
    Metric,
    OneHotIoU,
    OneHotMeanIoU,
    OverallAccuracy,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
    accuracy_score,
    confusion_matrix,
)
from minidl.models import Sequential

RNG = np.random.default_rng(6)
LABELS = RNG.integers(0, 4, 50)
PROBABILITIES = RNG.dirichlet(np.ones(4), 50)
ONE_HOT = np.eye(4)[LABELS]
BINARY, SCORES = RNG.integers(0, 2, (50, 3)), RNG.random((50, 3))
TRUE = np.array([p.argmax() == t for p, t in zip(PROBABILITIES, LABELS)])


def value(metric, y_true, y_pred, weight=None, size=50):
    """Over batches of ``size``."""
    metric.reset()
    for start in range(0, len(y_pred), size):
        part = slice(start, start + size)
        metric.update(y_true[part], y_pred[part], None if weight is None else weight[part])
    return metric.result()


KINDS = {
    "categorical": ("categorical", ONE_HOT, PROBABILITIES, TRUE.mean()),
    "sparse": ("sparse", LABELS, PROBABILITIES, TRUE.mean()),
    "sparse column": ("sparse", LABELS[:, None], PROBABILITIES, TRUE.mean()),
    "binary": ("binary", BINARY, SCORES, ((SCORES > 0.5) == BINARY).mean()),
    "binary column": ("binary", BINARY[:, :1], SCORES[:, :1], ((SCORES[:, 0] > 0.5) == BINARY[:, 0]).mean()),
    "binary list": ("binary", BINARY[:, 0], SCORES[:, :1], ((SCORES[:, 0] > 0.5) == BINARY[:, 0]).mean()),
    "found to be categorical": (None, ONE_HOT, PROBABILITIES, TRUE.mean()),
    "found to be sparse": (None, LABELS, PROBABILITIES, TRUE.mean()),
    "found to be binary": (None, BINARY[:, 0], SCORES[:, :1], ((SCORES[:, 0] > 0.5) == BINARY[:, 0]).mean()),
    "a label for each of several places": (
        "sparse",
        LABELS.reshape(10, 5),
        PROBABILITIES.reshape(10, 5, 4),
        TRUE.mean(),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 50])
def test_accuracy(kind, size):
    name, y_true, y_pred, expected = KINDS[kind]
    assert value(Accuracy(name), y_true, y_pred, size=size) == pytest.approx(expected)
    Accuracy(name).check(y_true, y_pred.shape, "here")


@pytest.mark.parametrize("size", [1, 7, 50])
def test_weighted_accuracy(size):
    weight = RNG.random(50)
    expected = (weight * TRUE).sum() / weight.sum()
    assert value(Accuracy("sparse"), LABELS, PROBABILITIES, weight, size) == pytest.approx(expected)
    places = value(Accuracy("sparse"), LABELS.reshape(10, 5), PROBABILITIES.reshape(10, 5, 4), weight[:10], size)
    by_hand = (weight[:10, None] * TRUE.reshape(10, 5)).sum() / (5 * weight[:10].sum())
    assert places == pytest.approx(by_hand)


@pytest.mark.parametrize("kind", KINDS)
def test_error_rate(kind):
    name, y_true, y_pred, expected = KINDS[kind]
    assert value(ErrorRate(name), y_true, y_pred, size=7) == pytest.approx(1 - expected)
    one_form = {"categorical": CategoricalAccuracy, "sparse": SparseCategoricalAccuracy, "binary": BinaryAccuracy}
    if name is not None:
        assert value(one_form[name](), y_true, y_pred) == pytest.approx(expected)


def test_before_the_first_batch_there_is_no_number():
    metric = Accuracy()
    assert np.isnan(metric.result())
    metric.update(LABELS, PROBABILITIES)
    metric.reset()
    assert np.isnan(metric.result())


def test_ties_and_the_threshold():
    assert value(Accuracy("sparse"), np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])) == 0.5
    assert value(Accuracy("binary"), np.array([[0], [0]]), np.array([[0.5], [0.5]])) == 1, "1/2 is not more than 1/2"


@pytest.mark.parametrize(
    "kind, y_true, shape",
    [
        ("categorical", LABELS, (50, 4)),
        ("sparse", ONE_HOT, (50, 4)),
        ("binary", LABELS, (50, 4)),
        ("binary", ONE_HOT, (50, 1)),
        (None, BINARY, (50, 4)),
    ],
)
def test_accuracies_that_cannot_be_had(kind, y_true, shape):
    with pytest.raises(ValueError, match=r"here.*targets of shape"):
        Accuracy(kind).check(y_true, shape, "here")


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"kind='top'.*'sparse'"):
        Accuracy("top")


@pytest.mark.parametrize(
    "name, loss, y_true, y_pred",
    [
        ("mse", "mse", ONE_HOT, PROBABILITIES),
        ("categorical_crossentropy", "categorical_crossentropy", ONE_HOT, PROBABILITIES),
        ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", LABELS, PROBABILITIES),
        ("binary_crossentropy", "binary_crossentropy", BINARY, SCORES),
    ],
)
def test_losses_as_metrics(name, loss, y_true, y_pred):
    metric = metrics.get(name, losses.get("mse"))
    assert metric.name == name
    expected, _ = losses.get(loss).apply(y_pred, y_true)
    assert value(metric, y_true, y_pred, size=7) == pytest.approx(float(expected), rel=1e-5)


# -- lists of labels -----------------------------------------------------------------------------------------------------

FORMS = {
    "labels": (LABELS, PROBABILITIES.argmax(1)),
    "lists": (LABELS.tolist(), PROBABILITIES.argmax(1).tolist()),
    "floats": (LABELS.astype(float), PROBABILITIES.argmax(1)),
    "columns": (LABELS[:, None], PROBABILITIES.argmax(1)[:, None]),
    "one-hot and probabilities": (ONE_HOT, PROBABILITIES),
    "labels and probabilities": (LABELS, PROBABILITIES),
}


@pytest.mark.parametrize("form", FORMS)
def test_both_take_labels_in_every_form(form):
    y_true, y_pred = FORMS[form]
    assert accuracy_score(y_true, y_pred) == pytest.approx(TRUE.mean())
    matrix = confusion_matrix(y_true, y_pred)
    by_hand = np.zeros((4, 4), int)
    for t, p in zip(LABELS, PROBABILITIES.argmax(1)):
        by_hand[t, p] += 1
    np.testing.assert_array_equal(matrix, by_hand)
    assert matrix.trace() / matrix.sum() == pytest.approx(TRUE.mean())


def test_the_size_of_a_confusion_matrix():
    assert confusion_matrix([0, 1], [0, 0]).shape == (2, 2)
    assert confusion_matrix([0, 1], [0, 0], num_classes=5).shape == (5, 5)
    assert confusion_matrix([0, 1], np.eye(6)[:2]).shape == (6, 6)
    assert confusion_matrix([], []).shape == (0, 0)
    np.testing.assert_array_equal(confusion_matrix([1, 1, 0], [0, 1, 1]), [[0, 1], [1, 1]])


@pytest.mark.parametrize(
    "function, kind, words",
    [
        (lambda: accuracy_score([1], [1, 1, 1]), ValueError, ["accuracy_score", "1 true and 3 predicted", "equal numbers"]),
        (lambda: accuracy_score([1, 2], [1, 2, 3]), ValueError, ["accuracy_score", "2 true and 3 predicted"]),
        (lambda: accuracy_score([], []), ValueError, ["accuracy_score", "no samples"]),
        (lambda: accuracy_score([0.5], [1]), ValueError, ["y_true", "label 0.5", "whole numbers"]),
        (lambda: accuracy_score([np.nan], [1]), ValueError, ["y_true", "label nan"]),
        (lambda: accuracy_score([1.0], [np.inf]), ValueError, ["y_pred", "label inf"]),
        (lambda: accuracy_score(["a"], ["a"]), TypeError, ["y_true", "real numbers"]),
        (lambda: accuracy_score(np.ones((2, 2, 2)), [1, 1]), ValueError, ["y_true", "(2, 2, 2)"]),
        (lambda: accuracy_score(3, 3), ValueError, ["y_true", "()"]),
        (lambda: confusion_matrix([1], [1, 1]), ValueError, ["1 true and 2 predicted"]),
        (lambda: confusion_matrix([0, -1], [0, 1]), ValueError, ["labels from -1 to 1", "0 to 1"]),
        (lambda: confusion_matrix([0, 3], [0, 1], num_classes=2), ValueError, ["labels from 0 to 3", "0 to 1"]),
        (lambda: confusion_matrix([0], [0], num_classes=2.5), TypeError, ["num_classes=2.5"]),
        (lambda: confusion_matrix([0], [0], num_classes=0), ValueError, ["num_classes=0"]),
    ],
)
def test_mistakes(function, kind, words):
    with pytest.raises(kind) as raised:
        function()
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)


# -- each metric against its definition, sample by sample ----------------------------------------------------------------

Y = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 0])
P = np.array([0.1, 0.9, 0.4, 0.4, 0.4, 0.8, 0.3, 0.7, 0.1, 0.2])[:, None]
W = np.array([1, 2, 0.5, 1, 3, 0.25, 1, 1, 2, 0.5])


def pairs(y, p, w):
    """ROC: how often a positive has the larger score, a tie counting half."""
    won = [(a > b) + (a == b) / 2 for a, t in zip(p, y) if t for b, s in zip(p, y) if not s]
    weight = [v * u for v, t in zip(w, y) if t for u, s in zip(w, y) if not s]
    return np.dot(won, weight) / np.sum(weight)


def curve(y, p, w):
    """(TP, FP) of every threshold, from above the largest score on."""
    thresholds = [np.inf, *sorted(set(p), reverse=True)]
    return [(w[(p >= t) & (y == 1)].sum(), w[(p >= t) & (y == 0)].sum()) for t in thresholds]


def interpolated(y, p, w):
    """PR: the integral of precision over recall while TP and FP grow linearly from point to point, by the midpoint rule."""
    area, steps = 0.0, 20000
    points = curve(y, p, w)
    for (tp, fp), (tp2, fp2) in itertools.pairwise(points):
        part = (np.arange(steps) + 0.5) / steps
        t, f = tp + part * (tp2 - tp), fp + part * (fp2 - fp)
        area += (t / (t + f)).mean() * (tp2 - tp)
    return area / w[y == 1].sum()


def stepped(height):
    def area(y, p, w):
        points = [(tp / w[y == 1].sum(), tp / (tp + fp) if tp + fp else 0.0) for tp, fp in curve(y, p, w)]
        return sum((x2 - x) * height(h, h2) for (x, h), (x2, h2) in itertools.pairwise(points))

    return area


AREAS = {
    "roc": ({}, pairs, 1e-12),
    "pr": ({"curve": "pr"}, interpolated, 1e-6),
    "pr minoring": ({"curve": "PR", "summation_method": "minoring"}, stepped(min), 1e-12),
    "pr majoring": ({"curve": "PR", "summation_method": "majoring"}, stepped(max), 1e-12),
    "average precision": ({"curve": "PR", "summation_method": "step"}, stepped(lambda before, after: after), 1e-12),
}


@pytest.mark.parametrize("area", AREAS)
def test_areas(area):
    options, definition, rounding = AREAS[area]
    for weight in (None, W):
        expected = definition(Y, P[:, 0], np.ones(10) if weight is None else weight)
        assert value(AUC(**options), Y, P, weight, 3) == pytest.approx(expected, rel=rounding)
    if area != "pr minoring":  # whose precision is 0 where nothing is on
        assert value(AUC(**options), Y, Y[:, None] * 0.5) == pytest.approx(1)
    if area == "roc":
        assert value(AUC(), Y, 0 * P) == 0.5


def test_areas_at_thresholds():
    """As Keras has them: a score equal to a threshold is not above it, and the order of thresholds does not matter."""
    evenly, given = {"num_thresholds": 6}, {"thresholds": [0.9, 0.75, 0.15, 0.4]}
    for options, inner in ((evenly, [0.2, 0.4, 0.6, 0.8]), (given, [0.15, 0.4, 0.75, 0.9])):
        above = [P[:, 0] > threshold for threshold in (1.1, *inner[::-1], -0.1)]
        y = [W[on & (Y == 1)].sum() / W[Y == 1].sum() for on in above]
        x = [W[on & (Y == 0)].sum() / W[Y == 0].sum() for on in above]
        assert value(AUC(**options), Y, P, W, 3) == pytest.approx(np.trapezoid(y, x), rel=1e-12)


def test_areas_of_one_class():
    """There is no such area: NaN, never a number. Precision without negatives is 1."""
    ones, zeros = np.ones(10), np.zeros(10)
    for options in ({}, {"num_thresholds": 9}):
        assert np.isnan(value(AUC(**options), ones, P))
        assert np.isnan(value(AUC(**options), zeros, P))
        assert np.isnan(value(AUC(curve="PR", **options), zeros, P))
        assert value(AUC(curve="PR", **options), ones, P) == pytest.approx(1)
        each = AUC(multi_label=True, label_weights=[1, 0], **options)
        assert value(each, np.stack([Y, ones], 1), np.hstack([P, P])) == value(AUC(**options), Y, P)
        assert np.isnan(value(AUC(multi_label=True, **options), np.stack([Y, ones], 1), np.hstack([P, P])))


def test_logits_keep_their_order():
    """Where a sigmoid would make ties of them."""
    z = np.array([[800.0], [900.0], [-900.0], [-800.0]])
    assert value(AUC(from_logits=True), np.array([0, 1, 0, 1]), z) == 0.75
    assert value(AUC(100, from_logits=True), np.array([0, 1, 0, 1]), z) == pytest.approx(0.5)


def test_what_an_area_keeps():
    """Batches are joined, so that few arrays are left, and scores stay as narrow as they came."""
    metric = AUC()
    for i in range(100):
        metric.update(Y, P.astype("float32") + i)
    assert len(metric._chunks) < 8
    assert sum(a.nbytes for chunk in metric._chunks for a in chunk if a is not None) == 1000 * 5
    again = metric.result()
    assert metric.result() == again


def test_counts_by_hand():
    on, w = P[:, 0] > 0.3, W
    tp, fp, fn, tn = (w[(on == a) & (b == Y)].sum() for a, b in ((1, 1), (1, 0), (0, 1), (0, 0)))
    found = [value(metric(0.3), Y, P, W, 4) for metric in (TruePositives, FalsePositives, FalseNegatives, TrueNegatives)]
    assert found == [tp, fp, fn, tn]
    assert value(Precision(0.3), Y, P, W) == tp / (tp + fp)
    assert value(Recall(0.3), Y, P, W) == tp / (tp + fn)
    assert value(F1Score(threshold=0.3), Y, P, W) == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert value(FBetaScore(beta=2, threshold=0.3), Y, P, W) == pytest.approx(5 * tp / (5 * tp + 4 * fn + fp))
    assert value(Precision(), Y, P) == 2 / 3, "the default threshold is 1/2"
    assert value(TruePositives(), Y, P) == 2
    assert value(F1Score(), Y, P) == value(F1Score(threshold=0.5), Y, P) == 0.5


def test_averages_of_f():
    y, p = np.array([0, 1, 1, 1, 2, 2]), np.eye(3)[[0, 1, 1, 0, 0, 1]]
    each = np.array([2 * 1 / (1 + 3), 2 * 2 / (3 + 3), 0])
    np.testing.assert_allclose(value(F1Score(), y, p, size=2), each)
    assert value(F1Score("micro"), y, p) == 0.5
    assert value(F1Score("macro"), y, p) == pytest.approx(each.mean())
    assert value(F1Score("weighted"), y, p) == pytest.approx(each @ [1, 3, 2] / 6)


def test_what_counts_as_on():
    """Predictions above the threshold, targets above 1/2: so -1 and 1 are two classes as well as 0 and 1."""
    at = np.array([[0.5], [0.5], [0.6], [0.4]])
    assert value(BinaryAccuracy(), np.array([0, 1, 1, 0]), at) == 0.75
    assert value(BinaryAccuracy(threshold=0.4), np.array([0, 1, 1, 0]), at) == 0.75
    assert value(TruePositives(), np.ones(4), at) == 1
    for metric in (Precision(0.35), Recall(0.35), F1Score(), AUC(), AUC(11), TrueNegatives(0.35), BinaryIoU(threshold=0.35)):
        assert value(metric, 2 * Y - 1, P) == value(metric, Y, P) == value(metric, Y * 0.4 + 0.2, P)


def test_nothing_on_and_nothing_to_find():
    none, all_on = np.zeros((4, 1)), np.ones((4, 1))
    assert value(Precision(), all_on, none) == value(Recall(), none, all_on) == value(F1Score(), none, none) == 0
    assert value(Recall(), all_on, all_on) == 1
    assert value(F1Score("weighted"), np.zeros((4, 3)), np.ones((4, 3))) == 0


def test_the_largest_predictions_and_the_first_of_equal_ones():
    y, p = np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), np.array([[0.5, 0.5, 0.5, 0.1], [0.5, 0.5, 0.5, 0.5]])
    assert value(Precision(top_k=1), y, p) == 0.5
    assert value(Precision(top_k=2), y, p) == 0.5
    assert value(Recall(top_k=3), y, p) == 0.75
    assert value(Recall(0.45, top_k=3, class_id=2), y, p) == 1
    for k, expected in ((1, 0.5), (2, 0.5), (3, 1.0)):
        metric = SparseTopKCategoricalAccuracy(k)
        assert value(metric, np.array([0, 2]), p) == expected
    assert value(Accuracy("sparse"), np.array([0, 2]), p) == value(SparseTopKCategoricalAccuracy(1), np.array([0, 2]), p)
    for scores in (p, -p):
        assert value(SparseTopKCategoricalAccuracy(3), np.array([-1, 4]), scores) == 0, "no class"
    np.testing.assert_array_equal(value(F1Score(), y[:, :2], p[:, :2]), [2 / 3, 0])
    with pytest.warns(DataWarning, match="of 4 classes every one is among the 5 largest"):
        SparseTopKCategoricalAccuracy().check(np.array([0, 2]), (2, 4), "here")
    with pytest.warns(DataWarning, match="always 1"):
        TopKCategoricalAccuracy(4).check(y, (2, 4), "here")
    TopKCategoricalAccuracy(3).check(y, (2, 4), "here")


def test_agreement_by_hand():
    """Cohen's example: 20 + 15 of 50 agree, 25 would by chance."""
    y, p = np.repeat([1, 1, 0, 0], [20, 5, 10, 15]), np.repeat([1.0, 0, 1, 0], [20, 5, 10, 15])[:, None]
    assert value(CohenKappa(), y, p) == pytest.approx((35 - 25) / (50 - 25))
    np.testing.assert_array_equal(value(ConfusionMatrix(), y, p), [[15, 10], [5, 20]])
    assert value(ConfusionMatrix(), y, p).dtype == np.int64
    assert value(ConfusionMatrix(), y, p, np.full(50, 0.5)).tolist() == [[7.5, 5], [2.5, 10]]
    divided = {"true": [[15 / 25, 10 / 25], [5 / 25, 20 / 25]], "pred": [[15 / 20, 10 / 30], [5 / 20, 20 / 30]], "all": None}
    for normalize, expected in divided.items():
        found = value(ConfusionMatrix(normalize), y, p)
        np.testing.assert_allclose(found, expected or value(ConfusionMatrix(), y, p) / 50)
    assert value(ConfusionMatrix("true"), y[y == 1], p[y == 1]).tolist() == [[0, 0], [0.2, 0.8]], "0 / 0 is 0"
    assert value(OverallAccuracy(), y, p) == 0.7
    assert value(AverageAccuracy(), y, p) == (15 / 25 + 20 / 25) / 2
    assert value(MeanIoU(2), y, p) == pytest.approx((15 / 30 + 20 / 35) / 2)
    assert value(IoU(2, [1]), y, p) == value(BinaryIoU([1]), y, p) == value(BinaryIoU([1], 1.0), y, p) == pytest.approx(20 / 35)
    assert value(AverageAccuracy(), y[y == 1], p[y == 1]) == 0.8, "only classes that occur"
    assert value(MeanIoU(4), y, p) == pytest.approx((15 / 30 + 20 / 35) / 2)
    assert np.isnan(value(IoU(4, [2, 3]), y, p))
    assert np.isnan(value(CohenKappa(), 0 * y, 0 * p))
    signs = value(CohenKappa(), 2 * y - 1, p)
    assert signs == value(CohenKappa(), y, p), "classes -1 and 1"


def test_distances_of_ordered_classes():
    y, p = np.array([0, 1, 2, 2, 0]), np.eye(3)[[0, 2, 2, 0, 0]]
    expected = np.outer([2, 1, 2], [3, 0, 2]) / 5
    for weights, power in (("linear", 1), ("quadratic", 2)):
        distance = abs(np.subtract.outer(range(3), range(3))) ** power
        disagreement = (1 + 2**power) / (distance * expected).sum()
        assert value(CohenKappa(weights), y, p, size=2) == pytest.approx(1 - disagreement)


def test_more_classes_than_a_byte_can_number():
    y = np.array([0, 3, 255], np.uint8)
    assert value(OverallAccuracy(), y, np.eye(300)[[0, 3, 254]]) == pytest.approx(2 / 3)
    assert value(MeanIoU(300, ignore_class=255, sparse_y_pred=False), y, np.eye(300)[[0, 3, 254]]) == 1


def test_labels_of_no_class_are_an_error_unless_they_weigh_nothing():
    p = np.eye(3)[[0, 1, 2, 1]]
    for bad in ([0, 1, 2, 3], [0, -1, 2, 1], [0, 0.5, 2, 1], [np.nan, 1, 2, 1]):
        y = np.array(bad)
        with pytest.raises(DataError, match=r"metric 'cohen_kappa': y_true.*no classes.*from 0 to 2"):
            value(CohenKappa(), y, p)
        with pytest.raises(DataError, match=r"ignore_class"):
            value(MeanIoU(3, sparse_y_pred=False), y, p)
        assert value(OverallAccuracy(), y, p, np.isin(y, [0, 1, 2]) * 2.0) == 1
    assert value(MeanIoU(3, ignore_class=255, sparse_y_pred=False), np.array([0, 1, 2, 255], np.uint8), p) == 1
    assert value(MeanIoU(3, ignore_class=-1, sparse_y_pred=False), np.array([0, 1, 2, -1]), p) == 1
    with pytest.raises(DataError, match=r"y_pred: received predictions.*sparse_y_pred=False for scores.*BinaryIoU"):
        value(MeanIoU(2), Y, P)


def test_numbers_by_hand():
    y, p, w = np.array([[1.0, -2], [3, 0], [5, 8]]), np.array([[2.0, -2], [3, 1], [1, 8]]), np.array([1, 2, 0.5])
    error = (y - p) * [[1], [1], [1]]
    assert value(MeanSquaredError(), y, p, w) == pytest.approx((w[:, None] * error**2).sum() / 7)
    assert value(RootMeanSquaredError(), y, p, w) == pytest.approx(((w[:, None] * error**2).sum() / 7) ** 0.5)
    assert value(MeanAbsoluteError(), y, p, w) == pytest.approx((w[:, None] * abs(error)).sum() / 7)
    mean = (w[:, None] * y).sum(0) / 3.5
    r2 = 1 - (w[:, None] * error**2).sum(0) / (w[:, None] * (y - mean) ** 2).sum(0)
    np.testing.assert_allclose(value(R2Score(None), y, p, w, 2), r2, rtol=1e-12)
    assert value(R2Score(), y, p, w, 1) == pytest.approx(r2.mean(), rel=1e-12)
    assert value(R2Score(num_regressors=1), y, p) == pytest.approx(1 - (1 - value(R2Score(), y, p)) * 2, rel=1e-12)
    assert np.isnan(value(R2Score(num_regressors=2), y, p))
    assert np.isnan(value(R2Score(), y[:1], p[:1]))
    cosines = [(a @ b) / np.sqrt((a @ a) * (b @ b)) for a, b in zip(y, p)]
    assert value(CosineSimilarity(), y, p, w) == pytest.approx(w @ cosines / 3.5)
    assert value(CosineSimilarity(), y, np.zeros((3, 2))) == 0
    huge = np.full((2, 2), 1e30, np.float32)
    assert value(MeanSquaredError(), -huge, huge) == pytest.approx(4e60)
    assert value(CosineSimilarity(), huge, huge) == pytest.approx(1)
    bytes_ = np.array([[3], [250]], np.uint8)
    assert value(MeanAbsoluteError(), bytes_, bytes_[::-1]) == 247


def test_r2_of_equal_targets_and_of_targets_far_from_zero():
    y = np.full((9, 1), 0.1)
    for size in (1, 4, 9):
        assert value(R2Score(), y, y, None, size) == 1
        assert value(R2Score(), y, y + 1e-3, None, size) == 0
        assert value(R2Score(), y, y, W[:9], size) == 1
        assert value(R2Score(), y, y + 1e-3, W[:9], size) == 0
    far = 1e9 + np.arange(9.0)[:, None]
    exact = 1 - 9 * 0.25 / 60
    for size in (1, 4, 9):
        assert value(R2Score(), far, far + 0.5, None, size) == pytest.approx(exact, rel=1e-12)


def test_labels_as_predictions():
    """Keras's Accuracy: whole numbers that are equal."""
    for y, p in (
        ([[1], [2], [3], [4]], [[0], [2], [3], [4]]),
        ([1, 2, 3, 4], [0, 2, 3, 4]),
        ([[1, 2], [3, 4]], [[0, 2], [3, 4]]),
    ):
        metric = Accuracy()
        metric.update_state(y, p)
        assert metric.result() == 0.75


# -- by name, and metrics of one's own -------------------------------------------------------------------------------------


def test_accuracy_and_error_rate_fit_the_loss():
    for name in ("binary", "categorical", "sparse_categorical"):
        loss = losses.get(f"{name}_crossentropy")
        for written in ("accuracy", "acc", "Accuracy", "error_rate"):
            metric = metrics.get(written, loss)
            assert (metric.kind, metric.name) == (loss.default_accuracy, written)
    assert type(metrics.get("error_rate", loss)) is ErrorRate


def test_what_metrics_are_got_from():
    mse = losses.get("mse")
    assert metrics.get(losses.BinaryCrossentropy(), mse).name == "binary_crossentropy"
    assert metrics.get("BinaryCrossentropy", mse).name == "BinaryCrossentropy"
    mine = Precision(name="mine")
    assert metrics.get(mine, mse) is mine
    made = metrics.get(to_plain(mine), mse)
    assert (type(made), made.name) == (Precision, "mine")
    assert metrics.get(lambda y_true, y_pred: y_pred[:, 0], mse).name == "<lambda>"


@pytest.mark.parametrize(
    "name, meant",
    [
        ("precison", "precision"), ("Mean IoU", "mean_iou"), ("rmsse", "rmse"), ("f1-score", "f1_score"), ("roc_auc", "auc"),
        ("categorical_crossentopy", "categorical_crossentropy"), ("topk_categorical_accuracy", "top_k_categorical_accuracy"),
        ("kapa", "kappa"), ("R2 score", "r2_score"), ("balanced_accuracy_score", "average_accuracy"),
    ],
)  # fmt: skip
def test_names_that_are_nearly_right(name, meant):
    with pytest.raises(ArgumentError, match=f"metric '{name}'.*a function of.*Did you mean '{meant}'") as error:
        metrics.get(name, losses.get("mse"))
    assert "the name of a loss, or one of accuracy, auc, " in str(error.value)


def test_a_name_that_needs_arguments():
    with pytest.raises(ArgumentError, match=r"'mean_iou', which needs arguments.*metrics=\[MeanIoU\(num_classes=...\)\]"):
        metrics.get("mean_iou", losses.get("mse"))


class Largest(Metric):
    """A mean: one method."""

    def per_sample(self, y_true, y_pred):
        return y_pred.max(axis=-1)


class Range(Metric):
    """No mean: three methods."""

    name = "width"

    def reset(self):
        self.low, self.high = np.inf, -np.inf

    def update(self, y_true, y_pred, sample_weight=None):
        self.low, self.high = min(self.low, y_pred.min()), max(self.high, y_pred.max())

    def result(self):
        return self.high - self.low


class Doubled(Largest):
    def update(self, y_true, y_pred, sample_weight=None):
        super().update(y_true, 2 * y_pred, sample_weight)


def test_metrics_of_ones_own():
    for metric, name, expected in (
        (Largest(), "largest", PROBABILITIES.max(1).mean()),
        (Range(), "width", np.ptp(PROBABILITIES)),
    ):
        assert metrics.get(metric, losses.get("mse")) is metric
        assert metric.name == name
        assert value(metric, LABELS, PROBABILITIES, size=7) == pytest.approx(expected)
        assert type(metric)(name="other").name == "other"
        metric.reset_state()
        metric.update_state(LABELS, PROBABILITIES)
        assert metric.result() == pytest.approx(expected)
        made = from_plain(to_plain(metric), {type(metric).__name__: type(metric)})
        assert made.name == name
    assert value(Doubled(), LABELS, PROBABILITIES) == pytest.approx(2 * PROBABILITIES.max(1).mean())
    assert metrics.get(Doubled(), losses.get("mse")).direction is None


class Nothing(Metric):
    pass


class NoReset(Metric):
    def update(self, y_true, y_pred, sample_weight=None):
        self.total = self.total + y_pred.sum()


class NoBase(Metric):
    def __init__(self):
        self.reset()

    def per_sample(self, y_true, y_pred):
        return y_pred[:, 0]


class KerasNames(Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        pass

    def reset_state(self):
        pass


class OneNumber(Metric):
    def per_sample(self, y_true, y_pred):
        return y_pred.mean()


@pytest.mark.parametrize(
    "cls, words",
    [
        (Nothing, ["Nothing", "without per_sample", "reset, update and result"]),
        (NoReset, ["NoReset", "update without reset", "def reset(self)"]),
        (NoBase, ["NoBase", "super().__init__(name)"]),
        (KerasNames, ["KerasNames", "update_state without update", "renamed"]),
    ],
)
def test_half_a_metric_is_explained(cls, words):
    with pytest.raises(ArgumentTypeError) as raised:
        metrics.get(cls(), losses.get("mse"))
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


def test_sums_made_as_in_keras_are_explained():
    class Summed(Metric):
        def __init__(self):
            super().__init__()
            self.total = self.add_weight(name="total", initializer="zeros")

    with pytest.raises(ArgumentTypeError, match=r"Summed: received a call of Keras's add_weight.*self.total = 0.0 in reset"):
        Summed()


def test_a_number_for_the_whole_batch_is_refused():
    with pytest.raises(
        ShapeError, match=r"metric 'one_number'.*shape \(\) from per_sample.*a number per sample, not their mean"
    ):
        OneNumber().update(LABELS, PROBABILITIES)
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(10, 5\)"):
        Largest().update(LABELS, PROBABILITIES, np.ones((10, 5)))


# -- arguments and shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: BinaryAccuracy(threshold="a"), TypeError, ["BinaryAccuracy", "threshold='a'"]),
        (lambda: TopKCategoricalAccuracy(0), ValueError, ["TopKCategoricalAccuracy", "k=0"]),
        (lambda: SparseTopKCategoricalAccuracy(1.5), TypeError, ["k=1.5"]),
        (lambda: ErrorRate("top"), ValueError, ["ErrorRate", "kind='top'"]),
        (lambda: Precision(thresholds="0.5"), TypeError, ["Precision", "thresholds='0.5'"]),
        (lambda: Precision(thresholds=[]), ValueError, ["thresholds", "without entries"]),
        (lambda: Recall(thresholds=[0.5, np.nan]), ValueError, ["Recall", "thresholds=nan"]),
        (lambda: Recall(top_k=0), ValueError, ["Recall", "top_k=0"]),
        (lambda: Precision(class_id=-1), ValueError, ["class_id=-1", ">= 0"]),
        (lambda: TruePositives(None, 3), TypeError, ["name=3"]),
        (lambda: F1Score("mean"), ValueError, ["F1Score", "average='mean'", "'macro'"]),
        (lambda: FBetaScore(beta=0), ValueError, ["FBetaScore", "beta=0"]),
        (lambda: FBetaScore(beta=-1), ValueError, ["beta=-1"]),
        (lambda: F1Score(threshold=[0.5]), TypeError, ["threshold=[0.5]"]),
        (lambda: AUC(1), ValueError, ["AUC", "num_thresholds=1"]),
        (lambda: AUC(10, thresholds=[0.5]), ValueError, ["one of them"]),
        (lambda: AUC(thresholds=[1.5]), ValueError, ["thresholds=1.5"]),
        (lambda: AUC(curve="PRC"), ValueError, ["curve='PRC'", "'ROC' or 'PR'"]),
        (lambda: AUC(summation_method="trapezoid"), ValueError, ["'trapezoid'", "'interpolation'"]),
        (lambda: AUC(multi_label=1), TypeError, ["multi_label=1"]),
        (lambda: AUC(num_labels=2), ValueError, ["num_labels=2", "multi_label=True"]),
        (lambda: AUC(label_weights=[-1]), ValueError, ["label_weights=-1"]),
        (lambda: AUC(from_logits=None), TypeError, ["from_logits=None"]),
        (lambda: ConfusionMatrix("rows"), ValueError, ["normalize='rows'"]),
        (lambda: CohenKappa("square"), ValueError, ["weights='square'"]),
        (lambda: MeanIoU(1), ValueError, ["MeanIoU", "num_classes=1"]),
        (lambda: IoU(3, [3]), ValueError, ["target_class_ids=[3]", "0 to 2"]),
        (lambda: IoU(3, []), ValueError, ["target_class_ids=[]"]),
        (lambda: IoU(3, [0], ignore_class=0.5), TypeError, ["ignore_class=0.5"]),
        (lambda: OneHotMeanIoU(3, sparse_y_pred="no"), TypeError, ["sparse_y_pred='no'"]),
        (lambda: BinaryIoU([2]), ValueError, ["BinaryIoU", "0 to 1"]),
        (lambda: BinaryIoU(threshold=None), TypeError, ["threshold=None"]),
        (lambda: CosineSimilarity(axis=0), ValueError, ["axis=0", "behind that of the samples"]),
        (lambda: R2Score("mean"), ValueError, ["class_aggregation='mean'"]),
        (lambda: R2Score(num_regressors=-1), ValueError, ["num_regressors=-1"]),
    ],
)
def test_arguments_that_make_no_sense(make, kind, words):
    with pytest.raises(kind) as raised:
        make()
    assert [word for word in words if word not in str(raised.value)] == [], str(raised.value)


@pytest.mark.parametrize(
    "metric, y_true, shape, words",
    [
        (TopKCategoricalAccuracy(2), LABELS, (50, 4), ["one-hot", "SparseTopK"]),
        (SparseTopKCategoricalAccuracy(2), ONE_HOT, (50, 4), ["(50,) or (50, 1)", "TopKCategoricalAccuracy"]),
        (Precision(), BINARY, (50, 4), ["(50, 4) or (50,) or (50, 1)"]),
        (Precision(class_id=4), ONE_HOT, (50, 4), ["4 outputs", "class_id=4"]),
        (Recall(top_k=5), ONE_HOT, (50, 4), ["4 outputs", "top_k=5"]),
        (F1Score(), BINARY, (50, 4), ["(50, 4)"]),
        (AUC(), BINARY, (50, 4), ["(50, 4)"]),
        (AUC(multi_label=True, num_labels=3), ONE_HOT, (50, 4), ["4 outputs", "3, as many as num_labels"]),
        (AUC(label_weights=[1, 2]), ONE_HOT, (50, 4), ["2, as many as label_weights"]),
        (CohenKappa(), BINARY, (50, 4), ["(50, 4) or (50,)"]),
        (MeanIoU(4), LABELS, (50, 4), ["(50, 4) or (50, 4, 1)", "sparse_y_pred=False"]),
        (MeanIoU(4, sparse_y_pred=False), ONE_HOT, (50, 4), ["(50,) or (50, 1)", "sparse_y_true=False"]),
        (MeanIoU(3, sparse_y_pred=False), LABELS, (50, 4), ["4 outputs", "num_classes=4"]),
        (MeanIoU(3, sparse_y_pred=False), LABELS, (50, 1), ["1 outputs", "BinaryIoU()"]),
        (OneHotIoU(4, [0]), LABELS[:, None], (50, 4), ["rows of num_classes=4", "sparse_y_true=True"]),
        (BinaryIoU(), LABELS, (50, 4), ["(50, 4)"]),
        (MeanSquaredError(), LABELS, (50, 4), ["(50, 4), that of the predictions"]),
        (CosineSimilarity(axis=2), ONE_HOT, (50, 4), ["an axis 2"]),
        (R2Score(), LABELS, (50, 4), ["(50, 4)"]),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit(metric, y_true, shape, words):
    with pytest.raises(ShapeError) as raised:
        metric.check(y_true, shape, "here")
    assert [word for word in ("here", *words) if word not in str(raised.value)] == [], str(raised.value)


# -- in training -------------------------------------------------------------------------------------------------------------


def test_metrics_of_an_epoch_are_those_of_all_samples(capsys):
    """Exact over the whole set, in logs and history, weighted; matrices are in the history alone."""
    minidl.set_seed(6)
    model = Sequential([Dense(4, activation="softmax", input_shape=(4,))])
    several = ["acc", "AUC", "f1_score", "kappa", AverageAccuracy(), ConfusionMatrix(), OneHotMeanIoU(4), "rmse"]
    model.compile("sgd", "categorical_crossentropy", several)
    weight = RNG.random(50)
    history = model.fit(PROBABILITIES, ONE_HOT, 7, sample_weight=weight, validation_data=(PROBABILITIES, ONE_HOT)).history
    assert "auc:" in capsys.readouterr().out.lower()
    keys = ["loss", "acc", "AUC", "f1_score", "kappa", "average_accuracy", "confusion_matrix", "one_hot_mean_io_u", "rmse"]
    assert list(history) == [*keys, *(f"val_{key}" for key in keys)]
    predicted = model.predict(PROBABILITIES)
    for metric in (AUC(), F1Score(), CohenKappa(), ConfusionMatrix(), OneHotMeanIoU(4), RootMeanSquaredError()):
        key = {"auc": "AUC", "cohen_kappa": "kappa", "root_mean_squared_error": "rmse"}.get(metric.name, metric.name)
        np.testing.assert_allclose(history[f"val_{key}"][0], value(metric, ONE_HOT, predicted), rtol=1e-6)
    assert history["val_confusion_matrix"][0].sum() == 50
    assert history["confusion_matrix"][0].sum() == pytest.approx(weight.sum())
