"""One vector for every step of a sequence: what an encoder found, for the decoder."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.tape import again
from minidl.checks import check_integer
from minidl.errors import ShapeError
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context


class RepeatVector(Layer):
    """y[i, t] = x[i] for t = 1 .. n: (batch, features) -> (batch, n, features); dx is the sum of dy over the steps.

    Args:
        n: number of steps.

    Source: Ghent 6 (sequence to sequence with two LSTMs).

    >>> import numpy as np
    >>> RepeatVector(2)(np.array([[1.0, 3.0]])).tolist()
    [[[1.0, 3.0], [1.0, 3.0]]]
    """

    moves_only = True
    replays = True

    def __init__(self, n: int, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.n = check_integer("RepeatVector", "n", n)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(features,) -> (n, features)."""
        if len(input_shape) != 1:
            fix = "return_sequences=False in the layer before, or Flatten()" if len(input_shape) > 1 else ""
            raise ShapeError(self.label, f"samples of shape {tuple(input_shape)}", "one axis of features", fix)
        return (self.n, input_shape[0])

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        return again(_repeated, x, self.n), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        return again(_sum_over_time, dy) if need_dx else None

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None: every new step counts."""
        return None


def _repeated(x: Any, n: int) -> Any:
    xp = backends.array_namespace(x)
    return xp.ascontiguousarray(xp.broadcast_to(x[:, None], (len(x), n, x.shape[1])))


def _sum_over_time(dy: Any) -> Any:
    return dy.sum(axis=1)
