"""The loss of a batch, made of the losses of its samples.

    part_of_sum     (L_1 + ... + L_m) / n

Summed in double precision: the sum of a batch may be too large for float32 where its mean is not.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import Array, op


@op
def part_of_sum(values: Array, n: int) -> Array:
    """The sum of ``values``, of any shape, divided by n: one number of their type; float64 where these are integers."""
    value = values.sum(dtype=np.float64) / n
    return value.astype(values.dtype) if values.dtype.kind == "f" else value
