"""PyTorch's recorded steps, the CPU playing the card: what is recorded runs a few times before, and is run again as replay."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.sides import pytorch
from benchmarks.sides.pytorch_graphs import *  # noqa: F403
from tests.gpu.sides import pytorch_gpu  # noqa: F401


def recorded(step: Callable[[], None]) -> Callable[[], None]:
    for _ in range(pytorch.WARM_UP):
        step()
    return step


pytorch.recorded = recorded
