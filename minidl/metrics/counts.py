"""Metrics of yes and no: how many outputs are on that should be (true positives), that should not be, and so on.

    precision = TP / (TP + FP)        recall = TP / (TP + FN)

Each output is a question of its own: it is on where its prediction is above a threshold, and should be on where its target is
above 1/2 or a label names it. All outputs of all samples are counted together, unless ``class_id`` picks one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, ShapeError
from minidl.metrics.base import Deciding, host_array
from minidl.metrics.forms import check_labels_or_same, indicators, spread

Thresholds = float | Sequence[float] | None


class Counting(Deciding, abstract=True):
    """Base of what follows from TP, FP, FN and TN at one or several thresholds.

    Attributes:
        on_and_true, on, true, all: sums of weights of outputs that are on and should be, are on, should be on, and of all;
            the first two with an entry for each threshold.
    """

    thresholds: float | tuple[float, ...] | None
    top_k: int | None = None
    class_id: int | None = None
    on_and_true: Any
    on: Any
    true: Any
    all: Any

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape, or labels. Raises ShapeError for others, and where there are too few outputs."""
        check_labels_or_same(y_true, output_shape, where)
        outputs = output_shape[-1]
        if self.class_id is not None and self.class_id >= outputs:
            raise ShapeError(where, f"{outputs} outputs", f"more than class_id={self.class_id}")
        if self.top_k is not None and self.top_k > outputs:
            raise ShapeError(where, f"{outputs} outputs", f"at least top_k={self.top_k}")

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        self.note_nan(y_pred, sample_weight)
        true = indicators(y_true, y_pred)
        if self.top_k is not None:
            y_pred = _only_largest(y_pred, self.top_k)
        if self.class_id is not None:
            true, y_pred = true[..., self.class_id, None], y_pred[..., self.class_id, None]
        xp = backends.array_namespace(y_pred)
        on = [y_pred > threshold for threshold in self._used_thresholds()]
        if sample_weight is None:
            self.on_and_true = self.on_and_true + xp.stack([xp.count_nonzero(o & true) for o in on])
            self.on = self.on + xp.stack([xp.count_nonzero(o) for o in on])
            self.true = self.true + xp.count_nonzero(true)
            self.all = self.all + true.size
        else:
            weights = spread(sample_weight, true.shape, f"metric {self.name!r}")
            self.on_and_true = self.on_and_true + xp.stack([(weights * (o & true)).sum() for o in on])
            self.on = self.on + xp.stack([(weights * o).sum() for o in on])
            self.true = self.true + (weights * true).sum()
            self.all = self.all + weights.sum()

    def result(self) -> Any:
        """The number, or an array with one for each of several thresholds; NaN before the first sample."""
        number = len(self._used_thresholds())
        nan, true, everything = (float(backends.number(x)) for x in (self.nan, self.true, self.all))
        if nan or not everything:
            values = np.full(number, np.nan)
        else:
            on_and_true, on = (host_array(x) for x in (self.on_and_true, self.on))
            values = np.asarray(
                self.value(on_and_true, on - on_and_true, true - on_and_true, everything - on - true + on_and_true)
            )
        return values if isinstance(self.thresholds, tuple) and number > 1 else float(values[0])

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """The metric, of an entry for each threshold."""
        raise NotImplementedError

    def reset(self) -> None:
        """Start again."""
        super().reset()
        self.on_and_true = self.on = self.true = self.all = 0

    def _used_thresholds(self) -> tuple[float, ...]:
        if self.thresholds is None:
            return (0.5,) if self.top_k is None else (float("-inf"),)
        return self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)


class Fraction(Counting, abstract=True):
    """Base of precision and recall."""

    direction = "max"

    def __init__(self, thresholds: Thresholds, top_k: int | None, class_id: int | None, name: str | None) -> None:
        where = type(self).__name__
        self.thresholds = _thresholds(where, thresholds)
        self.top_k = top_k if top_k is None else check_integer(where, "top_k", top_k)
        self.class_id = class_id if class_id is None else check_integer(where, "class_id", class_id, low=0)
        super().__init__(name)


