"""Huber's loss; the mathematics stands in ``minidl/ops/huber.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.checks import check_number
from minidl.errors import ArgumentError
from minidl.losses.base import Loss
from minidl.ops.huber import huber, huber_grad


class Huber(Loss):
    """Squared for small errors, absolute for large ones: L_i is the mean over the outputs of a sample of

        e^2 / 2 where |e| <= delta,  delta |e| - delta^2 / 2 elsewhere,  e = p - t

    Args:
        delta: the size of error, > 0, at which the one becomes the other.
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = Huber().apply(np.array([[0.5, 3.0]]), np.array([[0.0, 0.0]]))
    >>> float(value), Huber().gradient(saved).tolist()
    (1.3125, [[0.25, 0.5]])
    """

    aliases = ("huber_loss",)

    def __init__(self, delta: float = 1.0, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.delta = check_number("Huber", "delta", delta, 0)
        if not self.delta:
            raise ArgumentError("Huber", f"delta={delta!r}", "a positive number")

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return huber(y_pred, targets, self.delta), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return huber_grad(kept, targets, scale, self.delta)
