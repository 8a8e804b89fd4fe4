"""Arrays one behind the other."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.tape import again
from minidl.errors import ArgumentTypeError, ShapeError
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.layers.merge import counted_in_all


class Concatenate(Layer):
    """y = the inputs one behind the other along ``axis``; each input receives its part of dy.

    Args:
        axis: counted with the batch axis; -1 are the features or channels.

    All other axes must agree.

    >>> import numpy as np
    >>> Concatenate()([np.ones((1, 2)), np.zeros((1, 1))])
    array([[1., 1., 0.]], dtype=float32)
    """

    takes_many = True
    replays = True

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if isinstance(axis, bool) or not hasattr(axis, "__index__"):
            raise ArgumentTypeError("Concatenate", f"axis={axis!r}", "an integer")
        self.axis = int(axis)

    def output_shape(self, input_shape: Any) -> Any:
        """The sizes along the axis added up; None where one is not known."""
        several = bool(input_shape) and isinstance(input_shape[0], tuple) and len(input_shape) > 1
        if not several or len({len(shape) for shape in input_shape}) > 1:
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", "two or more inputs with equally many axes")
        axis = self._sample_axis(len(input_shape[0]))
        found = []
        for number, sizes in enumerate(zip(*input_shape)):
            known = {size for size in sizes if size is not None}
            if number == axis:
                found.append(None if None in sizes else sum(sizes))
            elif len(known) > 1:
                received = f"inputs of shapes {input_shape}"
                raise ShapeError(self.label, received, f"equal sizes on all axes but axis {self.axis}")
            else:
                found.append(known.pop() if known else None)
        return tuple(found)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps where each input ends."""
        if len({part.shape for part in x}) > 1:
            self.output_shape(tuple(part.shape[1:] for part in x))  # lengths that were not known before
        axis = self._sample_axis(x[0].ndim - 1) + 1
        ends = list(accumulate(part.shape[axis] for part in x))
        return again(_joined, x, axis), ((axis, ends) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """Each input's part of dy."""
        axis, ends = saved
        return tuple(backends.array_namespace(dy).split(dy, ends[:-1], axis=axis)) if need_dx else None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """Along the time axis the masks one behind the other; else a step counts where it does in every input."""
        if mask is None or self._sample_axis(x[0].ndim - 1) != 0 or x[0].ndim < 3:
            return counted_in_all(mask)
        xp = backends.array_namespace(x[0])
        return xp.concatenate([xp.ones(p.shape[:2], bool) if m is None else m for p, m in zip(x, mask)], axis=1)

    def _sample_axis(self, rank: int) -> int:
        """The axis without the batch axis; raises ShapeError for one that does not exist."""
        axis = self.axis + rank + 1 if self.axis < 0 else self.axis
        if not 1 <= axis <= rank:
            received = f"axis={self.axis} for samples with {rank} axes"
            raise ShapeError(self.label, received, f"1 to {rank}, or negative (0 is the batch)")
        return axis - 1


def _joined(x: Any, axis: int) -> Any:
    return backends.array_namespace(x[0]).concatenate(x, axis=axis)