class Precision(Fraction):
    """TP / (TP + FP): how much of what is predicted to be on should be; 0 where nothing is.

    Args:
        thresholds: an output is on where its prediction is above this; several give an array of results. None: 1/2, or
            with ``top_k`` none at all. Give 0 for a model whose predictions are logits.
        top_k: only the k largest predictions of a sample can be on; the first of equal ones.
        class_id: count the output of this class alone.
        name: the key in logs.

    Raises ArgumentTypeError or ArgumentError for other values.

    >>> metric = Precision()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1], sample_weight=[1, 0, 1, 0])
    >>> metric.result()
    0.5
    """

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = "precision",
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """TP / (TP + FP)."""
        return np.divide(tp, tp + fp, out=np.zeros(len(tp)), where=tp + fp > 0)


class Recall(Fraction):
    """TP / (TP + FN): how much of what should be on is predicted to be; 0 where nothing should. Arguments of ``Precision``.

    >>> metric = Recall()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> metric.result()
    0.6666666666666666
    """

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = "recall",
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """TP / (TP + FN)."""
        return np.divide(tp, tp + fn, out=np.zeros(len(tp)), where=tp + fn > 0)


class Number(Counting, abstract=True):
    """Base of the four counts themselves."""

    def __init__(self, thresholds: Thresholds, name: str | None) -> None:
        self.thresholds = _thresholds(type(self).__name__, thresholds)
        super().__init__(name)


class TruePositives(Number):
    """The number (or weight) of outputs that are on and should be.

    Args:
        thresholds: an output is on where its prediction is above this; several give an array. None: 1/2.
        name: the key in logs.

    >>> metric = TruePositives()
    >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
    >>> metric.result()
    2.0
    """

    direction = "max"

    def __init__(self, thresholds: Thresholds = None, name: str | None = "true_positives") -> None:
        super().__init__(thresholds, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """TP."""
        return tp


class FalsePositives(Number):
    """The number (or weight) of outputs that are on and should not be; arguments of ``TruePositives``."""

    direction = "min"

    def __init__(self, thresholds: Thresholds = None, name: str | None = "false_positives") -> None:
        super().__init__(thresholds, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """FP."""
        return fp


class FalseNegatives(Number):
    """The number (or weight) of outputs that are off and should be on; arguments of ``TruePositives``."""

    direction = "min"

    def __init__(self, thresholds: Thresholds = None, name: str | None = "false_negatives") -> None:
        super().__init__(thresholds, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """FN."""
        return fn


class TrueNegatives(Number):
    """The number (or weight) of outputs that are off and should be; arguments of ``TruePositives``."""

    direction = "max"

    def __init__(self, thresholds: Thresholds = None, name: str | None = "true_negatives") -> None:
        super().__init__(thresholds, name)

    def value(self, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
        """TN."""
        return tn


def _only_largest(y_pred: Array, k: int) -> Array:
    """The k largest predictions of each sample, the first of equal ones; the others are minus infinity."""
    xp = backends.array_namespace(y_pred)
    falling = xp.argsort(-y_pred.astype("float64"), axis=-1, kind="stable")
    place = xp.argsort(falling, axis=-1, kind="stable")  # of each prediction, from the largest
    return xp.where(place < k, y_pred, -xp.inf)


def _thresholds(where: str, thresholds: Any) -> float | tuple[float, ...] | None:
    """Checked: None, a number, or several as a tuple."""
    if thresholds is None or not isinstance(thresholds, (list, tuple, np.ndarray)):
        return thresholds if thresholds is None else check_number(where, "thresholds", thresholds)
    if not len(thresholds):
        raise ArgumentError(where, "thresholds without entries", "None, a number or several")
    return tuple(check_number(where, "thresholds", threshold) for threshold in thresholds)
