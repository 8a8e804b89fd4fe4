"""The table of metrics: every class with every option that changes what it says, and targets and predictions it takes.

``case.metric()`` makes the metric, ``case.data(n)`` draws n samples: y_true and y_pred in float64, and weights of which some
are 0. Scores are rounded to one digit where ties matter.

>>> case = METRICS["precision"]
>>> y_true, y_pred, weight = case.data(5)
>>> case.metric().name, y_true.shape, y_pred.shape, weight.shape
('precision', (5, 1), (5, 1), (5,))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl import losses, metrics
from minidl.metrics import Metric

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """How to make a metric, and what it takes; ``labels``: predictions are labels, and others of them an error."""

    metric: Callable[[], Metric]
    draw: Draw
    labels: bool = False

    def data(self, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """y_true, y_pred, weight of n samples."""
        rng = np.random.default_rng([seed, n])
        y_true, y_pred = self.draw(rng, n)
        weight = np.where(rng.random(n) < 0.2, 0.0, rng.random(n) + 0.1)
        weight[:1] = 1
        return y_true, y_pred, weight


CLASSES = 4


def ties(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 11, shape) / 10


def one_output(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = ties(rng, (n, 1))
    return (p + rng.normal(size=(n, 1)) > 0.7).astype(float), p


def logits(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    z = rng.normal(size=(n, 1))
    return (z + rng.normal(size=(n, 1)) > 0).astype(float), z


def several_outputs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = ties(rng, (n, 3))
    return (p + rng.normal(size=(n, 3)) > 0.6).astype(float), p


def labels(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = ties(rng, (n, CLASSES))
    return (p + rng.normal(size=p.shape) / 2).argmax(axis=1), p


def one_hot(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = labels(rng, n)
    return np.eye(CLASSES)[y], p


def sequences(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = labels(rng, 3 * n)
    return y.reshape(n, 3), p.reshape(n, 3, CLASSES)


def predicted_labels(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = labels(rng, 6 * n)
    return y.reshape(n, 2, 3), p.argmax(axis=1).astype(float).reshape(n, 2, 3)


def one_hot_and_labels(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = one_hot(rng, n)
    return y, p.argmax(axis=1).astype(float)[:, None]


def numbers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = rng.normal(size=(n, 2)) * [1, 30] + [0, 1000]
    return y, y + rng.normal(size=(n, 2))


def one_number(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = numbers(rng, n)
    return y[:, 1], p[:, 1:]


def vectors(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(n, 3, 2)), rng.normal(size=(n, 3, 2))


m = metrics
METRICS: dict[str, Case] = {
    "accuracy_one_output": Case(m.Accuracy, one_output),
    "accuracy_one_hot": Case(m.Accuracy, one_hot),
    "accuracy_labels": Case(m.Accuracy, labels),
    "accuracy_sequences": Case(lambda: m.Accuracy("sparse"), sequences),
    "accuracy_binary": Case(lambda: m.Accuracy("binary", name="outputs"), several_outputs),
    "binary_accuracy": Case(m.BinaryAccuracy, one_output),
    "binary_accuracy_threshold": Case(lambda: m.BinaryAccuracy(threshold=0.3), several_outputs),
    "categorical_accuracy": Case(m.CategoricalAccuracy, one_hot),
    "sparse_categorical_accuracy": Case(m.SparseCategoricalAccuracy, labels),
    "error_rate": Case(m.ErrorRate, labels),
    "error_rate_one_hot": Case(lambda: m.ErrorRate("categorical"), one_hot),
    "top_k": Case(lambda: m.TopKCategoricalAccuracy(k=2), one_hot),
    "sparse_top_k": Case(lambda: m.SparseTopKCategoricalAccuracy(k=2), labels),
    "sparse_top_k_sequences": Case(lambda: m.SparseTopKCategoricalAccuracy(k=3), sequences),
    "precision": Case(m.Precision, one_output),
    "precision_labels": Case(m.Precision, labels),
    "precision_thresholds": Case(lambda: m.Precision([0.25, 0.5, 0.75]), several_outputs),
    "precision_logits": Case(lambda: m.Precision(thresholds=0), logits),
    "precision_top_k": Case(lambda: m.Precision(top_k=2), one_hot),
    "precision_top_k_threshold": Case(lambda: m.Precision(0.4, top_k=2), one_hot),
    "precision_class": Case(lambda: m.Precision(class_id=1), labels),
    "recall": Case(m.Recall, one_output),
    "recall_thresholds": Case(lambda: m.Recall([0.25, 0.5, 0.75]), several_outputs),
    "recall_top_k": Case(lambda: m.Recall(top_k=2), one_hot),
    "recall_class": Case(lambda: m.Recall(class_id=0, top_k=1), one_hot),
    "true_positives": Case(m.TruePositives, several_outputs),
    "true_positives_threshold": Case(lambda: m.TruePositives(0.2), several_outputs),
    "false_positives": Case(lambda: m.FalsePositives([0.2, 0.6]), several_outputs),
    "false_negatives": Case(m.FalseNegatives, several_outputs),
    "true_negatives": Case(m.TrueNegatives, several_outputs),
    "f1": Case(m.F1Score, labels),
    "f1_one_output": Case(m.F1Score, one_output),
    "f1_micro": Case(lambda: m.F1Score("micro"), one_hot),
    "f1_macro": Case(lambda: m.F1Score(average="macro"), one_hot),
    "f1_weighted": Case(lambda: m.F1Score(average="weighted"), labels),
    "f1_threshold": Case(lambda: m.F1Score(threshold=0.3), several_outputs),
    "f_beta": Case(lambda: m.FBetaScore(beta=2.0), labels),
    "f_beta_macro": Case(lambda: m.FBetaScore("macro", 0.5, 0.4), several_outputs),
    "auc": Case(m.AUC, one_output),
    "auc_labels": Case(m.AUC, labels),
    "auc_logits": Case(lambda: m.AUC(from_logits=True), logits),
    "auc_minoring": Case(lambda: m.AUC(summation_method="minoring"), one_output),
    "auc_majoring": Case(lambda: m.AUC(summation_method="majoring"), one_output),
    "auc_pr": Case(lambda: m.AUC(curve="PR"), one_output),
    "auc_pr_minoring": Case(lambda: m.AUC(curve="PR", summation_method="minoring"), one_output),
    "auc_pr_majoring": Case(lambda: m.AUC(curve="PR", summation_method="majoring"), one_output),
    "auc_average_precision": Case(lambda: m.AUC(curve="PR", summation_method="step"), one_output),
    "auc_multi_label": Case(lambda: m.AUC(multi_label=True, num_labels=3), several_outputs),
    "auc_multi_label_weights": Case(lambda: m.AUC(multi_label=True, label_weights=[1, 2, 0.5]), several_outputs),
    "auc_label_weights": Case(lambda: m.AUC(label_weights=[1, 2, 0.5]), several_outputs),
    "auc_200": Case(lambda: m.AUC(200), one_output),
    "auc_logits_50": Case(lambda: m.AUC(50, from_logits=True), logits),
    "auc_thresholds": Case(lambda: m.AUC(curve="PR", thresholds=[0.75, 0.15, 0.45]), one_output),
    "auc_thresholds_multi_label": Case(lambda: m.AUC(20, multi_label=True), several_outputs),
    "confusion_matrix": Case(m.ConfusionMatrix, labels),
    "confusion_matrix_true": Case(lambda: m.ConfusionMatrix("true"), one_output),
    "confusion_matrix_pred": Case(lambda: m.ConfusionMatrix("pred"), sequences),
    "confusion_matrix_all": Case(lambda: m.ConfusionMatrix("all"), one_hot),
    "overall_accuracy": Case(m.OverallAccuracy, labels),
    "average_accuracy": Case(m.AverageAccuracy, labels),
    "average_accuracy_one_output": Case(m.AverageAccuracy, one_output),
    "kappa": Case(m.CohenKappa, labels),
    "kappa_linear": Case(lambda: m.CohenKappa("linear"), one_hot),
    "kappa_quadratic": Case(lambda: m.CohenKappa("quadratic"), sequences),
    "iou": Case(lambda: m.IoU(CLASSES, [0, 2]), predicted_labels, labels=True),
    "iou_ignore": Case(lambda: m.IoU(CLASSES, [0, 2], ignore_class=1), predicted_labels, labels=True),
    "iou_scores": Case(lambda: m.IoU(CLASSES, (1, 3), sparse_y_pred=False), sequences),
    "mean_iou": Case(lambda: m.MeanIoU(CLASSES), predicted_labels, labels=True),
    "mean_iou_scores": Case(lambda: m.MeanIoU(CLASSES, ignore_class=0, sparse_y_pred=False), sequences),
    "mean_iou_one_hot": Case(lambda: m.MeanIoU(CLASSES, sparse_y_true=False, sparse_y_pred=False), one_hot),
    "binary_iou": Case(m.BinaryIoU, several_outputs),
    "binary_iou_threshold": Case(lambda: m.BinaryIoU([1], threshold=0.3), several_outputs),
    "one_hot_iou": Case(lambda: m.OneHotIoU(CLASSES, [0, 1]), one_hot),
    "one_hot_iou_labels": Case(lambda: m.OneHotIoU(CLASSES, 0, sparse_y_pred=True), one_hot_and_labels, labels=True),
    "one_hot_mean_iou": Case(lambda: m.OneHotMeanIoU(CLASSES), one_hot),
    "one_hot_mean_iou_ignore": Case(lambda: m.OneHotMeanIoU(CLASSES, ignore_class=2), one_hot),
    "mse": Case(m.MeanSquaredError, numbers),
    "rmse": Case(m.RootMeanSquaredError, numbers),
    "mae": Case(m.MeanAbsoluteError, one_number),
    "cosine": Case(m.CosineSimilarity, vectors),
    "cosine_axis": Case(lambda: m.CosineSimilarity(axis=1), vectors),
    "r2": Case(m.R2Score, numbers),
    "r2_one_output": Case(m.R2Score, one_number),
    "r2_each": Case(lambda: m.R2Score(None), numbers),
    "r2_variance": Case(lambda: m.R2Score("variance_weighted_average"), numbers),
    "r2_adjusted": Case(lambda: m.R2Score(num_regressors=2), numbers),
    "of_loss": Case(lambda: m.OfLoss(losses.MeanSquaredError()), numbers),
    "of_loss_named": Case(lambda: m.OfLoss("binary_crossentropy", name="bits"), one_output),
}


def computed(case: Case, y_true: Any, y_pred: Any, weight: Any = None, size: int | None = None) -> Any:
    """What the metric says of batches of ``size``."""
    metric = case.metric()
    for start in range(0, len(y_pred), size or max(len(y_pred), 1)):
        part = slice(start, start + (size or len(y_pred)))
        metric.update(y_true[part], y_pred[part], None if weight is None else weight[part])
    return metric.result()
