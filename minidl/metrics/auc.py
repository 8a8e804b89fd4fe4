"""Area under a curve that a threshold draws as it falls from above the largest score to below the smallest.

    ROC    x = FP / N        y = TP / P                  P, N: weight of what should be on, and of what should not
    PR     x = TP / P        y = TP / (TP + FP), 0 where nothing is on

Exactly: a point for every score that occurs, equal scores together. From point a to the next one b the area grows by

    "interpolation"   (x_b - x_a) (y_a + y_b) / 2                          ROC: the probability that a random positive has
                                                                          a larger score than a random negative, ties half
                      s (TP_b - TP_a + c log((TP_b + FP_b) / (TP_a + FP_a))) / P             PR: TP and FP grow linearly,
                      s = (TP_b - TP_a) / (TP_b + FP_b - TP_a - FP_a), c = TP_a - s (TP_a + FP_a);  s (TP_b - TP_a) / P at first
    "minoring"        (x_b - x_a) min(y_a, y_b)
    "majoring"        (x_b - x_a) max(y_a, y_b)
    "step"            (x_b - x_a) y_b                                      PR: average precision

Source: J. Davis, M. Goadrich, "The relationship between precision-recall and ROC curves" (2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, ShapeError, closest
from minidl.metrics.base import Deciding
from minidl.metrics.forms import check_labels_or_same, indicators, spread

_CURVES = ("ROC", "PR")
_METHODS = ("interpolation", "minoring", "majoring", "step")

_Chunk = tuple[Array, Array, Array | None]  # scores and targets (n, outputs), weights of the same shape or none


class AUC(Deciding):
    """Area under the ROC or the precision-recall curve, exact over the whole set.

    It keeps a copy of what it has seen in a pass, on the device: for each output of each sample the score (4 bytes in
    float32), the target (1 byte) and, where weights are given, the weight (8 bytes); ``result`` sorts them. For millions of
    samples ``num_thresholds`` or ``thresholds`` is quicker: it keeps sums for these thresholds alone and approximates the
    area, as Keras does.

    The area is NaN while all samples are of one class (the precision-recall curve needs only that some should be on).

    Args:
        num_thresholds: None: exact. A number > 1: as many thresholds, evenly from just below 0 to just above 1.
        curve: ``"ROC"`` or ``"PR"``.
        summation_method: how points are joined, see the formulas: ``"interpolation"``, ``"minoring"`` and ``"majoring"``
            (bounds), or ``"step"``, which for ``curve="PR"`` is the average precision of scikit-learn.
        name: the key in logs.
        thresholds: thresholds between 0 and 1 in place of ``num_thresholds``.
        multi_label: False: each output of each sample is one yes or no, all of them on one curve. True: the mean of the
            areas of single outputs.
        num_labels: how many outputs there must be, with ``multi_label``; None: any number.
        label_weights: a weight for each output: in the mean of areas, or, on one curve, of its entries.
        from_logits: True: predictions are logits. It matters for thresholds only, as a sigmoid keeps the order of scores.

    Targets are of the predictions' shape or labels. Raises ArgumentTypeError or ArgumentError for other values.

    >>> metric = AUC()
    >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> metric.result()
    0.75
    """

    direction = "max"
    sums: Any
    _chunks: list[_Chunk]
    _seen: float | None  # the area, until there are new samples

    def __init__(
        self,
        num_thresholds: int | None = None,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = "auc",
        *,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if num_thresholds is not None and thresholds is not None:
            raise ArgumentError("AUC", "num_thresholds and thresholds", "one of them")
        self.num_thresholds = (
            num_thresholds if num_thresholds is None else check_integer("AUC", "num_thresholds", num_thresholds, 2)
        )
        self.curve = _one_of("curve", str(curve).upper(), _CURVES)
        self.summation_method = _one_of("summation_method", str(summation_method).lower(), _METHODS)
        self.thresholds = (
            thresholds
            if thresholds is None
            else tuple(check_number("AUC", "thresholds", threshold, 0, np.nextafter(1, 2)) for threshold in thresholds)
        )
        self.multi_label = check_flag("AUC", "multi_label", multi_label)
        self.num_labels = num_labels if num_labels is None else check_integer("AUC", "num_labels", num_labels)
        if num_labels is not None and not multi_label:
            raise ArgumentError("AUC", f"num_labels={num_labels}", "multi_label=True with it")
        self.label_weights = (
            label_weights
            if label_weights is None
            else tuple(check_number("AUC", "label_weights", weight, 0) for weight in label_weights)
        )
        self.from_logits = check_flag("AUC", "from_logits", from_logits)
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape, or labels. Raises ShapeError for others, or for another number of outputs."""
        check_labels_or_same(y_true, output_shape, where)
        for name, number in (
            ("num_labels", self.num_labels),
            ("label_weights", self.label_weights and len(self.label_weights)),
        ):
            if number is not None and number != output_shape[-1]:
                raise ShapeError(where, f"{output_shape[-1]} outputs", f"{number}, as many as {name} says")

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        self.note_nan(y_pred, sample_weight)
        true = indicators(y_true, y_pred)
        weights = None if sample_weight is None else spread(sample_weight, y_pred.shape, f"metric {self.name!r}")
        columns = y_pred.shape[-1] if self.multi_label else 1
        if self.label_weights is not None and not self.multi_label:
            of_labels = backends.array_namespace(y_pred).asarray(self.label_weights)
            weights = backends.array_namespace(y_pred).broadcast_to(of_labels, y_pred.shape) * (
                1.0 if weights is None else weights
            )
        scores, true = y_pred.reshape(-1, columns), true.reshape(-1, columns)
        weights = None if weights is None else weights.reshape(-1, columns)
        if self.num_thresholds is not None or self.thresholds is not None:
            self._count(scores, true, weights)
        else:  # copies: where steps are replayed from a recording, the next one is written to the same memory
            self._keep((scores.copy(), true.copy(), None if weights is None else weights.copy()))
        self._seen = None

    def result(self) -> float:
        """The area of all samples so far; NaN before there are both classes."""
        if self._seen is None:  # the progress bar asks often
            areas = self._areas()
            weights = self.label_weights if self.multi_label and self.label_weights else (1.0,) * len(areas)
            counting = [(area, weight) for area, weight in zip(areas, weights) if weight]
            total = sum(weight for _, weight in counting)
            self._seen = sum(area * weight for area, weight in counting) / total if total else float("nan")
        return self._seen

    def reset(self) -> None:
        """Start again, and let go of what was kept."""
        super().reset()
        self._chunks = []
        self.sums = 0
        self._seen = float("nan")

    # -- exact: all scores are kept ------------------------------------------------------------------------------------

    def _keep(self, batch: _Chunk) -> None:
        """Add a batch to the list; parts of like length are joined, so that few are left and each is copied seldom."""
        chunks = [*self._chunks, batch]  # a new list: a copy of the metric goes on with its own
        while len(chunks) > 1 and len(chunks[-1][0]) >= len(chunks[-2][0]):
            chunks[-2:] = [_joined(chunks[-2:])]
        self._chunks = chunks

    # -- approximate: sums at thresholds -----------------------------------------------------------------------------------

    def _count(self, scores: Array, true: Array, weights: Array | None) -> None:
        xp = backends.array_namespace(scores)
        if self.from_logits:
            scores = 1 / (1 + xp.exp(-scores.astype("float64")))
        thresholds = xp.asarray(self._thresholds().astype(scores.dtype if scores.dtype.kind == "f" else "float64"))
        labels, bins = scores.shape[1], len(thresholds) + 1
        above = xp.searchsorted(thresholds, scores.ravel(), side="left").reshape(scores.shape)  # thresholds below the score
        cells = (true * bins + above) * labels + xp.arange(labels)
        sums = xp.zeros(2 * bins * labels)
        xp.add.at(sums, cells.ravel(), 1.0 if weights is None else weights.ravel())
        self.sums = self.sums + sums.reshape(2, bins, labels)

    def _thresholds(self) -> np.ndarray:
        if self.thresholds is not None:
            inner = np.sort(self.thresholds)
        else:
            assert self.num_thresholds is not None
            inner = np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1)
        return np.array([-config.epsilon(), *inner, 1 + config.epsilon()])

    # -- the area ------------------------------------------------------------------------------------------------------------

    def _areas(self) -> list[float]:
        """That of each output, or of all together."""
        if backends.number(self.nan):
            return [float("nan")]
        if not self._chunks:
            if isinstance(self.sums, int):
                return []
            off, on = backends.backend_of(self.sums).to_numpy(self.sums)
            tp, fp = (np.cumsum(a[:0:-1], axis=0) for a in (on, off))  # from the highest threshold downwards
            positive, negative = on.sum(axis=0), off.sum(axis=0)
            return [self._area(tp[:, i], fp[:, i], positive[i], negative[i]) for i in range(len(positive))]
        self._chunks = [_joined(self._chunks)]
        scores, true, weights = self._chunks[0]
        curves = (
            _curve(scores[:, i], true[:, i], weights if weights is None else weights[:, i]) for i in range(scores.shape[1])
        )
        return [self._area(tp, fp, tp[-1], fp[-1]) for tp, fp in curves]

    def _area(self, tp: Array, fp: Array, positive: Any, negative: Any) -> float:
        """Of points in the order of falling thresholds."""
        xp = backends.array_namespace(tp)
        with np.errstate(all="ignore"):
            if self.curve == "PR" and self.summation_method == "interpolation":
                on = tp + fp
                more_true, more = tp[1:] - tp[:-1], on[1:] - on[:-1]
                slope = xp.where(more > 0, more_true / more, 0.0)
                ratio = xp.where((on[:-1] > 0) & (on[1:] > 0), on[1:] / on[:-1], 1.0)
                grown = more_true + (tp[:-1] - slope * on[:-1]) * xp.log(ratio)
                return float(backends.number((slope * grown).sum() / positive))
            if self.curve == "ROC":
                x, y = fp / negative, tp / positive
            else:
                x, y = tp / positive, xp.where(tp + fp > 0, tp / (tp + fp), 0.0)
            before, after = y[:-1], y[1:]
            heights = {
                "interpolation": lambda: (before + after) / 2,
                "minoring": lambda: xp.minimum(before, after),
                "majoring": lambda: xp.maximum(before, after),
                "step": lambda: after,
            }[self.summation_method]()
            known = (positive > 0) & ((negative > 0) | (self.curve == "PR"))
            return float(backends.number(xp.where(known, ((x[1:] - x[:-1]) * heights).sum(), np.nan)))


