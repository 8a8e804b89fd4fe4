"""Accuracies and confusion matrices against counting by hand."""

import numpy as np
import pytest

from minidl import losses, metrics
from minidl.metrics import Accuracy, accuracy_score, confusion_matrix

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
