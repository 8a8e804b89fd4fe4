"""A rectifier whose slope a is learned: one for each number of a sample, or one along an axis on which a has length 1.

    y = x where x > 0, else a x        dx = dy where x > 0, else a dy        da = sum dy x where x <= 0

Shapes: x (batch, ...), a (...), which is repeated over the batch and along its axes of length 1; da is summed over them.
Source: He et al. 2015.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op
from minidl.ops.merge import sum_to


@op
def prelu(x: Array, a: Array) -> Array:
    """y."""
    return array_namespace(x).where(x > 0, x, a * x)


@op
def prelu_grad(dy: Array, x: Array, a: Array) -> tuple[Array, Array]:
    """dx and da."""
    where = array_namespace(dy).where
    return where(x > 0, dy, a * dy), sum_to(where(x > 0, 0, dy * x), (1, *a.shape))[0]
