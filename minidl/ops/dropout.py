"""Inverted dropout: in training each element is zeroed with probability ``rate``, the rest divided by 1 - rate.

    y = x mask / (1 - rate)          dx = dy mask / (1 - rate)          mask_i = 1 where word_i >= rate 2^32

word_i is the i-th 32-bit word of the layer's random stream at this step, i counted in logical (row-major) order of x, so
the mask does not depend on dtype, memory layout, device or thread count.
Source: Srivastava et al. 2014; Ghent 6.
"""

from __future__ import annotations

from math import prod

from minidl.backend import Array, array_namespace, backend_of, op
from minidl.backend.random import DROP


@op
def dropout(
    x: Array, rate: float, key: tuple[int, int], step: Array, call: int, mask_shape: tuple[int, ...]
) -> tuple[Array, Array]:
    """y and the boolean mask (of ``mask_shape``, broadcast to x).

    ``step`` counts training steps, an integer array (1,) on the device of x; ``call`` counts uses of the layer in the step.
    """
    backend = backend_of(x)
    counter = (int(backend.to_numpy(step)[0]), call, DROP)
    words = backend.random_words(key, counter, prod(mask_shape))
    mask = (words >= min(round(rate * 2**32), 2**32 - 1)).reshape(mask_shape)
    return dropout_grad(x, mask, rate), mask


@op
def dropout_grad(dy: Array, mask: Array, rate: float) -> Array:
    """dx = dy mask / (1 - rate): the same linear map as forwards."""
    return array_namespace(dy).where(mask, dy * (1 / (1 - rate) if rate < 1 else 0.0), 0)
