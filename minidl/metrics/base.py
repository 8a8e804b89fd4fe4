"""A metric sums numbers over batches on the device where they arise; only ``result`` brings them to the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.declared import Declared


class Metric(Declared):
    """The weighted mean of a number per sample; subclasses define ``per_sample``.

    >>> import numpy as np
    >>> from minidl.metrics import Accuracy
    >>> metric = Accuracy("sparse")
    >>> metric.update(np.array([1, 0]), np.array([[0.2, 0.8], [0.1, 0.9]]))
    >>> metric.result()
    0.5
    """

    table = "metric"
    name = "metric"
    total: Any
    count: Any

    def __init__(self) -> None:
        self.reset()

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """One number per sample, (n, ...)."""
        raise NotImplementedError

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Raise ShapeError or DataError for targets (a host array) the metric cannot be had from; asked before training."""

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Take in a batch."""
        values = self.per_sample(y_true, y_pred).astype("float64")
        if sample_weight is None:
            self.total = self.total + values.sum()
            self.count = self.count + values.size
        else:
            xp = backends.array_namespace(values)
            shaped = sample_weight.reshape(sample_weight.shape + (1,) * (values.ndim - sample_weight.ndim))
            weights = xp.broadcast_to(shaped, values.shape)
            self.total = self.total + (values * weights).sum()
            self.count = self.count + weights.sum()

    def result(self) -> float:
        """The mean so far; NaN before the first batch."""
        total, count = backends.number(self.total), backends.number(self.count)
        return total / count if count else float("nan")

    def reset(self) -> None:
        """Start again."""
        self.total = 0.0
        self.count = 0
