"""F scores: precision and recall in one number.

    F = (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP)

TP counts what is on and should be, FP what should not be, FN what should be on and is not; see ``counts``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_number
from minidl.errors import ArgumentError
from minidl.metrics.base import Deciding, host_array
from minidl.metrics.forms import check_labels_or_same, indicators, spread


class FBetaScore(Deciding):
    """F = (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP), of each class or over all.

    It is the harmonic mean of precision and recall, where recall weighs beta times as much; 0 where TP, FN and FP are 0.

    Args:
        average: None gives an array with the score of each class (a float where there is one output); ``"micro"`` counts
            all classes together; ``"macro"`` is the mean of the classes' scores, and ``"weighted"`` their mean by how often
            each class should be on.
        beta: a number > 0.
        threshold: an output is on where its prediction is above this. None: the largest of a sample (the first of equal
            ones) and no other; where there is one output, 1/2.
        name: the key in logs.

    Targets are of the predictions' shape or labels. Raises ArgumentTypeError or ArgumentError for other values.

    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> metric.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> metric.result().round(4).tolist()
    [0.3846, 0.9091, 0.8333]
    """

    usual_name = "fbeta_score"
    aliases = ("fbeta_score", "f_beta_score")
    direction = "max"
    on_and_true: Any
    on: Any
    true: Any

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
    ) -> None:
        where = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(where, f"average={average!r}", "None, 'micro', 'macro' or 'weighted'")
        self.average = average
        self.beta = check_number(where, "beta", beta, low=0)
        if not self.beta:
            raise ArgumentError(where, f"beta={beta!r}", "beta > 0", "Precision(), which is the limit")
        self.threshold = threshold if threshold is None else check_number(where, "threshold", threshold)
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape, or labels. Raises ShapeError for others."""
        check_labels_or_same(y_true, output_shape, where)

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        self.note_nan(y_pred, sample_weight)
        classes = y_pred.shape[-1]
        true = indicators(y_true, y_pred).reshape(-1, classes)
        if self.threshold is None and classes > 1:
            xp = backends.array_namespace(y_pred)
            on = y_pred.argmax(axis=-1).reshape(-1, 1) == xp.arange(classes)
        else:
            on = (y_pred > (0.5 if self.threshold is None else self.threshold)).reshape(-1, classes)
        if sample_weight is None:
            sums = (on & true).sum(axis=0), on.sum(axis=0), true.sum(axis=0)
        else:
            weights = spread(sample_weight, y_pred.shape[:-1], f"metric {self.name!r}").reshape(-1, 1)
            sums = (weights * (on & true)).sum(axis=0), (weights * on).sum(axis=0), (weights * true).sum(axis=0)
        self.on_and_true, self.on, self.true = self.on_and_true + sums[0], self.on + sums[1], self.true + sums[2]
        self.count = self.count + (len(true) if sample_weight is None else weights.sum())

    def result(self) -> Any:
        """A float, or an array of the classes' scores; NaN before the first sample."""
        on_and_true, on, true = (host_array(x) for x in (self.on_and_true, self.on, self.true))
        if backends.number(self.nan) or not backends.number(self.count):
            return float("nan") if self.average is not None or on.size <= 1 else np.full(on.shape, np.nan)
        support = true
        if self.average == "micro":
            on_and_true, on, true = on_and_true.sum(keepdims=True), on.sum(keepdims=True), true.sum(keepdims=True)
        square = self.beta**2
        below = square * true + on  # = (1 + beta^2) TP + beta^2 FN + FP
        scores = np.divide((1 + square) * on_and_true, below, out=np.zeros(below.shape), where=below > 0)
        if self.average == "weighted":
            return float((scores * support).sum() / support.sum()) if support.sum() else 0.0
        return scores if self.average is None and len(scores) > 1 else float(scores.mean())

    def reset(self) -> None:
        """Start again."""
        super().reset()
        self.on_and_true = self.on = self.true = 0


class F1Score(FBetaScore):
    """F1 = 2 TP / (2 TP + FN + FP), the harmonic mean of precision and recall; arguments of ``FBetaScore``, beta being 1.

    >>> metric = F1Score()
    >>> metric.update_state([0, 1, 1, 1], [0.6, 0.2, 0.7, 0.9])
    >>> metric.result()
    0.6666666666666666
    """

    usual_name = "f1_score"
    aliases = ("f1_score", "f1")

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str | None = "f1_score") -> None:
        super().__init__(average, 1.0, threshold, name)
