"""The loss of a batch in one pass over the losses of its samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._jit import FLOATS, compiled, replays


@replays
def part_of_sum(values: Any, n: int) -> Any:
    """Kernel of ``ops.mean.part_of_sum``."""
    if values.dtype not in FLOATS:
        return NotImplemented
    result = np.empty((), values.dtype)
    _part_of_sum(values.reshape(-1), float(n), result)
    return result


@compiled
def _part_of_sum(values, n, result):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in values:
        total += np.float64(value)
    result[()] = total / n
