"""Metrics of classes that exclude each other, all of them read from the confusion matrix of the whole pass.

    M[i, j] = weight of the samples of class i that were taken for class j,        n = sum of M

    overall accuracy  OA = sum_i M[i, i] / n
    average accuracy  AA = mean over the classes i that occur of M[i, i] / sum_j M[i, j]
    Cohen's kappa     k = 1 - sum_ij D[i, j] M[i, j] / sum_ij D[i, j] E[i, j],    E[i, j] = sum_k M[i, k] sum_k M[k, j] / n

E is what two independent judges would give; D is 1 off the diagonal, |i - j| or (i - j)^2.

Source: J. Cohen, "A coefficient of agreement for nominal scales" (1960).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.errors import ArgumentError, DataError, closest
from minidl.metrics.base import Metric
from minidl.metrics.forms import check_labels_or_same, like_predictions, spread


class OfMatrix(Metric, abstract=True):
    """Base of what follows from the confusion matrix; subclasses define ``value``.

    Attributes:
        matrix: (classes + 1)^2 sums of weights, flat; the last row and column hold what is no class.
        weighted: whether any weights were given.
    """

    matrix: Any
    weighted: bool

    def value(self, matrix: np.ndarray) -> Any:
        """The metric, of a matrix (classes, classes) of float64."""
        raise NotImplementedError

    def classes(self, output_shape: tuple[int, ...]) -> int:
        """How many classes predictions of this shape tell apart: one output means two."""
        return max(output_shape[-1], 2)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Labels or one-hot targets. Raises ShapeError for others."""
        check_labels_or_same(y_true, output_shape, where)

    def labels(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Classes (n, ...) of targets and predictions; -1 where a prediction is NaN."""
        xp = backends.array_namespace(y_pred)
        if y_pred.shape[-1] == 1:
            predicted = (y_pred > 0.5)[..., 0]
            true = like_predictions(y_true, y_pred)[..., 0].astype("float64")
            true = xp.where(true == -1, 0.0, true)  # the other way to write two classes
        else:
            predicted = y_pred.argmax(axis=-1)
            true = y_true.argmax(axis=-1) if y_true.shape == y_pred.shape else like_predictions(y_true, y_pred)[..., 0]
        if y_pred.dtype.kind == "f":
            predicted = xp.where((y_pred != y_pred).any(axis=-1), -1, predicted)
        return true, predicted

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        true, predicted = self.labels(y_true, y_pred)
        side = self.classes(y_pred.shape) + 1
        xp = backends.array_namespace(predicted)
        if self.matrix is None:
            self.matrix = xp.zeros(side * side)
        cells = _bins(xp, true, side) * side + _bins(xp, predicted, side)
        weights: Any = 1.0
        if sample_weight is not None:
            self.weighted = True
            weights = spread(sample_weight, cells.shape, f"metric {self.name!r}").ravel()
        xp.add.at(self.matrix, cells.ravel(), weights)  # unlike bincount, this does not wait for the device

    def result(self) -> Any:
        """The metric of all samples; NaN before the first.

        Raises DataError where labels, of samples that count, are no classes.
        """
        if self.matrix is None:
            return float("nan")
        flat = backends.backend_of(self.matrix).to_numpy(self.matrix)
        side = round(len(flat) ** 0.5)
        matrix, none = flat.reshape(side, side)[:-1, :-1], flat.reshape(side, side)
        if none[-1].any():
            expected = f"whole numbers from 0 to {side - 2}"
            raise DataError(f"metric {self.name!r}: y_true", "labels that are no classes", expected, self._fix())
        if none[:, -1].any():
            return self._of_no_class(side - 2)
        return self.value(matrix) if matrix.any() else float("nan")

    def _fix(self) -> str:
        return "a weight of 0 for samples without a class"

    def _of_no_class(self, last: int) -> Any:
        """What the result is where predictions are NaN."""
        return float("nan")

    def reset(self) -> None:
        """Start again."""
        self.matrix = None
        self.weighted = False


class ConfusionMatrix(OfMatrix):
    """How many samples of class i were taken for class j, as an array (classes, classes).

    The history of ``fit`` holds a matrix for each epoch. Whole numbers where no weights were given, else sums of weights.

    Args:
        normalize: None; ``"true"`` divides by the sum of each row, ``"pred"`` by that of each column, ``"all"`` by that of
            all entries (0 / 0 is 0).
        name: the key in logs.

    >>> metric = ConfusionMatrix()
    >>> metric.update_state([0, 0, 1, 1], [0.2, 0.7, 0.9, 0.6])
    >>> metric.result()
    array([[1, 1],
           [0, 2]])
    """

    def __init__(self, normalize: str | None = None, name: str | None = "confusion_matrix") -> None:
        if normalize not in (None, "true", "pred", "all"):
            raise ArgumentError("ConfusionMatrix", f"normalize={normalize!r}", "None, 'true', 'pred' or 'all'")
        self.normalize = normalize
        super().__init__(name)

    def value(self, matrix: np.ndarray) -> np.ndarray:
        """The matrix itself, divided or not."""
        if self.normalize is None:
            return matrix.copy() if self.weighted else matrix.astype(np.int64)
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        sums = np.broadcast_to(matrix.sum(axis=axis, keepdims=True), matrix.shape)
        return np.divide(matrix, sums, out=np.zeros(matrix.shape), where=sums > 0)


class OverallAccuracy(OfMatrix):
    """OA: the fraction of samples whose class was found.

    >>> metric = OverallAccuracy()
    >>> metric.update_state([0, 0, 0, 1], [0.2, 0.3, 0.4, 0.3])
    >>> metric.result()
    0.75
    """

    aliases = ("oa",)
    direction = "max"

    def __init__(self, name: str | None = "overall_accuracy") -> None:
        super().__init__(name)

    def value(self, matrix: np.ndarray) -> float:
        """Diagonal by sum."""
        return float(matrix.trace() / matrix.sum())


class AverageAccuracy(OfMatrix):
    """AA: the mean of the classes' recalls, so that rare classes count as much as frequent ones ("balanced accuracy").

    Classes that do not occur among the targets are left out.

    >>> metric = AverageAccuracy()
    >>> metric.update_state([0, 0, 0, 1], [0.2, 0.3, 0.4, 0.3])
    >>> metric.result()
    0.5
    """

    aliases = ("aa", "balanced_accuracy")
    direction = "max"

    def __init__(self, name: str | None = "average_accuracy") -> None:
        super().__init__(name)

    def value(self, matrix: np.ndarray) -> float:
        """Mean recall."""
        sums = matrix.sum(axis=1)
        occurs = sums > 0
        return float((matrix.diagonal()[occurs] / sums[occurs]).mean())


class CohenKappa(OfMatrix):
    """Cohen's kappa: agreement beyond what chance would give; 1 is full agreement, 0 that of chance.

    NaN where targets and predictions are all of one and the same class, which says nothing.

    Args:
        weights: None counts every disagreement alike; ``"linear"`` and ``"quadratic"`` by the distance of ordered classes.
        name: the key in logs.

    >>> metric = CohenKappa()
    >>> metric.update_state([0, 0, 1, 1], [0.2, 0.7, 0.9, 0.6])
    >>> metric.result()
    0.5
    """

    aliases = ("kappa",)
    direction = "max"

    def __init__(self, weights: str | None = None, name: str | None = "cohen_kappa") -> None:
        if weights not in (None, "linear", "quadratic"):
            meant = closest(weights, ("linear", "quadratic"))
            raise ArgumentError("CohenKappa", f"weights={weights!r}", "None, 'linear' or 'quadratic'", meant=meant)
        self.weights = weights
        super().__init__(name)

    def value(self, matrix: np.ndarray) -> float:
        """1 - disagreement / disagreement by chance."""
        expected = np.outer(matrix.sum(axis=1), matrix.sum(axis=0)) / matrix.sum()
        distance = np.abs(np.subtract.outer(*(2 * [np.arange(len(matrix))])))
        disagreement = {None: distance > 0, "linear": distance, "quadratic": distance**2}[self.weights]
        by_chance = (disagreement * expected).sum()
        return float(1 - (disagreement * matrix).sum() / by_chance) if by_chance else float("nan")


def _bins(xp: Any, labels: Array, side: int) -> Array:
    """Labels as row or column of the matrix; the last where they are no whole number from 0 to side - 2."""
    if labels.dtype.kind != "f":
        labels = labels.astype("int64")  # bytes could not hold ``side``
    fits = (labels >= 0) & (labels < side - 1)
    if labels.dtype.kind == "f":
        fits &= labels == xp.floor(labels)
    return xp.where(fits, labels, side - 1).astype("int64")
