"""The squared error, as mean and as sum; the mathematics stands in ``minidl/ops/squared_error.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss
from minidl.ops.squared_error import squared_error, squared_error_grad, sum_squared_error, sum_squared_error_grad


class MeanSquaredError(Loss):
    """L_i = (1 / k) sum_j (p_j - t_j)^2 over the k outputs of a sample, targets of the predictions' shape.

    Args:
        reduction, name: see ``Loss``.

    Source: Ghent 6, Lecture 2020.

    >>> import numpy as np
    >>> value, saved = MeanSquaredError().apply(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    >>> float(value), MeanSquaredError().gradient(saved).tolist()
    (2.0, [[0.0, 2.0]])
    """

    aliases = ("mse",)
    replays = True

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return squared_error(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return squared_error_grad(kept, targets, scale)


class SumSquaredError(Loss):
    """L_i = sum_j (p_j - t_j)^2 over the k outputs of a sample: k times the mean squared error.

    The mean over the samples is taken as in every loss; ``SumSquaredError(reduction="sum")`` is the sum over all of a batch.

    Args:
        reduction, name: see ``Loss``.

    Source: Ghent 6, Lecture 2020 ("SSE").

    >>> import numpy as np
    >>> value, saved = SumSquaredError().apply(np.array([[1.0, 3.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]]))
    >>> float(value), SumSquaredError().gradient(saved).tolist()
    (2.0, [[0.0, 2.0], [0.0, 0.0]])
    """

    aliases = ("sse", "sum_of_squared_errors")
    replays = True

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return sum_squared_error(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return sum_squared_error_grad(kept, targets, scale)
