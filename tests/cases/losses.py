"""The table of losses: every loss with every option that changes what it computes, and its formula once more in plain NumPy.

A row says how to make the loss and what it compares; ``FORMULAS`` says for its class what the losses of a batch are. Tests of
properties run over this table and refuse to run over less than all losses of minidl.

>>> case = LOSSES["huber"]
>>> case.make(), case.y_pred().shape, FORMULAS["Huber"](case.make(), case.y_pred(), case.y_true()).shape
(Huber(delta=0.7), (4, 3), (4,))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

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
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    SumSquaredError,
)


@dataclass(frozen=True)
class LossCase:
    """A loss and what it compares.

    Attributes:
        name: unique; the identifier of the test.
        make: makes a new loss.
        shape: of the predictions, batch axis included.
        predictions: ``"numbers"`` (normal), ``"distributions"`` (positive, sum 1), ``"scores"`` (positive, any sum) or
            ``"probabilities"`` (each between 0 and 1).
        targets: ``"numbers"``, ``"one_hot"``, ``"distributions"``, ``"labels"``, ``"column"`` (labels (..., 1)), ``"bits"``,
            ``"signs"`` (-1 and 1), ``"counts"`` (0 to 4) or ``"scores"``.
        weights: number of axes of the sample weights; 0 for none.
    """

    name: str
    make: Callable[[], Loss]
    shape: tuple[int, ...]
    predictions: str
    targets: str
    weights: int = 0

    def y_pred(self, seed: int = 0) -> np.ndarray:
        """Predictions, float64."""
        return _draw(self.predictions, self.shape, np.random.default_rng([seed, 1]))

    def y_true(self, seed: int = 0) -> np.ndarray:
        """Targets."""
        return _draw(self.targets, self.shape, np.random.default_rng([seed, 2]))

    def sample_weight(self, seed: int = 0) -> np.ndarray | None:
        """Weights, one of them 0, or None."""
        if not self.weights:
            return None
        weights = np.random.default_rng([seed, 3]).uniform(0.5, 2, self.shape[: self.weights])
        weights.flat[0] = 0
        return weights


def _draw(kind: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    labels = generator.integers(0, shape[-1], shape[:-1])
    if kind == "numbers":
        return generator.normal(size=shape)
    if kind == "bits":
        return generator.integers(0, 2, shape)
    if kind == "signs":
        return 2 * generator.integers(0, 2, shape) - 1
    if kind == "counts":
        return generator.integers(0, 5, shape)
    if kind in ("labels", "column"):
        return labels if kind == "labels" else labels[..., None]
    if kind == "one_hot":
        return np.eye(shape[-1])[labels]
    positive = generator.uniform(0.05, 0.95, shape)
    return positive / positive.sum(axis=-1, keepdims=True) if kind == "distributions" else positive


def _loss_cases(name: str, make: Callable[[], Loss], predictions: str, targets: str) -> list[LossCase]:
    return [
        LossCase(name, make, (4, 3), predictions, targets),
        LossCase(f"{name}_weights", make, (4, 3), predictions, targets, weights=1),
        LossCase(f"{name}_3d", make, (2, 3, 4), predictions, targets),
        LossCase(f"{name}_3d_weights", make, (2, 3, 4), predictions, targets, weights=2),
    ]


def _focal(**options: Any) -> Callable[[], Loss]:
    return lambda: CategoricalFocalCrossentropy(**options)


def _binary_focal(**options: Any) -> Callable[[], Loss]:
    return lambda: BinaryFocalCrossentropy(**options)


LOSSES = {
    case.name: case
    for case in (
        *_loss_cases("mse", MeanSquaredError, "numbers", "numbers"),
        LossCase("mse_one_output", MeanSquaredError, (5, 1), "numbers", "numbers"),
        *_loss_cases("sse", SumSquaredError, "numbers", "numbers"),
        *_loss_cases("mae", MeanAbsoluteError, "numbers", "numbers"),
        *_loss_cases("mape", MeanAbsolutePercentageError, "numbers", "numbers"),
        *_loss_cases("msle", MeanSquaredLogarithmicError, "scores", "scores"),
        LossCase("msle_negative_predictions", MeanSquaredLogarithmicError, (4, 3), "numbers", "counts"),
        *_loss_cases("huber", lambda: Huber(delta=0.7), "numbers", "numbers"),
        LossCase("huber_default", Huber, (4, 3), "numbers", "numbers"),
        *_loss_cases("log_cosh", LogCosh, "numbers", "numbers"),
        *_loss_cases("kl_divergence", KLDivergence, "distributions", "distributions"),
        LossCase("kl_divergence_one_hot", KLDivergence, (4, 3), "distributions", "one_hot"),
        *_loss_cases("poisson", Poisson, "scores", "counts"),
        *_loss_cases("hinge", Hinge, "numbers", "signs"),
        LossCase("hinge_bits", Hinge, (4, 3), "numbers", "bits"),
        LossCase("hinge_one_output", Hinge, (5, 1), "numbers", "signs"),
        *_loss_cases("squared_hinge", SquaredHinge, "numbers", "signs"),
        LossCase("squared_hinge_bits", SquaredHinge, (4, 3), "numbers", "bits"),
        *_loss_cases("categorical_hinge", CategoricalHinge, "numbers", "one_hot"),
        LossCase("categorical_hinge_soft", CategoricalHinge, (4, 3), "numbers", "distributions"),
        *_loss_cases("cosine_similarity", CosineSimilarity, "numbers", "numbers"),
        LossCase("cosine_similarity_axis", lambda: CosineSimilarity(axis=1), (2, 3, 4), "numbers", "numbers"),
        LossCase("cosine_similarity_axis_weights", lambda: CosineSimilarity(axis=-2), (3, 3, 3), "numbers", "numbers", 2),
        LossCase("cosine_similarity_axis_weights_1", lambda: CosineSimilarity(axis=2), (2, 3, 4, 2), "numbers", "numbers", 1),
        *_loss_cases("categorical", CategoricalCrossentropy, "distributions", "one_hot"),
        *_loss_cases("categorical_logits", lambda: CategoricalCrossentropy(from_logits=True), "numbers", "one_hot"),
        LossCase("categorical_unnormalised", CategoricalCrossentropy, (4, 3), "scores", "one_hot"),
        LossCase("categorical_soft", CategoricalCrossentropy, (4, 3), "distributions", "distributions"),
        LossCase("categorical_soft_logits", lambda: CategoricalCrossentropy(True), (4, 3), "numbers", "distributions"),
        LossCase("categorical_smooth", lambda: CategoricalCrossentropy(False, 0.1), (4, 3), "distributions", "one_hot"),
        LossCase("categorical_smooth_logits", lambda: CategoricalCrossentropy(True, 0.2), (2, 3, 4), "numbers", "one_hot", 1),
        *_loss_cases("sparse", SparseCategoricalCrossentropy, "distributions", "labels"),
        *_loss_cases("sparse_logits", lambda: SparseCategoricalCrossentropy(from_logits=True), "numbers", "labels"),
        LossCase("sparse_column", SparseCategoricalCrossentropy, (4, 3), "distributions", "column"),
        LossCase("sparse_ignore", lambda: SparseCategoricalCrossentropy(ignore_class=1), (3, 4, 3), "distributions", "labels"),
        LossCase("sparse_ignore_logits", lambda: SparseCategoricalCrossentropy(True, 0), (3, 4, 3), "numbers", "column", 1),
        *_loss_cases("binary", BinaryCrossentropy, "probabilities", "bits"),
        *_loss_cases("binary_logits", lambda: BinaryCrossentropy(from_logits=True), "numbers", "bits"),
        LossCase("binary_soft", BinaryCrossentropy, (4, 3), "probabilities", "probabilities"),
        LossCase("binary_smooth", lambda: BinaryCrossentropy(False, 0.1), (4, 3), "probabilities", "bits"),
        LossCase("binary_smooth_logits", lambda: BinaryCrossentropy(True, 0.2), (4, 3), "numbers", "bits"),
        *_loss_cases("focal", CategoricalFocalCrossentropy, "distributions", "one_hot"),
        *_loss_cases("focal_logits", _focal(from_logits=True), "numbers", "one_hot"),
        LossCase("focal_unnormalised", _focal(gamma=1.5), (4, 3), "scores", "distributions"),
        LossCase("focal_alphas", _focal(alpha=[0.2, 0.5, 3.0], gamma=1.0), (4, 3), "distributions", "one_hot"),
        LossCase("focal_alphas_logits", _focal(alpha=(1, 2, 0.5), gamma=0.5, from_logits=True), (4, 3), "numbers", "one_hot"),
        LossCase("focal_smooth", _focal(label_smoothing=0.1, gamma=0.5), (4, 3), "distributions", "one_hot"),
        LossCase("focal_smooth_logits", _focal(label_smoothing=0.3, from_logits=True), (4, 3), "numbers", "one_hot", 1),
        LossCase("focal_no_gamma", _focal(gamma=0.0, from_logits=True), (4, 3), "numbers", "one_hot"),
        *_loss_cases("binary_focal", BinaryFocalCrossentropy, "probabilities", "bits"),
        *_loss_cases("binary_focal_logits", _binary_focal(from_logits=True), "numbers", "bits"),
        LossCase("binary_focal_balanced", _binary_focal(apply_class_balancing=True), (4, 3), "probabilities", "bits"),
        LossCase("binary_focal_alpha", _binary_focal(apply_class_balancing=True, alpha=0.9, gamma=0.5), (4, 3), "probabilities",
                 "probabilities"),
        LossCase("binary_focal_balanced_logits", _binary_focal(apply_class_balancing=True, gamma=1.0, from_logits=True), (4, 3),
                 "numbers", "bits", 1),
        LossCase("binary_focal_smooth_logits", _binary_focal(label_smoothing=0.2, gamma=3.0, from_logits=True), (4, 3),
                 "numbers", "bits"),
        LossCase("binary_focal_no_gamma", _binary_focal(gamma=0.0), (4, 3), "probabilities", "bits"),
        LossCase("mse_sum", lambda: MeanSquaredError("sum"), (4, 3), "numbers", "numbers"),
        LossCase("mae_sum_weights", lambda: MeanAbsoluteError("sum"), (2, 3, 4), "numbers", "numbers", 1),
        LossCase("huber_mean_weights", lambda: Huber(reduction="mean"), (2, 3, 4), "numbers", "numbers", 2),
        LossCase("sparse_weighted_mean", lambda: SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight"),
                 (2, 3, 4), "numbers", "labels", 1),
        LossCase("sparse_ignore_weighted_mean", lambda: SparseCategoricalCrossentropy(True, 1, "mean_with_sample_weight"),
                 (3, 3, 4), "numbers", "labels", 2),
    )
}  # fmt: skip


# -- what the losses of a batch are, in plain NumPy -----------------------------------------------------------------------

EPSILON = 1e-7


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _probabilities(loss: Any, p: np.ndarray, of_classes: bool) -> np.ndarray:
    if loss.from_logits:
        return _softmax(p) if of_classes else 1 / (1 + np.exp(-p))
    return np.clip(p / p.sum(axis=-1, keepdims=True) if of_classes else p, EPSILON, 1 - EPSILON)


def _smoothed(loss: Any, t: np.ndarray, classes: int) -> np.ndarray:
    return t * (1 - loss.label_smoothing) + loss.label_smoothing / classes


def _categorical(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return -(_smoothed(loss, t, t.shape[-1]) * np.log(_probabilities(loss, p, True))).sum(axis=-1)


def _sparse(loss: Any, p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    labels = labels.reshape(p.shape[:-1])
    values = -np.log(np.take_along_axis(_probabilities(loss, p, True), labels[..., None], -1)[..., 0])
    return values if loss.ignore_class is None else np.where(labels == loss.ignore_class, 0, values)


def _binary(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    p, t = _probabilities(loss, p, False), _smoothed(loss, t, 2)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=-1)


def _focal_of_classes(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    p, t = _probabilities(loss, p, True), _smoothed(loss, t, t.shape[-1])
    return -(np.array(loss.alpha) * t * (1 - p) ** loss.gamma * np.log(p)).sum(axis=-1)


def _focal_of_outputs(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    p, t = _probabilities(loss, p, False), _smoothed(loss, t, 2)
    right = t * p + (1 - t) * (1 - p)
    balance = t * loss.alpha + (1 - t) * (1 - loss.alpha) if loss.apply_class_balancing else 1
    return (-balance * (1 - right) ** loss.gamma * (t * np.log(p) + (1 - t) * np.log(1 - p))).mean(axis=-1)


def _kl_divergence(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    p, t = np.clip(p, EPSILON, 1), np.clip(t, EPSILON, 1)
    return (t * (np.log(t) - np.log(p))).sum(axis=-1)


def _huber(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    e = abs(p - t)
    return np.where(e <= loss.delta, e**2 / 2, loss.delta * e - loss.delta**2 / 2).mean(axis=-1)


def _logarithmic(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return ((np.log(1 + np.maximum(p, EPSILON)) - np.log(1 + np.maximum(t, EPSILON))) ** 2).mean(axis=-1)


def _margins(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.where(t == 0, -1, t) * p, 0)


def _categorical_hinge(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.maximum(1 + ((1 - t) * p).max(axis=-1) - (t * p).sum(axis=-1), 0)


def _cosine(loss: Any, p: np.ndarray, t: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(p, axis=loss.axis) * np.linalg.norm(t, axis=loss.axis)
    return -(p * t).sum(axis=loss.axis) / lengths


FORMULAS: dict[str, Callable[[Any, np.ndarray, np.ndarray], np.ndarray]] = {
    "MeanSquaredError": lambda loss, p, t: ((p - t) ** 2).mean(axis=-1),
    "SumSquaredError": lambda loss, p, t: ((p - t) ** 2).sum(axis=-1),
    "MeanAbsoluteError": lambda loss, p, t: abs(p - t).mean(axis=-1),
    "MeanAbsolutePercentageError": lambda loss, p, t: 100 * (abs(p - t) / np.maximum(abs(t), EPSILON)).mean(axis=-1),
    "MeanSquaredLogarithmicError": _logarithmic,
    "Huber": _huber,
    "LogCosh": lambda loss, p, t: np.log(np.cosh(p - t)).mean(axis=-1),
    "KLDivergence": _kl_divergence,
    "Poisson": lambda loss, p, t: (p - t * np.log(p + EPSILON)).mean(axis=-1),
    "Hinge": lambda loss, p, t: _margins(p, t).mean(axis=-1),
    "SquaredHinge": lambda loss, p, t: (_margins(p, t) ** 2).mean(axis=-1),
    "CategoricalHinge": _categorical_hinge,
    "CosineSimilarity": _cosine,
    "CategoricalCrossentropy": _categorical,
    "SparseCategoricalCrossentropy": _sparse,
    "BinaryCrossentropy": _binary,
    "CategoricalFocalCrossentropy": _focal_of_classes,
    "BinaryFocalCrossentropy": _focal_of_outputs,
}
