"""What a layer remembers from step to step and never trains: running statistics, carried states, counters."""

from __future__ import annotations

from typing import Any

from minidl.parameters import Parameter


class State(Parameter):
    """An array that is saved with the weights; it changes by ``context.update`` and never by an optimizer.

    >>> import numpy as np
    >>> mean = State(np.zeros(2), "mean")
    >>> mean.trainable = True; mean.trainable
    False
    """

    @property
    def trainable(self) -> bool:
        """Always False: freezing and thawing a layer does not concern its state."""
        return False

    @trainable.setter
    def trainable(self, value: Any) -> None:
        pass
