"""What a mask means for metrics: time steps that do not count weigh nothing."""

from __future__ import annotations

from typing import Any


def masked(weight: Any, mask: Any) -> Any:
    """The weight of each time step: ``weight`` where the mask is True, else 0.

    Args:
        weight: of the samples (n,) or of the time steps (n, t), or None; a tuple for several outputs.
        mask: True where a time step counts (n, t), or None; a tuple for several outputs.

    >>> import numpy as np
    >>> masked(np.array([2.0, 1.0]), np.array([[True, False], [True, True]])).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    if mask is None:
        return weight
    if isinstance(mask, tuple):
        weights = weight if isinstance(weight, tuple) else (weight,) * len(mask)
        return tuple(masked(w, m) for w, m in zip(weights, mask))
    if weight is None:
        return mask.astype("float64")
    return mask * weight.reshape(weight.shape + (1,) * (mask.ndim - weight.ndim))
