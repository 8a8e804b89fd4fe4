"""Losses and their gradients: of logits and of probabilities, with sample weights, for sequences, at the extremes."""

import numpy as np
import pytest

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
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    SumSquaredError,
)
from tests.peers.judge import F, agree, gradient, leaf, tensor, torch

pytestmark = pytest.mark.peer

EPSILON = 1e-7


def cut(p):
    return p.clamp(EPSILON, 1 - EPSILON)


def categorical_of_logits(z, t):
    z, t = (a.movedim(-1, 1) for a in (z, t))  # PyTorch's classes stand on axis 1
    return F.cross_entropy(z, t, reduction="none")


def categorical_of_probabilities(p, t):
    return -(t * cut(p / p.sum(dim=-1, keepdim=True)).log()).sum(dim=-1)


def sparse_of_logits(z, labels):
    return F.cross_entropy(z.movedim(-1, 1), labels, reduction="none")


def sparse_of_probabilities(p, labels):
    return categorical_of_probabilities(p, F.one_hot(labels, p.shape[-1]).to(p.dtype))


def binary_of_logits(z, t):
    return F.binary_cross_entropy_with_logits(z, t, reduction="none").mean(dim=-1)


def binary_of_probabilities(p, t):
    return F.binary_cross_entropy(cut(p), t, reduction="none").mean(dim=-1)


def squared(p, t):
    return F.mse_loss(p, t, reduction="none").mean(dim=-1)


def mean_of(function, **options):
    """A loss of PyTorch's, its mean over the outputs."""
    return lambda p, t: function(p, t, reduction="none", **options).mean(dim=-1)


def sum_of_squares(p, t):
    return F.mse_loss(p, t, reduction="none").sum(dim=-1)


def percentage(p, t):
    return 100 * ((p - t).abs() / t.abs().clamp(min=EPSILON)).mean(dim=-1)


def logarithmic(p, t):
    return (((p.clamp(min=EPSILON) + 1).log() - (t.clamp(min=EPSILON) + 1).log()) ** 2).mean(dim=-1)


def log_cosh(p, t):
    return (p - t).cosh().log().mean(dim=-1)


def divergence(p, t):
    return F.kl_div(p.clamp(EPSILON, 1).log(), t.clamp(EPSILON, 1), reduction="none").sum(dim=-1)


def cosine(p, t):
    return -F.cosine_similarity(p, t, dim=-1, eps=EPSILON)


def hinge(p, t):
    return F.relu(1 - t * p).mean(dim=-1)


def squared_hinge(p, t):
    return F.relu(1 - t * p).square().mean(dim=-1)


def categorical_hinge(p, t):
    return F.relu(1 + ((1 - t) * p).max(dim=-1).values - (t * p).sum(dim=-1))


def smoothed_categorical_of_logits(z, t):
    return F.cross_entropy(z.movedim(-1, 1), t.movedim(-1, 1), reduction="none", label_smoothing=0.2)


def smoothed_binary(p, t):
    return binary_of_probabilities(p, 0.9 * t + 0.05)


def focal_of_logits(z, t):
    log_p = F.log_softmax(z, dim=-1)
    return -0.25 * (t * (1 - log_p.exp()) ** 2 * log_p).sum(dim=-1)


def focal_of_probabilities(p, t):
    p = cut(p / p.sum(dim=-1, keepdim=True))
    return -0.25 * (t * (1 - p) ** 2 * p.log()).sum(dim=-1)


def binary_focal(p, t, entropy, alpha):
    right = t * p + (1 - t) * (1 - p)
    balance = 1 if alpha is None else alpha * t + (1 - alpha) * (1 - t)
    return (balance * (1 - right) ** 2 * entropy).mean(dim=-1)


def binary_focal_of_logits(z, t):
    return binary_focal(z.sigmoid(), t, F.binary_cross_entropy_with_logits(z, t, reduction="none"), None)


def binary_focal_of_probabilities(p, t):
    return binary_focal(p, t, F.binary_cross_entropy(cut(p), t, reduction="none"), 0.9)


def signs(rng, shape):
    return 2.0 * rng.integers(0, 2, shape) - 1


def counts(rng, shape):
    return rng.integers(0, 5, shape).astype(float)


