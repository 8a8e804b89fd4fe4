"""What happens to gradients between the backward pass and the optimizer's rule, in place; g is the gradient of w.

    penalize        g += l1 sign(w) + 2 l2 w         the gradient of l1 sum |w| + l2 sum w^2; sign(0) = 0
    clip            g = min(max(g, -c), c)           NaN and infinite values stay as they are
    add_squares     total += sum g^2                 added in float64
    scale           g *= factor                      factor in float64; 1 changes no bit
    factor_within   c / max(c, sqrt(total))          what brings a norm down to c; NaN where it is not finite

Each op but the last also takes a table of many parameters in place of the arrays (``ArrayTable``), as in ``ops/update.py``.
``total`` and ``factor`` stand in arrays of float64 on the device, so that clipping by a norm does not wait for it.
Source: Pascanu, Mikolov and Bengio 2013 (clipping).
"""

from __future__ import annotations

import numpy as np

from minidl.backend import Array, array_namespace, op, op_on_rows


@op_on_rows
def penalize(value: Array, grad: Array, scalars: Array) -> None:
    """Add the gradient of L1 and L2 penalties; scalars = [l1, 2 l2]."""
    grad += scalars[0] * array_namespace(value).sign(value) + scalars[1] * value


@op_on_rows
def clip(grad: Array, scalars: Array) -> None:
    """Clip each finite element to [-c, c]; scalars = [c]."""
    xp = array_namespace(grad)
    clipped = xp.minimum(xp.maximum(grad, -scalars[0]), scalars[0])
    grad[...] = xp.where(xp.isfinite(grad), clipped, grad)


@op_on_rows
def add_squares(grad: Array, scalars: Array) -> None:
    """Add the sum of squares to scalars = [total], of float64."""
    wide = grad.astype(np.float64)
    scalars[0] += (wide * wide).sum()


@op_on_rows
def scale(grad: Array, scalars: Array) -> None:
    """Multiply by scalars = [factor], of float64."""
    grad[...] = grad * scalars[0]


@op
def factor_within(total: Array, limit: float) -> Array:
    """The factor (1,) for gradients whose squares add up to ``total`` (1,), and whose norm may be ``limit`` at most."""
    xp = array_namespace(total)
    norm = xp.sqrt(total)
    return limit / xp.maximum(norm, limit) + 0 * norm
