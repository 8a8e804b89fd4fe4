"""Vectors of length 1; the mathematics stands in ``minidl/ops/unit_normalization.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.layers._axes import AtTheEnd, check_axes, refuse_mask, sample_axes
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.unit_normalization import unit_normalize, unit_normalize_grad

EPSILON = 1e-12  # shorter vectors are divided by it, as in Keras


class UnitNormalization(Layer):
    """y = x / sqrt(sum x^2), the sum being along ``axis``: each sample is brought to length 1. Zeros stay zeros.

    Args:
        axis: one axis or several that are taken together, counted with the batch axis.

    A mask is passed on; along the time axis there may be none.

    >>> import numpy as np
    >>> UnitNormalization()(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = check_axes("UnitNormalization", axis)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        sample_axes(self.label, self.axis, len(input_shape))
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps y, with the axes at the end, and the lengths."""
        axes = sample_axes(self.label, self.axis, x.ndim - 1)
        refuse_mask(self.label, context.mask, x, axes)
        turn = AtTheEnd(x.shape, axes)
        y, r = unit_normalize(turn.there(x), EPSILON)
        return turn.back(y), ((turn, y, r) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = (dy - y sum(dy y)) / length."""
        turn, y, r = saved
        return turn.back(unit_normalize_grad(turn.there(dy), y, r, EPSILON)) if need_dx else None
