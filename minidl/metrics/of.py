"""Losses and plain functions as metrics: the mean of what they say of each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import losses
from minidl.backend import Array
from minidl.declared import snake_case
from minidl.losses import Loss
from minidl.metrics.base import Metric
from minidl.metrics.forms import as_column


class OfFunction(Metric, abstract=True):
    """The mean of ``function(y_true, y_pred)``, which gives one number per sample.

    Args:
        function: of arrays on their device.
        name: the key in logs; None: the function's.

    >>> import numpy as np
    >>> def largest(y_true, y_pred):
    ...     return y_pred.max(axis=-1)
    >>> metric = OfFunction(largest)
    >>> metric.update_state([0, 1], [[0.25, 0.5], [0.75, 0.25]])
    >>> metric.name, metric.result()
    ('largest', 0.625)
    """

    def __init__(self, function: Callable[[Array, Array], Array], name: str | None = None) -> None:
        self.function = function
        super().__init__(name or getattr(function, "__name__", None) or snake_case(type(function).__name__))

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """What the function says, of targets (n,) as a column where the output is one."""
        values = self.function(as_column(y_true, y_pred), y_pred)
        return backends.current().asarray(values, None, f"metric {self.name!r}")


class OfLoss(Metric):
    """The mean of a loss, each sample by its weight.

    Args:
        loss: a Loss or the name of one.
        name: the key in logs; None: the loss's class name in snake case.

    >>> metric = OfLoss("mse")
    >>> metric.update_state([1, 2, 3], [1.0, 2.0, 6.0])
    >>> metric.name, metric.result()
    ('mean_squared_error', 3.0)
    """

    direction = "min"

    def __init__(self, loss: str | Loss, name: str | None = None) -> None:
        self.loss = losses.get(loss)
        super().__init__(name or getattr(self.loss, "name", None) or snake_case(type(self.loss).__name__))

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """As the loss does."""
        self.loss.check(y_true, output_shape, where)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """The loss of each sample."""
        if y_pred.dtype.kind != "f":
            y_pred = y_pred.astype(np.float64)
        return self.loss.per_sample(y_pred, self.loss.prepare(y_true, y_pred))[0]
