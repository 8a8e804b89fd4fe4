"""Cross-entropy losses; the mathematics stands in ``minidl/ops/cross_entropy.py``."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import config
from minidl.backend import Array, array_namespace
from minidl.backend.tape import again, as_type, noted
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ShapeError
from minidl.losses.base import Loss, sample_weights
from minidl.losses.targets import check_bits, check_distributions, check_labels, check_one_hot_shape
from minidl.ops import cross_entropy as ops


class _CrossEntropy(Loss):
    """What they share: probabilities or logits."""

    checks_finite = True

    def __init__(self, from_logits: bool = False, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits = check_flag(type(self).__name__, "from_logits", from_logits)

    def with_logits(self) -> Loss:
        """The same loss of logits."""
        other = copy.copy(self)
        other.from_logits = True
        return other

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """The probabilities, which the loss of logits computes on its way."""
        return saved[0] if self.from_logits else y_pred


class CategoricalCrossentropy(_CrossEntropy):
    """L_i = -sum_j t_j log p_j for one-hot (or soft) targets t, shape (n, ..., classes).

    Args:
        from_logits: False: p is the prediction, divided by its sum and cut to [1e-7, 1 - 1e-7].
            True: p = softmax(prediction). ``compile`` turns a softmax layer in front of the loss into this by itself.
        label_smoothing: s in 0 <= s < 1; t (1 - s) + s / classes takes the place of t, so that no class is ever certain.
        reduction, name: see ``Loss``.

    Source: Lecture 2018, Practical 2020, Ghent 1, Ghent 6;
    Szegedy et al., Rethinking the Inception Architecture, 2016 (the smoothing).

    >>> import numpy as np
    >>> loss = CategoricalCrossentropy(from_logits=True)
    >>> value, saved = loss.apply(np.array([[10000.0, 0.0]]), np.array([[0.0, 1.0]]))
    >>> float(value), loss.gradient(saved).tolist()
    (10000.0, [[1.0, -1.0]])
    """

    merges = "softmax"
    default_accuracy = "categorical"
    label_smoothing = 0.0
    replays = True

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name)
        self.label_smoothing = check_number(type(self).__name__, "label_smoothing", label_smoothing, 0, 1)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """One-hot targets; integer labels are refused with the name of the loss that takes them."""
        check_one_hot_shape(y_true, output_shape, where, "sparse_categorical_crossentropy")

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``, and rows that are distributions: the formula holds for others, but what is learned is not what was meant.

        Raises DataError, naming value and index, for targets that are negative or not finite and for rows whose sum is not 1,
        unless they weigh 0.
        """
        self.check(y_true, output_shape, where)
        check_distributions(y_true, where, weight)

    @noted
    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Targets in the predictions' dtype, smoothed."""
        targets = as_type(y_true.reshape(y_pred.shape), y_pred.dtype)
        return again(_smoothed, targets, self.label_smoothing, y_pred.shape[-1]) if self.label_smoothing else targets

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.softmax_cross_entropy(y_pred, targets)
        return ops.probability_cross_entropy(y_pred, targets, epsilon_below_one(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.softmax_cross_entropy_grad(kept, targets, scale)
        return ops.probability_cross_entropy_grad(kept, targets, scale, epsilon_below_one(kept))


class SparseCategoricalCrossentropy(_CrossEntropy):
    """L_i = -log p_label for integer labels (n, ...) or (n, ..., 1) in 0 .. classes - 1; else as ``CategoricalCrossentropy``.

    Args:
        from_logits: as there.
        ignore_class: a label of no class, such as -1 or 255 for pixels that nobody labelled. Where it stands the loss is 0,
            and a mean is that of the others.
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = SparseCategoricalCrossentropy().apply(np.array([[0.25, 0.75]]), [1])
    >>> round(float(value), 4)
    0.2877
    """

    merges = "softmax"
    default_accuracy = "sparse"
    ignore_class: int | None = None
    replays = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name)
        if ignore_class is not None:
            ignore_class = check_integer(type(self).__name__, "ignore_class", ignore_class, low=-(2**31))
        self.ignore_class = ignore_class

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Integer labels. Raises ShapeError for one-hot targets, DataError for fractions and labels out of range."""
        if y_true.shape not in (output_shape[:-1], (*output_shape[:-1], 1)):
            fix = "the loss 'categorical_crossentropy'" if y_true.shape == output_shape else ""
            raise ShapeError(where, f"labels of shape {y_true.shape}", f"integers of shape {output_shape[:-1]}", fix)
        check_labels(y_true, output_shape[-1], where, self.ignore_class)

    @noted
    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Labels (n, ...) as 64-bit integers; 0 in place of the ignored one."""
        labels = as_type(y_true.reshape(y_pred.shape[:-1]), np.int64)
        return labels if self.ignore_class is None else again(_without, labels, self.ignore_class)

    def compute(self, y_pred: Array, y_true: Array, sample_weight: Any = None, mask: Any = None) -> tuple[Array, Any]:
        """As every loss does it; the ignored class is left out by a mask."""
        if self.ignore_class is not None:
            mask = again(self._known, y_pred, y_true, mask)
        return super().compute(y_pred, y_true, sample_weight, mask)

    def _known(self, y_pred: Array, y_true: Array, mask: Any) -> Array:
        """``mask``, and 0 where the class is to be ignored."""
        known = (y_true.reshape(y_pred.shape[:-1]) != self.ignore_class).astype(y_pred.dtype)
        if mask is not None:
            known = known * sample_weights(mask, known.shape, known.dtype, self.name or type(self).__name__, "mask")
        return known

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.sparse_softmax_cross_entropy(y_pred, targets)
        return ops.probability_cross_entropy(y_pred, again(ops.one_hot, targets, y_pred), epsilon_below_one(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.sparse_softmax_cross_entropy_grad(kept, targets, scale)
        return ops.probability_cross_entropy_grad(kept, again(ops.one_hot, targets, kept), scale, epsilon_below_one(kept))


class BinaryCrossentropy(_CrossEntropy):
    """L_i = mean over outputs of -t log p - (1 - t) log(1 - p), targets t in [0, 1] of the predictions' shape.

    Args:
        from_logits: False: p is the prediction, cut to [1e-7, 1 - 1e-7]. True: p = sigmoid(prediction).
        label_smoothing: s in 0 <= s < 1; t (1 - s) + s / 2 takes the place of t, so that nothing is ever certain.
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, _ = BinaryCrossentropy().apply(np.array([[0.5]]), [1])
    >>> round(float(value), 4)
    0.6931
    """

    aliases = ("bce",)
    merges = "sigmoid"
    default_accuracy = "binary"
    label_smoothing = 0.0
    replays = True

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, reduction, name)
        self.label_smoothing = check_number(type(self).__name__, "label_smoothing", label_smoothing, 0, 1)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises DataError, naming value and index, for targets outside [0, 1]."""
        super().check(y_true, output_shape, where)
        check_bits(y_true, where)

    @noted
    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Targets in the predictions' shape and dtype, smoothed."""
        targets = as_type(y_true.reshape(y_pred.shape), y_pred.dtype)
        return again(_smoothed, targets, self.label_smoothing, 2) if self.label_smoothing else targets

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i (n, ...)."""
        if self.from_logits:
            return ops.sigmoid_cross_entropy(y_pred, targets)
        return ops.binary_cross_entropy(y_pred, targets, epsilon_below_one(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred."""
        if self.from_logits:
            return ops.sigmoid_cross_entropy_grad(kept, targets, scale)
        return ops.binary_cross_entropy_grad(kept, targets, scale, epsilon_below_one(kept))


def _smoothed(targets: Array, smoothing: float, outputs: int) -> Array:
    """Targets (..., outputs), a part of which goes to all outputs alike."""
    return targets * (1 - smoothing) + smoothing / outputs


def _without(labels: Array, ignored: int) -> Array:
    """Labels, and 0 in place of an ignored one."""
    return array_namespace(labels).where(labels == ignored, 0, labels)


def epsilon_below_one(p: Array) -> float:
    """The project's epsilon, but never so small that 1 - epsilon is 1 in the dtype of p."""
    return max(config.epsilon(), float(np.finfo(p.dtype).eps))
