"""How far predictions of numbers are from their targets; errors are computed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_integer
from minidl.errors import ArgumentError, ShapeError, closest
from minidl.metrics.base import Metric, on_host
from minidl.metrics.forms import check_same, like_predictions, spread


class OfNumbers(Metric, abstract=True):
    """Base of metrics whose targets are numbers, of the predictions' shape."""

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape. Raises ShapeError for others."""
        check_same(y_true, output_shape, where)


class MeanSquaredError(OfNumbers):
    """The mean of (target - prediction)^2.

    >>> metric = MeanSquaredError()
    >>> metric.update_state([1, 2, 3], [1, 2, 6])
    >>> metric.result()
    3.0
    """

    aliases = ("mse",)
    direction = "min"

    def __init__(self, name: str | None = "mean_squared_error") -> None:
        super().__init__(name)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """The mean over the outputs, (n, ...)."""
        return (_error(y_true, y_pred) ** 2).mean(axis=-1)


class RootMeanSquaredError(MeanSquaredError):
    """The square root of the mean of (target - prediction)^2 over all outputs of all samples.

    >>> metric = RootMeanSquaredError()
    >>> metric.update_state([1, 2, 3, 4], [1, 2, 3, 8])
    >>> metric.result()
    2.0
    """

    aliases = ("rmse",)

    def __init__(self, name: str | None = "root_mean_squared_error") -> None:
        super().__init__(name)

    def result(self) -> float:
        """The root of the mean so far; NaN before the first sample."""
        return float(super().result() ** 0.5)


class MeanAbsoluteError(OfNumbers):
    """The mean of |target - prediction|.

    >>> metric = MeanAbsoluteError()
    >>> metric.update_state([1, 2, 3], [1, 2, 6])
    >>> metric.result()
    1.0
    """

    aliases = ("mae",)
    direction = "min"

    def __init__(self, name: str | None = "mean_absolute_error") -> None:
        super().__init__(name)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """The mean over the outputs, (n, ...)."""
        return abs(_error(y_true, y_pred)).mean(axis=-1)


class CosineSimilarity(OfNumbers):
    """The mean of sum_j t_j p_j / (|t| |p|): 1 for the same direction, -1 for the opposite; 0 where a vector is zero.

    The loss of the same name has the other sign.

    Args:
        name: the key in logs.
        axis: where the vectors lie; not 0, the samples.

    Raises ArgumentTypeError or ArgumentError for another axis.

    >>> metric = CosineSimilarity()
    >>> metric.update_state([[0, 1], [1, 1]], [[1, 0], [2, 2]])
    >>> round(metric.result(), 12)
    0.5
    """

    direction = "max"

    def __init__(self, name: str | None = "cosine_similarity", *, axis: int = -1) -> None:
        self.axis = check_integer("CosineSimilarity", "axis", axis, low=-64)
        if not axis:
            raise ArgumentError("CosineSimilarity", "axis=0", "an axis behind that of the samples")
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape, which has this axis. Raises ShapeError for others."""
        super().check(y_true, output_shape, where)
        if not -len(output_shape) < self.axis < len(output_shape):
            raise ShapeError(where, f"predictions of shape {output_shape}", f"an axis {self.axis} behind the first")

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """The cosine of each pair of vectors, (n, ...)."""
        xp = backends.array_namespace(y_pred)
        t, p = like_predictions(y_true, y_pred).astype("float64"), y_pred.astype("float64")
        lengths = xp.sqrt((t**2).sum(axis=self.axis)) * xp.sqrt((p**2).sum(axis=self.axis))
        return xp.where(lengths == 0, 0.0, (t * p).sum(axis=self.axis) / lengths)


