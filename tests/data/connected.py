"""``Sequential`` as these tests call it: silent, and with a dictionary from ``evaluate``."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

from minidl.models import Sequential


class Connected(Sequential):
    fit = partialmethod(Sequential.fit, verbose=0)  # type: ignore[assignment]

    def evaluate(self, x: Any, y: Any = None, batch_size: Any = None, sample_weight: Any = None, steps: Any = None) -> Any:
        return super().evaluate(x, y, batch_size, 0, sample_weight, steps, return_dict=True)
