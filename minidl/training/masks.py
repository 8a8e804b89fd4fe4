"""Masks in a training step: who makes them, and what they mean for metrics, where left-out time steps weigh nothing."""

from __future__ import annotations

from typing import Any

from minidl.layers.base import Layer


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


def makes_masks(layer: Layer) -> bool:
    """Whether the layer, or one inside it, makes a mask of numbers that have none.

    >>> from minidl.layers import Embedding
    >>> makes_masks(Embedding(5, 2, mask_zero=True)), makes_masks(Embedding(5, 2))
    (True, False)
    """
    return layer.makes_mask or any(map(makes_masks, layer.sublayers()))