class R2Score(OfNumbers):
    """The coefficient of determination of each output, R2 = 1 - sum (t - p)^2 / sum (t - mean t)^2, and their mean.

    Of an output whose targets are all equal R2 is 1 where it is met exactly, else 0. NaN for fewer than two samples.

    Args:
        class_aggregation: ``"uniform_average"`` is the mean over the outputs, ``"variance_weighted_average"`` weighs them by
            the variance of their targets, None gives an array with the R2 of each (a float where there is one output).
        num_regressors: p > 0 gives the adjusted R2, 1 - (1 - R2) (n - 1) / (n - p - 1), for n samples; NaN for n <= p + 1.
        name: the key in logs.

    Raises ArgumentTypeError or ArgumentError for other values.

    >>> metric = R2Score()
    >>> metric.update_state([1, 4, 3], [2, 4, 4])
    >>> round(metric.result(), 6)
    0.571429
    """

    usual_name = "r2_score"
    aliases = ("r2_score", "r2")
    direction = "max"
    origin: Any
    weight: Any
    mean: Any
    squares: Any
    errors: Any

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
    ) -> None:
        choices = ("uniform_average", "variance_weighted_average")
        if class_aggregation is not None and class_aggregation not in choices:
            expected = f"None, {' or '.join(map(repr, choices))}"
            meant = closest(class_aggregation, choices)
            raise ArgumentError("R2Score", f"class_aggregation={class_aggregation!r}", expected, meant=meant)
        self.class_aggregation = class_aggregation
        self.num_regressors = check_integer("R2Score", "num_regressors", num_regressors, low=0)
        super().__init__(name)

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch.

        Of each part of the data are kept: its weight, and of each output the mean of the targets, their squares about that
        mean, and the squared errors. Two parts a and b make one, whose squares about the mean are

            squares_a + squares_b + (mean_a - mean_b)^2 weight_a weight_b / (weight_a + weight_b)

        which loses no digits where sums of squares would (T. Chan, G. Golub, R. LeVeque, 1979).
        """
        if not y_pred.size:
            return
        xp = backends.array_namespace(y_pred)
        outputs = y_pred.shape[-1]
        error = _error(y_true, y_pred).reshape(-1, outputs)
        targets = like_predictions(y_true, y_pred).astype("float64").reshape(-1, outputs)
        if sample_weight is None:
            weights, counts = xp.ones((len(targets), 1)), len(targets)
        else:
            weights = spread(sample_weight, y_pred.shape[:-1], f"metric {self.name!r}").reshape(-1, 1)
            absent = weights == 0
            error, targets = xp.where(absent, 0.0, error), xp.where(absent, 0.0, targets)
            counts = xp.count_nonzero(weights)
        if self.origin is None:  # a target: what all of them have in common would otherwise round differently in each batch
            largest = xp.max(xp.where(weights > 0, targets, -xp.inf), axis=0)
            self.origin = xp.where(xp.isfinite(largest), largest, 0.0)
        targets = targets - self.origin
        weight = weights.sum()
        mean = (weights * targets).sum(axis=0) / xp.where(weight > 0, weight, 1.0)
        together = self.weight + weight
        share = self.weight * weight / xp.where(together > 0, together, 1.0)
        self.squares = self.squares + (weights * (targets - mean) ** 2).sum(axis=0) + (mean - self.mean) ** 2 * share
        self.mean = self.mean + (mean - self.mean) * weight / xp.where(together > 0, together, 1.0)
        self.errors = self.errors + (weights * error**2).sum(axis=0)
        self.weight, self.count = together, self.count + counts

    def result(self) -> Any:
        """R2 of all samples."""
        (count,) = on_host(self.count)
        if isinstance(self.squares, float):
            return float("nan")
        backend = backends.backend_of(self.squares)
        squares, errors = backend.to_numpy(self.squares), backend.to_numpy(self.errors)
        with np.errstate(all="ignore"):
            scores = np.where(squares != 0, 1 - errors / squares, np.where(errors != 0, 0.0, 1.0))
            scores = np.where(np.isnan(errors), np.nan, scores)
            if self.class_aggregation == "variance_weighted_average":
                scores = (squares * scores).sum(keepdims=True) / squares.sum() if squares.any() else scores.mean(keepdims=True)
            elif self.class_aggregation == "uniform_average":
                scores = scores.mean(keepdims=True)
        if count < 2:
            scores = np.full(scores.shape, np.nan)
        if self.num_regressors:
            left = count - self.num_regressors - 1
            scores = 1 - (1 - scores) * (count - 1) / left if left > 0 else np.full(scores.shape, np.nan)
        return scores if len(scores) > 1 else float(scores[0])

    def reset(self) -> None:
        """Start again."""
        self.origin = None
        self.weight = self.mean = self.squares = self.errors = 0.0
        self.count = 0


def _error(y_true: Array, y_pred: Array) -> Array:
    return like_predictions(y_true, y_pred).astype("float64", copy=False) - y_pred
