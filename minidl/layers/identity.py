"""A layer that does nothing: a place for one that may come later."""

from __future__ import annotations

from typing import Any

from minidl.layers.base import Layer
from minidl.layers.context import INFERENCE, Context


class Identity(Layer):
    """y = x and dx = dy; a mask passes through.

    >>> import numpy as np
    >>> Identity()(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0]]
    """

    moves_only = True
    replays = True

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = x; nothing to keep."""
        return x, None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy."""
        return dy if need_dx else None
