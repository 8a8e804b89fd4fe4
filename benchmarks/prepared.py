"""A piece of work, ready to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Results = dict[str, np.ndarray]


class CannotError(Exception):
    """The library is there, but this way of using it does not work here; the text says why."""


def nothing() -> None:
    """To wait for: a CPU has computed before it returns."""


@dataclass
class Prepared:
    """What a side makes of a piece of work.

    Attributes:
        run: does it once; this is timed.
        results: does it once, from a fresh start, and gives what came out in minidl's layouts; this is verified.
        reference: the same by minidl's references; None for other libraries.
        warm_up: instead of ``run`` where one execution is very long.
        wait: until the device has done what it was asked to; called before the clock is started and before it is stopped.
    """

    run: Callable[[], Any]
    results: Callable[[], Results]
    reference: Callable[[], Results] | None = None
    warm_up: Callable[[], Any] | None = None
    wait: Callable[[], Any] = nothing
