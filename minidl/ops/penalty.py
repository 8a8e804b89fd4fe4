"""L1 and L2 penalties on weights as part of the loss; w are all numbers of one parameter.

    add_penalty     total += l1 sum |w| + l2 sum w^2        added in float64
    with_penalty    L + total                               in float64

Their gradient is ``gradients.penalize``. Like the ops there, ``add_penalty`` also takes a table of many parameters.
Source: Tibshirani 1996 (L1); Krogh and Hertz 1991 (L2).
"""

from __future__ import annotations

import numpy as np

from minidl.backend import Array, array_namespace, op, op_on_rows


@op_on_rows
def add_penalty(value: Array, scalars: Array, total: Array) -> None:
    """Add the penalty to ``total``, one number of float64; scalars = [l1, l2], of float64."""
    xp, wide = array_namespace(value), value.astype(np.float64)
    sums = xp.stack((xp.abs(wide).sum(), (wide * wide).sum()))
    total += xp.where(scalars != 0, scalars * sums, 0).sum()  # no part of a sum that is infinite


@op
def with_penalty(loss: Array, total: Array) -> Array:
    """The loss and the penalties, one number each."""
    return loss + total
