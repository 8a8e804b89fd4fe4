"""The cosine similarity; the mathematics stands in ``minidl/ops/cosine_similarity.py``."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace
from minidl.checks import check_integer
from minidl.errors import ArgumentError, ShapeError
from minidl.losses.base import Loss, epsilon_of
from minidl.ops.cosine_similarity import cosine_similarity, cosine_similarity_grad


class CosineSimilarity(Loss):
    """L_i = -cos of the angle between prediction and target: -1 for the same direction, 1 for the opposite one.

    Args:
        axis: the axis along which the vectors lie; not 0, which is that of the samples.
        reduction, name: see ``Loss``.

    >>> import numpy as np
    >>> value, saved = CosineSimilarity().apply(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]))
    >>> round(float(value), 4), CosineSimilarity().gradient(saved).round(4).tolist()
    (-0.6, [[-0.128, 0.096]])
    """

    def __init__(self, axis: int = -1, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.axis = check_integer("CosineSimilarity", "axis", axis, low=-32)
        if not self.axis:
            raise ArgumentError("CosineSimilarity", "axis=0, that of the samples", "another axis, counted with it", "axis=-1")

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """The predictions' shape. Raises ShapeError where they lack the axis."""
        rank = len(output_shape)
        if not -rank < self.axis < rank:
            raise ShapeError(where, f"axis={self.axis} of predictions of shape {output_shape}", f"1 to {rank - 1}, or -1")
        super().check(y_true, output_shape, where)

    def shape_of_values(self, output_shape: tuple[int, ...]) -> tuple[int, ...]:
        """``output_shape`` without the axis."""
        axis = self.axis % len(output_shape)
        return (*output_shape[:axis], *output_shape[axis + 1 :])

    def where_counted(self, targets: Array, weights: Array) -> Array:
        """As the losses, weights lack the axis."""
        xp = array_namespace(targets)
        return xp.where(xp.expand_dims(weights, self.axis) != 0, targets, targets.dtype.type(1))

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i, the predictions' shape without the axis."""
        return cosine_similarity(self._moved(y_pred), self._moved(targets), epsilon_of(y_pred)), y_pred

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; towards the target, if p is 0."""
        dy = cosine_similarity_grad(self._moved(kept), self._moved(targets), scale, epsilon_of(kept))
        return dy if self.axis == -1 else array_namespace(dy).moveaxis(dy, -1, self.axis)

    def _moved(self, x: Array) -> Array:
        """x with the axis as the last one."""
        return x if self.axis == -1 else array_namespace(x).moveaxis(x, self.axis, -1)