def _joined(chunks: list[_Chunk]) -> _Chunk:
    """Batches as one; where only some have weights, the others weigh 1."""
    if len(chunks) == 1:
        return chunks[0]
    xp = backends.array_namespace(chunks[0][0])
    scores, true = (xp.concatenate([chunk[i] for chunk in chunks]) for i in (0, 1))
    if all(weights is None for _, _, weights in chunks):
        return scores, true, None
    return scores, true, xp.concatenate([xp.ones(s.shape) if w is None else w for s, _, w in chunks])


def _curve(scores: Array, true: Array, weights: Array | None) -> tuple[Array, Array]:
    """TP and FP of falling thresholds: behind (0, 0) a point for each sample, the same one for equal scores."""
    xp = backends.array_namespace(scores)
    falling = -(scores if scores.dtype.kind == "f" else scores.astype("float64"))
    order = xp.argsort(falling)
    falling, true = falling[order], true[order]
    on, off = (true, ~true) if weights is None else (weights[order] * true, weights[order] * ~true)
    last = xp.searchsorted(falling, falling, side="right") - 1  # of the samples with this score
    tp, fp = (xp.concatenate([xp.zeros(1), xp.cumsum(a.astype("float64"))[last]]) for a in (on, off))
    return tp, fp


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        expected = " or ".join(map(repr, choices))
        raise ArgumentError("AUC", f"{name}={value!r}", expected, meant=closest(value, choices))
    return value
