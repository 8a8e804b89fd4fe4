"""The values of losses, by formulas in NumPy: many classes, weights along the right axis, sums in double precision."""

import numpy as np
import pytest

from minidl import config
from minidl.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from minidl.metrics import Accuracy, accuracy_score, confusion_matrix

RNG = np.random.default_rng(11)


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


# -- labels that do not fit in a byte ------------------------------------------------------------------------------------

CLASSES = 300
MANY = np.array([5, 127, 128, 200, 255, 256, 299])  # around the ends of signed and unsigned bytes
LOGITS = RNG.normal(size=(len(MANY), CLASSES))


@pytest.mark.parametrize("dtype", ["int64", "int16", "uint16", "float64"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_labels_of_many_classes(from_logits, dtype):
    log_p = log_softmax(LOGITS)
    y_pred = LOGITS if from_logits else np.exp(log_p)
    loss = SparseCategoricalCrossentropy(from_logits)
    value, saved = loss.apply(y_pred, MANY.astype(dtype))
    assert float(value) == pytest.approx(-log_p[np.arange(len(MANY)), MANY].mean(), rel=1e-12)
    one_hot = np.eye(CLASSES)[MANY]
    other = CategoricalCrossentropy(from_logits)
    expected = other.gradient(other.apply(y_pred, one_hot)[1])
    np.testing.assert_allclose(loss.gradient(saved), expected, rtol=1e-12)
    if from_logits:
        np.testing.assert_allclose(loss.gradient(saved), (np.exp(log_p) - one_hot) / len(MANY), rtol=1e-9, atol=1e-15)


def test_labels_of_many_classes_in_bytes():
    labels = np.array([127, 128, 255], np.uint8)
    value, _ = SparseCategoricalCrossentropy(True).apply(LOGITS[:3], labels)
    assert float(value) == pytest.approx(-log_softmax(LOGITS[:3])[[0, 1, 2], [127, 128, 255]].mean(), rel=1e-12)


@pytest.mark.parametrize("dtype", ["int64", "uint16"])
def test_metrics_of_many_classes(dtype):
    labels, right = MANY.astype(dtype), np.eye(CLASSES)[MANY]
    right[0] = np.roll(right[0], 1)
    metric = Accuracy("sparse")
    metric.update(labels, right)
    assert metric.result() == pytest.approx(6 / 7)
    assert accuracy_score(labels, right) == pytest.approx(6 / 7)
    matrix = confusion_matrix(labels, right)
    assert matrix.shape == (CLASSES, CLASSES)
    assert matrix.sum() == 7
    assert matrix[5, 6] == matrix[128, 128] == matrix[256, 256] == matrix[299, 299] == 1


# -- weights of samples, where there are as many samples as classes --------------------------------------------------------

WEIGHTS = np.array([1.0, 2.0, 5.0])
TARGETS = {
    "mse": (MeanSquaredError(), RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))),
    "categorical": (CategoricalCrossentropy(True), RNG.normal(size=(3, 3)), np.eye(3)[[2, 0, 0]]),
    "sparse": (SparseCategoricalCrossentropy(True), RNG.normal(size=(3, 3)), np.array([2, 0, 0])),
    "probabilities": (CategoricalCrossentropy(), RNG.dirichlet(np.ones(3), 3), np.eye(3)[[2, 0, 0]]),
    "binary": (BinaryCrossentropy(), RNG.uniform(0.1, 0.9, (3, 3)), RNG.integers(0, 2, (3, 3))),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_weight_belongs_to_its_sample_and_not_to_a_class(name):
    """The weighted loss is the mean of weight times the sample's own loss, its gradient the rows' times their weights."""
    loss, y_pred, y_true = TARGETS[name]
    alone = [loss.apply(y_pred[i : i + 1], y_true[i : i + 1]) for i in range(3)]
    value, saved = loss.apply(y_pred, y_true, WEIGHTS)
    assert float(value) == pytest.approx(sum(w * float(v) for w, (v, _) in zip(WEIGHTS, alone)) / 3, rel=1e-12)
    expected = np.concatenate([w * loss.gradient(kept) / 3 for w, (_, kept) in zip(WEIGHTS, alone)])
    np.testing.assert_allclose(loss.gradient(saved), expected, rtol=1e-12)


def test_a_weight_belongs_to_its_sample_and_not_to_a_place():
    """Samples, places and classes are three each; the weights are the samples'."""
    logits, labels = RNG.normal(size=(3, 3, 3)), RNG.integers(0, 3, (3, 3))
    losses = -np.take_along_axis(log_softmax(logits), labels[..., None], -1)[..., 0]
    loss = SparseCategoricalCrossentropy(True)
    value, saved = loss.apply(logits, labels, WEIGHTS)
    assert float(value) == pytest.approx((WEIGHTS[:, None] * losses).mean(), rel=1e-12)
    expected = WEIGHTS[:, None, None] * (np.exp(log_softmax(logits)) - np.eye(3)[labels]) / 9
    np.testing.assert_allclose(loss.gradient(saved), expected, rtol=1e-9, atol=1e-15)
    metric = Accuracy("sparse")
    metric.update(labels, logits, WEIGHTS)
    right = logits.argmax(-1) == labels
    assert metric.result() == pytest.approx((WEIGHTS[:, None] * right).sum() / (3 * WEIGHTS.sum()), rel=1e-12)


# -- sums in double precision --------------------------------------------------------------------------------------------


def test_the_sum_of_a_batch_may_be_too_large_for_float32():
    """Four losses of 1e38: their mean is a float32, their sum is not."""
    y_pred = np.full((4, 1), 1e19, np.float32)
    zeros = np.zeros((4, 1), np.float32)
    for weights in (None, np.ones(4), np.full(4, 0.5)):
        value, _ = MeanSquaredError().apply(y_pred, zeros, weights)
        assert value.dtype == np.float32
        assert float(value) == pytest.approx(1e38 * (0.5 if weights is not None and weights[0] < 1 else 1), rel=1e-6)


@pytest.mark.parametrize("weights", [None, np.ones(4096)], ids=["plain", "weighted"])
def test_small_losses_beside_a_large_one_count(weights):
    """In float32, 2^28 + 1 is 2^28: of four thousand ones added one by one, none would be left."""
    y_pred = np.ones((4096, 1), np.float32)
    y_pred[0] = 2.0**14
    value, _ = MeanSquaredError().apply(y_pred, np.zeros_like(y_pred), weights)
    assert float(value) * 4096 == 2.0**28 + 4096  # 2^28 + 4095, rounded once to a float32


# -- the cut of probabilities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_probabilities_are_cut_at_the_epsilon_in_force(epsilon):
    with config.use_epsilon(epsilon):
        value, saved = BinaryCrossentropy().apply(np.array([[0.0]]), np.array([[1.0]]))
        assert float(value) == pytest.approx(-np.log(epsilon), rel=1e-9)
        assert BinaryCrossentropy().gradient(saved) == 0
        value, _ = CategoricalCrossentropy().apply(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]))
        assert float(value) == pytest.approx(-np.log(epsilon), rel=1e-9)


def test_an_epsilon_too_small_for_float32_still_keeps_logarithms_finite():
    p, t = np.array([[1.0]], np.float32), np.array([[0.0]], np.float32)
    with config.use_epsilon(1e-12):
        value, _ = BinaryCrossentropy().apply(p, t)
    assert float(value) == pytest.approx(-np.log(np.finfo(np.float32).eps), rel=1e-6)
