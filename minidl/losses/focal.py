"""Focal losses; the mathematics stands in ``minidl/ops/binary_focal.py`` and ``minidl/ops/categorical_focal.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError, ShapeError
from minidl.losses.cross_entropy import BinaryCrossentropy, CategoricalCrossentropy, epsilon_below_one
from minidl.ops import binary_focal, categorical_focal


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """The binary cross-entropy times (1 - p_t)^gamma, p_t being the probability given to the right answer.

    So the many samples that are predicted well do not drown the few that are not. Targets t in [0, 1], of the predictions'
    shape; L_i is the mean over the outputs.

    Args:
        apply_class_balancing: whether 1 weighs alpha and 0 weighs 1 - alpha besides.
        alpha: weight of the target 1, from 0 to 1; used with ``apply_class_balancing`` only.
        gamma: how much what is predicted well is played down, >= 0; 0 gives ``BinaryCrossentropy``.
        from_logits: False: p is the prediction, its logarithms cut at 1e-7. True: p = sigmoid(prediction).
        label_smoothing: see ``BinaryCrossentropy``.
        reduction, name: see ``Loss``.

    Source: Lin et al., Focal Loss for Dense Object Detection, 2017.

    >>> import numpy as np
    >>> value, _ = BinaryFocalCrossentropy().apply(np.array([[0.9]]), np.array([[1.0]]))
    >>> round(float(value), 6)  # a hundredth of the cross-entropy
    0.001054
    """

    aliases = ("binary_focal_loss",)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name)
        where = type(self).__name__
        self.apply_class_balancing = check_flag(where, "apply_class_balancing", apply_class_balancing)
        self.alpha = check_number(where, "alpha", alpha, 0)
        if self.alpha > 1:
            raise ArgumentError(where, f"alpha={alpha!r}", "0 <= alpha <= 1, as 0 weighs 1 - alpha")
        self.gamma = check_number(where, "gamma", gamma, 0)

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """The probabilities, which the loss of logits computes on its way."""
        return saved[0][1] if self.from_logits else y_pred

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        alpha = self.alpha if self.apply_class_balancing else None
        if self.from_logits:
            values, p = binary_focal.sigmoid_focal(y_pred, targets, alpha, self.gamma)
            return values, (y_pred, p)
        epsilon = epsilon_below_one(y_pred)
        return binary_focal.binary_focal(y_pred, targets, alpha, self.gamma, epsilon), (y_pred, y_pred)

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        y_pred, alpha = kept[0], self.alpha if self.apply_class_balancing else None
        if self.from_logits:
            return binary_focal.sigmoid_focal_grad(y_pred, targets, scale, alpha, self.gamma)
        return binary_focal.binary_focal_grad(y_pred, targets, scale, alpha, self.gamma, epsilon_below_one(y_pred))


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """L_i = -sum_j alpha t_j (1 - p_j)^gamma log p_j for one-hot (or soft) targets t, shape (n, ..., classes).

    Args:
        alpha: a weight for all classes, or a list with one for each, >= 0.
        gamma: how much what is predicted well is played down, >= 0; 0 gives alpha times ``CategoricalCrossentropy``.
        from_logits, label_smoothing: see ``CategoricalCrossentropy``.
        reduction, name: see ``Loss``.

    Source: Lin et al., Focal Loss for Dense Object Detection, 2017.

    >>> import numpy as np
    >>> value, _ = CategoricalFocalCrossentropy(alpha=1).apply(np.array([[0.1, 0.9]]), np.array([[0.0, 1.0]]))
    >>> round(float(value), 6)  # a hundredth of the cross-entropy
    0.001054
    """

    aliases = ("categorical_focal_loss",)

    def __init__(
        self,
        alpha: float | list[float] | tuple[float, ...] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, reduction, name)
        self.alpha = _check_alpha(type(self).__name__, alpha)
        self.gamma = check_number(type(self).__name__, "gamma", gamma, 0)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """One-hot targets. Raises ShapeError for another number of classes than alpha is for."""
        super().check(y_true, output_shape, where)
        if isinstance(self.alpha, tuple) and len(self.alpha) != output_shape[-1]:
            expected = f"a number, or {output_shape[-1]} numbers for {output_shape[-1]} classes"
            raise ShapeError(type(self).__name__, f"alpha of {len(self.alpha)} numbers", expected)

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """The probabilities, which the loss of logits computes on its way."""
        return saved[0][1] if self.from_logits else y_pred

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            values, p = categorical_focal.softmax_focal(y_pred, targets, self.alpha, self.gamma)
            return values, (y_pred, p)
        epsilon = epsilon_below_one(y_pred)
        return categorical_focal.probability_focal(y_pred, targets, self.alpha, self.gamma, epsilon), (y_pred, y_pred)

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        y_pred = kept[0]
        if self.from_logits:
            return categorical_focal.softmax_focal_grad(y_pred, targets, scale, self.alpha, self.gamma)
        epsilon = epsilon_below_one(y_pred)
        return categorical_focal.probability_focal_grad(y_pred, targets, scale, self.alpha, self.gamma, epsilon)


def _check_alpha(where: str, alpha: Any) -> float | tuple[float, ...]:
    """A number >= 0, or a tuple of such numbers."""
    if hasattr(alpha, "tolist"):
        alpha = alpha.tolist()
    if not isinstance(alpha, (list, tuple)):
        return check_number(where, "alpha", alpha, 0)
    if not alpha:
        raise ArgumentError(where, "alpha without numbers", "a number, or one for each class")
    return tuple(check_number(where, f"alpha[{i}]", number, 0) for i, number in enumerate(alpha))
