"""Intersection over union (Jaccard index), which judges segmentation: each class is the set of places that have its label.

    IoU = |targets and predictions| / |targets or predictions| = TP / (TP + FP + FN)

Source: P. Jaccard, "The distribution of the flora in the alpine zone" (1912).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.metrics.agreement import OfMatrix
from minidl.metrics.base import Metric
from minidl.metrics.forms import check_same, like_predictions, spread


class IoU(OfMatrix):
    """Intersection over union, TP / (TP + FP + FN), of single classes: the mean over ``target_class_ids``.

    Classes that occur neither among the targets nor among the predictions are left out; NaN where none does.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes of the mean.
        name: the key in logs.
        ignore_class: samples or places with this label do not count, for example 255 or -1.
        sparse_y_true: True: targets are labels; False: they are rows (..., num_classes), the largest entry being the class.
        sparse_y_pred: the same for predictions. A model with a softmax needs ``sparse_y_pred=False``.

    Raises ArgumentTypeError or ArgumentError for other values.

    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1], sample_weight=[0.25, 0.25, 0.25, 0.25])
    >>> metric.result()
    0.3333333333333333
    """

    usual_name = "iou"
    direction = "max"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = "io_u",
        *,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
    ) -> None:
        self._set(num_classes, target_class_ids, ignore_class, sparse_y_true, sparse_y_pred)
        super().__init__(name)

    def _set(
        self, num_classes: Any, target_class_ids: Any, ignore_class: Any, sparse_y_true: bool, sparse_y_pred: bool
    ) -> None:
        where = type(self).__name__
        self.num_classes = check_integer(where, "num_classes", num_classes, low=2)
        given = target_class_ids if hasattr(target_class_ids, "__len__") else (target_class_ids,)
        ids = tuple(check_integer(where, "target_class_ids", i, low=0) for i in given)
        if not ids or max(ids) >= self.num_classes:
            raise ArgumentError(where, f"target_class_ids={target_class_ids!r}", f"classes from 0 to {self.num_classes - 1}")
        self.target_class_ids = ids
        self.ignore_class = None if ignore_class is None else check_integer(where, "ignore_class", ignore_class, low=-(2**31))
        self.sparse_y_true = check_flag(where, "sparse_y_true", sparse_y_true)
        self.sparse_y_pred = check_flag(where, "sparse_y_pred", sparse_y_pred)

    def classes(self, output_shape: tuple[int, ...]) -> int:
        """``num_classes``."""
        return self.num_classes

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Labels or rows, as ``sparse_y_true`` and ``sparse_y_pred`` say. Raises ShapeError for others."""
        if not self.sparse_y_pred and output_shape[-1] != self.num_classes:
            fix = "BinaryIoU()" if output_shape[-1] == 1 else f"num_classes={output_shape[-1]}"
            raise ShapeError(where, f"{output_shape[-1]} outputs", f"num_classes={self.num_classes} of them", fix)
        if not self.sparse_y_true and y_true.shape[-1] != self.num_classes:
            expected = f"rows of num_classes={self.num_classes} numbers"
            raise ShapeError(where, f"targets of shape {y_true.shape}", expected, "sparse_y_true=True, if they are labels")
        places = self._places(output_shape)
        if self.sparse_y_true:
            fits: tuple[tuple[int, ...], ...] = (places, (*places, 1))
        else:
            fits = ((*places, self.num_classes),)
        if y_true.shape not in fits:
            scores = self.sparse_y_pred and y_true.shape in (output_shape[:-1], (*output_shape[:-1], 1))
            rows = self.sparse_y_true and y_true.shape == (*places, self.num_classes)
            fix = "sparse_y_pred=False, for predictions that are scores of classes" if scores else ""
            fix = "sparse_y_true=False, for one-hot targets" if rows else fix
            raise ShapeError(where, f"targets of shape {y_true.shape}", " or ".join(map(str, fits)), fix)

    def _places(self, output_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of predicted labels: without the axis of classes, or one axis of a single label."""
        labels = self.sparse_y_pred and (output_shape[-1] > 1 or len(output_shape) == 1)
        return output_shape if labels else output_shape[:-1]

    def labels(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Classes of targets and predictions, (n, ...)."""
        places = self._places(y_pred.shape)
        true = y_true.reshape(places) if self.sparse_y_true else y_true.argmax(axis=-1)
        if self.sparse_y_pred:
            return true, y_pred.reshape(places)
        xp = backends.array_namespace(y_pred)
        return true, xp.where((y_pred != y_pred).any(axis=-1), -1, y_pred.argmax(axis=-1))

    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        if self.ignore_class is not None:
            true, _ = self.labels(y_true, y_pred)
            counts = (true.astype("float64") != self.ignore_class).astype("float64")
            sample_weight = counts if sample_weight is None else counts * spread(sample_weight, true.shape, self.name)
        super().update(y_true, y_pred, sample_weight)

    def value(self, matrix: np.ndarray) -> float:
        """The mean of the target classes' numbers."""
        right = matrix.diagonal()
        union = matrix.sum(axis=0) + matrix.sum(axis=1) - right
        ids = [i for i in self.target_class_ids if union[i] > 0]
        return float((right[ids] / union[ids]).mean()) if ids else float("nan")

    def _fix(self) -> str:
        return "ignore_class=..., or a weight of 0, for places without a class"

    def _of_no_class(self, last: int) -> float:
        if not self.sparse_y_pred:
            return float("nan")
        fix = "sparse_y_pred=False for scores of classes, BinaryIoU() for one output"
        expected = f"labels, whole numbers from 0 to {last}"
        raise DataError(f"metric {self.name!r}: y_pred", "predictions that are no classes", expected, fix)


class BinaryIoU(IoU):
    """``IoU`` of two classes: a prediction of at least ``threshold`` means class 1.

    Args:
        target_class_ids: the classes of the mean.
        threshold: 0 for a model that gives logits.
        name: the key in logs.

    >>> metric = BinaryIoU(threshold=0.3)
    >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    >>> metric.result()
    0.3333333333333333
    """

    usual_name = "binary_iou"
    aliases = ("binary_iou",)

    def __init__(self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = "binary_io_u") -> None:
        self._set(2, target_class_ids, None, True, True)
        self.threshold = check_number("BinaryIoU", "threshold", threshold)
        Metric.__init__(self, name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Targets of the predictions' shape. Raises ShapeError for others."""
        check_same(y_true, output_shape, where)

    def labels(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """0 or 1 for each output; -1 where the prediction is NaN."""
        xp = backends.array_namespace(y_pred)
        return like_predictions(y_true, y_pred) > 0.5, xp.where(y_pred != y_pred, -1, y_pred >= self.threshold)

    def _of_no_class(self, last: int) -> float:
        return float("nan")


class MeanIoU(IoU):
    """The mean intersection over union of all classes; arguments of ``IoU``.

    >>> metric = MeanIoU(num_classes=2)
    >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
    >>> metric.result()
    0.3333333333333333
    """

    usual_name = "mean_iou"
    aliases = ("mean_iou",)

    def __init__(
        self,
        num_classes: int,
        name: str | None = "mean_io_u",
        *,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
    ) -> None:
        classes = range(check_integer(type(self).__name__, "num_classes", num_classes, low=2))
        super().__init__(
            num_classes, classes, name, ignore_class=ignore_class, sparse_y_true=sparse_y_true, sparse_y_pred=sparse_y_pred
        )


class OneHotIoU(IoU):
    """``IoU`` of one-hot targets and scores of classes; ``sparse_y_pred=True`` for predictions that are labels.

    >>> metric = OneHotIoU(num_classes=3, target_class_ids=[0, 2])
    >>> y_true = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]
    >>> metric.update_state(y_true, [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]])
    >>> metric.result()
    0.16666666666666666
    """

    usual_name = "one_hot_iou"
    aliases = ("one_hot_iou",)

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = "one_hot_io_u",
        *,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, ignore_class=ignore_class, sparse_y_true=False, sparse_y_pred=sparse_y_pred
        )


class OneHotMeanIoU(MeanIoU):
    """``MeanIoU`` of one-hot targets and scores of classes; ``sparse_y_pred=True`` for predictions that are labels.

    >>> metric = OneHotMeanIoU(num_classes=3)
    >>> y_true = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]
    >>> metric.update_state(y_true, [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.5, 0.3, 0.1], [0.1, 0.4, 0.5]])
    >>> metric.result()
    0.1111111111111111
    """

    usual_name = "one_hot_mean_iou"
    aliases = ("one_hot_mean_iou",)

    def __init__(
        self,
        num_classes: int,
        name: str | None = "one_hot_mean_io_u",
        *,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
    ) -> None:
        super().__init__(num_classes, name, ignore_class=ignore_class, sparse_y_true=False, sparse_y_pred=sparse_y_pred)
