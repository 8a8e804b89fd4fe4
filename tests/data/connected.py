"""``Sequential`` as these tests call it: silent, and with a dictionary from ``evaluate``."""

from __future__ import annotations

from functools import partialmethod
from typing import Any

from minidl.models import Sequential


class Connected(Sequential):
    fit = partialmethod(Sequential.fit, verbose=0)  # type: ignore[assignment]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        return super().evaluate(*args, verbose=0, return_dict=True, **kwargs)
