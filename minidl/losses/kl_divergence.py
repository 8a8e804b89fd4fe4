"""The Kullback-Leibler divergence; the mathematics stands in ``minidl/ops/kl_divergence.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.losses.base import Loss, epsilon_of
from minidl.losses.targets import check_distributions, check_one_hot_shape
from minidl.ops.kl_divergence import kl_divergence, kl_divergence_grad


class KLDivergence(Loss):
    """L_i = sum_j t_j log(t_j / p_j) of true and predicted distributions (n, ..., k), both cut to [1e-7, 1] first.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = KLDivergence().apply(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]))
    >>> round(float(value), 4)
    0.6931
    """

    aliases = ("kld", "kullback_leibler_divergence")
    checks_finite = True
    default_accuracy = "categorical"

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Distributions of the predictions' shape; integer labels are refused with the way to make one-hot rows of them."""
        check_one_hot_shape(y_true, output_shape, where, "sparse_categorical_crossentropy")

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``, and rows that are distributions, unless they weigh 0. Raises DataError, naming value and index."""
        self.check(y_true, output_shape, where)
        check_distributions(y_true, where, weight)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return kl_divergence(y_pred, targets, epsilon_of(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return kl_divergence_grad(kept, targets, scale, epsilon_of(kept))
