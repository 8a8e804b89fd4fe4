"""Softmax over any axes, with a mask; the mathematics stands in ``minidl/ops/softmax.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend import array_namespace
from minidl.layers._axes import AtTheEnd, check_axes, sample_axes
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.softmax import softmax, softmax_grad


class Softmax(Layer):
    """y = exp(x) / sum exp(x): positive numbers whose sum along ``axis`` is 1.

    Args:
        axis: counted with the batch axis; several are taken together.

    Where the axis is that of time, steps that a mask leaves out have y = 0, and the others sum to 1. A mask of x's own shape,
    ``layer(x, mask)``, leaves single numbers out. What has nothing that counts is all 0.

    >>> import numpy as np
    >>> Softmax()(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
    >>> Softmax()(np.zeros((1, 4)), mask=np.array([[True, False, True, False]]))
    array([[0.5, 0. , 0.5, 0. ]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = check_axes("Softmax", axis)
        self._last = Activation("softmax", dtype=self.dtype)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        sample_axes(self.label, self.axis, len(input_shape))
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps y with the axes at the end."""
        axes = sample_axes(self.label, self.axis, x.ndim - 1)
        turn, counts = AtTheEnd(x.shape, axes), self._counts(x, axes, context.mask)
        if counts is None:
            y = softmax(turn.there(x))
        else:
            xp, counts = array_namespace(x), turn.there(counts)
            y = xp.where(counts, softmax(xp.where(counts, turn.there(x), -float("inf"))), 0)
        return turn.back(y), ((turn, y) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = y (dy - sum(dy y))."""
        turn, y = saved
        return turn.back(softmax_grad(turn.there(dy), y)) if need_dx else None

    def _counts(self, x: Any, axes: tuple[int, ...], mask: Any) -> Any:
        """Which numbers of x count, of its shape; None: along these axes all or none do."""
        if mask is None or (mask.ndim < x.ndim and 0 not in axes):
            return None
        return array_namespace(x).broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)) != 0, x.shape)

    # -- for the plan --------------------------------------------------------------------------------------------------

    @property
    def plain(self) -> Layer:
        """``Activation("softmax")`` where the axis is the last one."""
        last = self.axis in (-1, (-1,)) or (self.input_shape is not None and self.axis in (n := len(self.input_shape), (n,)))
        return self._last if last and is_unchanged(self) else self

    @property
    def final_activation(self) -> Activation | None:
        """The same."""
        plain = self.plain
        return plain if isinstance(plain, Activation) else None
