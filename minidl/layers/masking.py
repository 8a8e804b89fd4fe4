"""Steps that do not count, told by a number that stands in all of their features."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.checks import check_number
from minidl.errors import ShapeError
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context


class Masking(Layer):
    """A step counts unless all of its numbers are ``mask_value``; y = x where it does and 0 where not, and so is dx for dy.

    Layers behind it and the loss leave the other steps out, as behind ``Embedding(mask_zero=True)``. What a mask of x left
    out stays left out.

    Args:
        mask_value: what sequences of unequal length are filled up with.

    x is (batch, time, features), or has more axes behind time, all of which then belong to a step.

    >>> import numpy as np
    >>> x = np.array([[[2.0, 0.0], [-1.0, -1.0]]])
    >>> layer = Masking(mask_value=-1.0)
    >>> layer(x).tolist(), layer.output_mask(x, None).tolist()
    ([[[2.0, 0.0], [0.0, 0.0]]], [[True, False]])
    """

    makes_mask = True

    def __init__(self, mask_value: float = 0.0, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.mask_value = check_number("Masking", "mask_value", mask_value)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        if len(input_shape) < 2:
            received, fix = f"samples of shape {tuple(input_shape)}", "x[..., None] where a step is a single number"
            raise ShapeError(self.label, received, "an axis of time and one of features at least", fix)
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps which steps have another number than ``mask_value``."""
        kept = self._differs(x).reshape(x.shape[:2] + (1,) * (x.ndim - 2))
        return backends.array_namespace(x).where(kept, x, 0), (kept if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return backends.array_namespace(dy).where(saved, dy, 0) if need_dx else None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """Where some number is not ``mask_value``, and x counted before."""
        counts = self._differs(x)
        return counts if mask is None else counts & mask

    def _differs(self, x: Any) -> Any:
        """(batch, time): whether a step has a number that is not ``mask_value``; NaN is none."""
        return (x != self.mask_value).any(axis=tuple(range(2, x.ndim)))
