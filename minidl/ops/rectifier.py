"""A rectifier with everything that it may have: a slope s below, a threshold t >= 0, and a highest value m.

    y  = min(x, m)     where x > t              dx = dy where t < x <= m, 0 where x > m
         s (x - t)     elsewhere                     s dy elsewhere

So relu is s = t = 0 without m, relu6 has m = 6, and the thresholded relu a t where y jumps from 0 to t. At a corner the
gradient is the one from the left. NaN stays NaN.
Source: Keras 3 (ReLU); Konda et al. 2015 (ThresholdedReLU); Howard et al. 2017 (relu6).
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op_elementwise


@op_elementwise
def rectify(x: Array, slope: float = 0.0, threshold: float = 0.0, highest: float | None = None) -> Array:
    """y; ``highest`` None: there is no m."""
    xp = array_namespace(x)
    above = x if highest is None else xp.minimum(x, highest)
    below = slope * (x - threshold) if slope else xp.where(x == x, 0, x)  # -inf times 0 would be NaN
    return xp.where(x > threshold, above, below)


@op_elementwise
def rectify_grad(dy: Array, x: Array, slope: float = 0.0, threshold: float = 0.0, highest: float | None = None) -> Array:
    """dx."""
    where = array_namespace(dy).where
    above = dy if highest is None else where(x <= highest, dy, 0)
    return where(x > threshold, above, slope * dy if slope else 0)