def one_hot(rng, shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def soft(rng, shape):  # rows that do not sum to one, too
    return rng.random(shape)


def labels(rng, shape):
    return rng.integers(0, shape[-1], shape[:-1])


def zeros_and_ones(rng, shape):
    return rng.integers(0, 2, shape).astype(float)


def normal(rng, shape):
    return 2 * rng.normal(size=shape)


def rows_of_probabilities(rng, shape):
    e = np.exp(rng.normal(size=shape))
    return e / e.sum(axis=-1, keepdims=True)


def positive(rng, shape):  # the sum is not one: the loss has to divide by it
    return rng.random(shape) + 0.05


CASES = {  # loss, formula, predictions, targets
    "categorical, logits": (CategoricalCrossentropy(True), categorical_of_logits, normal, one_hot),
    "categorical, logits, soft targets": (CategoricalCrossentropy(True), categorical_of_logits, normal, soft),
    "categorical": (CategoricalCrossentropy(), categorical_of_probabilities, rows_of_probabilities, one_hot),
    "categorical, soft targets": (CategoricalCrossentropy(), categorical_of_probabilities, rows_of_probabilities, soft),
    "categorical, any sum": (CategoricalCrossentropy(), categorical_of_probabilities, positive, soft),
    "sparse, logits": (SparseCategoricalCrossentropy(True), sparse_of_logits, normal, labels),
    "sparse": (SparseCategoricalCrossentropy(), sparse_of_probabilities, rows_of_probabilities, labels),
    "sparse, any sum": (SparseCategoricalCrossentropy(), sparse_of_probabilities, positive, labels),
    "binary, logits": (BinaryCrossentropy(True), binary_of_logits, normal, zeros_and_ones),
    "binary, logits, soft targets": (BinaryCrossentropy(True), binary_of_logits, normal, soft),
    "binary": (BinaryCrossentropy(), binary_of_probabilities, soft, zeros_and_ones),
    "binary, soft targets": (BinaryCrossentropy(), binary_of_probabilities, soft, soft),
    "squared": (MeanSquaredError(), squared, normal, normal),
    "sum of squares": (SumSquaredError(), sum_of_squares, normal, normal),
    "absolute": (MeanAbsoluteError(), mean_of(F.l1_loss), normal, normal),
    "percentage": (MeanAbsolutePercentageError(), percentage, normal, normal),
    "logarithmic": (MeanSquaredLogarithmicError(), logarithmic, positive, counts),
    "logarithmic, negative predictions": (MeanSquaredLogarithmicError(), logarithmic, normal, counts),
    "Huber": (Huber(), mean_of(F.smooth_l1_loss), normal, normal),
    "Huber, delta": (Huber(0.5), mean_of(F.huber_loss, delta=0.5), normal, normal),
    "log cosh": (LogCosh(), log_cosh, normal, normal),
    "divergence": (KLDivergence(), divergence, rows_of_probabilities, rows_of_probabilities),
    "divergence, one-hot": (KLDivergence(), divergence, rows_of_probabilities, one_hot),
    "Poisson": (Poisson(), mean_of(F.poisson_nll_loss, log_input=False, eps=EPSILON), positive, counts),
    "cosine": (CosineSimilarity(), cosine, normal, normal),
    "hinge": (Hinge(), hinge, normal, signs),
    "squared hinge": (SquaredHinge(), squared_hinge, normal, signs),
    "categorical hinge": (CategoricalHinge(), categorical_hinge, normal, one_hot),
    "categorical, logits, smoothed": (CategoricalCrossentropy(True, 0.2), smoothed_categorical_of_logits, normal, one_hot),
    "binary, smoothed": (BinaryCrossentropy(label_smoothing=0.1), smoothed_binary, soft, zeros_and_ones),
    "focal, logits": (CategoricalFocalCrossentropy(from_logits=True), focal_of_logits, normal, one_hot),
    "focal": (CategoricalFocalCrossentropy(), focal_of_probabilities, positive, one_hot),
    "binary focal, logits": (BinaryFocalCrossentropy(from_logits=True), binary_focal_of_logits, normal, zeros_and_ones),
    "binary focal": (BinaryFocalCrossentropy(True, 0.9), binary_focal_of_probabilities, soft, zeros_and_ones),
}


def judge_loss(case, y_pred, y_true, weight=None):
    loss, formula, _, _ = CASES[case]
    value, saved = loss.apply(y_pred, y_true, weight)
    of_pytorch = leaf(y_pred)
    values = formula(of_pytorch, tensor(y_true))
    if weight is not None:
        values = values * tensor(weight).reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
    expected = values.mean()  # Keras divides by the number of losses, weighted or not
    expected.backward()
    agree(value, expected, f"{case}: L")
    agree(loss.gradient(saved), gradient(of_pytorch), f"{case}: dL")


@pytest.mark.parametrize("weighted", ["", "weight per sample", "weight per loss"])
@pytest.mark.parametrize("case", CASES)
def test_loss(case, weighted):
    for shape in [(7, 4), (1, 10), (5, 1), (3, 6, 4), (2, 3, 4, 5)]:
        rng = np.random.default_rng(0)
        weight = None
        if weighted:
            weight = 3 * rng.random(shape[:1] if weighted == "weight per sample" else shape[:-1])
            weight.flat[0] = 0.0
        judge_loss(case, CASES[case][2](rng, shape), CASES[case][3](rng, shape), weight)


@pytest.mark.parametrize("case", [name for name in CASES if "logits" in name])
@pytest.mark.parametrize("size", [0.0, 1e-9, 40.0, 700.0, 1e4, 1e100])
def test_extreme_logits(size, case):
    rng = np.random.default_rng(1)
    y_pred = size * rng.choice([-1.0, 0.0, 1.0], (30, 4))
    judge_loss(case, y_pred, CASES[case][3](rng, y_pred.shape))


@pytest.mark.parametrize(
    "case",
    [
        name
        for name in CASES
        if "logits" not in name and name.startswith(("categorical", "sparse", "binary")) and "hinge" not in name
    ],
)
@pytest.mark.parametrize("small", [0.0, 1e-300, 1e-12, 0.9e-7, 1.1e-7, 1e-4])
def test_probabilities_at_the_cut(small, case):
    rng = np.random.default_rng(2)
    y_pred = np.full((6, 3), small)
    y_pred[range(6), rng.integers(0, 3, 6)] = 1 - 2 * small
    if case.startswith("binary"):
        y_pred[0] = 1.0
    judge_loss(case, y_pred, CASES[case][3](rng, y_pred.shape))


def test_per_sample_values_of_a_batch():
    rng = np.random.default_rng(3)
    y_pred, y_true = normal(rng, (5, 4)), one_hot(rng, (5, 4))
    singles = torch.stack([categorical_of_logits(tensor(y_pred[i : i + 1]), tensor(y_true[i : i + 1]))[0] for i in range(5)])
    received = [CategoricalCrossentropy(True).apply(y_pred[i : i + 1], y_true[i : i + 1])[0] for i in range(5)]
    agree(np.array(received), singles, "categorical: L_i")
