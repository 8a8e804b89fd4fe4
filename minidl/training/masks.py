"""What a mask means for a loss: time steps that do not count weigh nothing, and the mean is taken over those that do."""

from __future__ import annotations

from typing import Any

from minidl import backend as backends


def masked(weight: Any, mask: Any) -> Any:
    """Weights for a loss that divides by the number of all time steps: mask n / (steps that count), times ``weight``.

    Args:
        weight: of the samples (n,) or of the time steps (n, t), or None; a tuple for several outputs.
        mask: True where a time step counts (n, t), or None; a tuple for several outputs.

    So the loss is sum_i mask_i L_i / sum_i mask_i, as in Keras; 0 where no step counts.

    >>> import numpy as np
    >>> masked(None, np.array([[True, False], [True, True]])).round(3).tolist()
    [[1.333, 0.0], [1.333, 1.333]]
    """
    if mask is None:
        return weight
    if isinstance(mask, tuple):
        weights = weight if isinstance(weight, tuple) else (weight,) * len(mask)
        return tuple(masked(w, m) for w, m in zip(weights, mask))
    xp = backends.array_namespace(mask)
    counted = mask.sum(dtype="float64")
    share = mask * (mask.size / xp.maximum(counted, 1))
    if weight is None:
        return share
    return share * weight.reshape(weight.shape + (1,) * (mask.ndim - weight.ndim))
