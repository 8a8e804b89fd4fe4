"""One layer for every step of a sequence."""

from __future__ import annotations

import copy
from typing import Any, Unpack

from minidl import backend as backends
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.geometry import is_several
from minidl.layers._protocol import is_unchanged
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context


class TimeDistributed(Layer):
    """y[i, t] = layer(x[i, t]): the steps of all sequences are one batch of samples to the layer.

    (batch, time, ...) is read as (batch time, ...), and what the layer gives is put back as (batch, time, ...). So batch
    normalisation within it takes its statistics over all steps of all samples, and a penalty on results is the mean over them.

    Args:
        layer: a layer or a model with one input and one output.

    A mask of x passes on, and tells the layer which of its samples count. Masks that begin within the layer end there.

    >>> from minidl.layers import Conv2D
    >>> frames = TimeDistributed(Conv2D(8, 3))  # ten pictures, one after the other
    >>> frames.output_shape((10, 28, 28, 1))
    (10, 26, 26, 8)
    """

    def __init__(self, layer: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        inner = getattr(layer, "network", layer)
        if not isinstance(inner, Layer):
            fix = "TimeDistributed(Dense(10))"
            raise ArgumentTypeError("TimeDistributed", described(layer), "a layer or a model", fix)
        if inner.takes_many:
            raise ArgumentError("TimeDistributed", f"{inner.label}, which takes several inputs", "a layer with one input")
        self.layer = layer

    @property
    def _inner(self) -> Layer:
        return getattr(self.layer, "network", self.layer)

    @property
    def declared_batch_size(self) -> int | None:  # type: ignore[override]
        """That of a model within."""
        return self._inner.declared_batch_size

    def build(self, input_shape: Shape) -> None:
        """Build the layer for one step."""
        self._inner.ensure_built(tuple(input_shape[1:]))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(time, ...) with the layer's shape behind time, which may be unknown."""
        if is_several(input_shape) or len(input_shape) < 2:
            received, fix = f"samples of shape {tuple(input_shape)}", "x[..., None] where a step is a single number"
            raise ShapeError(self.label, received, "an axis of time, and at least one more", fix)
        of_step = self._inner.output_shape(tuple(input_shape[1:]))
        if is_several(of_step):
            raise ShapeError(self.label, f"a layer with {len(of_step)} outputs", "a layer with one output")
        return (input_shape[0], *of_step)

    @property
    def moves_only(self) -> bool:  # type: ignore[override]
        """As the layer does."""
        return self._inner.moves_only

    @property
    def input_dtype(self) -> Any:
        """The layer's."""
        return self._inner.input_dtype

    @property
    def taken_dtype(self) -> Any:
        """The layer's."""
        return self._inner.taken_dtype

    def check_input(self, x: Any, where: str, index: int = 0) -> None:
        """As the layer does."""
        self._inner.check_input(x, where)

    @property
    def final_activation(self) -> Any:
        """The layer's, where it can be taken off."""
        last = self._inner.final_activation if is_unchanged(self) else None
        return None if last is self._inner else last

    def without_activation(self) -> Layer:
        """The same for every step, without the layer's final activation."""
        other = copy.copy(self)
        other.layer = self._inner.without_activation()
        return other

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps what the layer does, and the shape in front of its samples."""
        context, mask = context.own(), context.mask
        context.mask = _of_samples(x, mask)
        try:
            y, of_layer = self._inner.apply(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), context)
        finally:
            context.mask = mask
        return y.reshape(*x.shape[:2], *y.shape[1:]), ((of_layer, x.shape[:2]) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx; None where the layer takes ids."""
        of_layer, steps = saved
        dx = self._inner.gradient(dy.reshape(steps[0] * steps[1], *dy.shape[2:]), of_layer, need_dx)
        return None if dx is None or not need_dx else dx.reshape(*steps, *dx.shape[1:])


def _of_samples(x: Any, mask: Any) -> Any:
    """The mask of x as the layer is given it: for all of a sample's own steps, where it has an axis for them."""
    if mask is None or x.ndim < 4:
        return mask if mask is None else mask.reshape(-1)
    steps = (x.shape[0] * x.shape[1], x.shape[2])
    return backends.array_namespace(x).broadcast_to(mask.reshape(-1, 1), steps)
