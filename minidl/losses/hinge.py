"""Hinge losses; the mathematics stands in ``minidl/ops/hinge.py`` and ``minidl/ops/categorical_hinge.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace
from minidl.losses.base import Loss
from minidl.losses.targets import check_distributions, check_one_hot_shape, check_signs
from minidl.ops.categorical_hinge import categorical_hinge, categorical_hinge_grad
from minidl.ops.hinge import hinge, hinge_grad, squared_hinge, squared_hinge_grad


class _OfSigns(Loss):
    """What the two share: targets -1 and 1, or 0 and 1, which mean the same."""

    checks_finite = True

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises DataError unless there are two classes, -1 and 1 or 0 and 1."""
        super().check(y_true, output_shape, where)
        check_signs(y_true, where)

    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Targets -1 and 1 of the predictions' shape and dtype."""
        xp = array_namespace(y_pred)
        return xp.where(y_true.reshape(y_pred.shape) > 0, 1, -1).astype(y_pred.dtype)


class Hinge(_OfSigns):
    """L_i = (1 / k) sum_j max(0, 1 - t_j p_j) over the k outputs of a sample: the loss of support vector machines.

    p is a score of any size, without an activation; t is -1 or 1. Targets 0 and 1 are taken for -1 and 1.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = Hinge().apply(np.array([[0.5], [3.0]]), np.array([[1.0], [1.0]]))
    >>> float(value), Hinge().gradient(saved).tolist()
    (0.25, [[-0.5], [0.0]])
    """

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return hinge(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; 0 where t p = 1."""
        return hinge_grad(kept, targets, scale)


class SquaredHinge(_OfSigns):
    """L_i = (1 / k) sum_j max(0, 1 - t_j p_j)^2 over the k outputs of a sample; else as ``Hinge``.

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = SquaredHinge().apply(np.array([[0.5], [-1.0]]), np.array([[1.0], [0.0]]))
    >>> float(value)
    0.125
    """

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return squared_hinge(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        return squared_hinge_grad(kept, targets, scale)


class CategoricalHinge(Loss):
    """L_i = max(0, 1 + max_j (1 - t_j) p_j - sum_j t_j p_j) for scores p and one-hot targets t, both (n, ..., classes).

    Args:
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = CategoricalHinge().apply(np.array([[1.0, 2.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    >>> float(value), CategoricalHinge().gradient(saved).tolist()
    (2.0, [[-1.0, 1.0, 0.0]])
    """

    checks_finite = True
    default_accuracy = "categorical"

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """One-hot targets; integer labels are refused with the way to make one-hot rows of them."""
        check_one_hot_shape(y_true, output_shape, where, "")

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``, and rows that are distributions, unless they weigh 0. Raises DataError, naming value and index."""
        self.check(y_true, output_shape, where)
        check_distributions(y_true, where, weight)

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        return categorical_hinge(y_pred, targets), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; 0 where L_i = 0."""
        return categorical_hinge_grad(kept, targets, scale)
