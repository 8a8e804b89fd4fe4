"""Philox 4x64-10, the generator of ``minidl.backend.random``, block by block; NumPy's is the definition (Salmon et al. 2011).

The products of 64 bits are put together from four of 32, which the compiler can do for eight blocks at a time.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.numba._jit import inner

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_STEPS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))  # of the key, from round to round
_LOW, _HALF, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)


@inner
def philox(first, words, key, counter):  # type: ignore[no-untyped-def]
    """Fill ``words``, 64 bits each and a multiple of four, with the blocks from number ``first`` on.

    key: two, counter: three numbers of 64 bits; the counter's first word is the number of the block.
    """
    start = np.uint64(first) + _ONE  # NumPy counts on before it draws
    for block in range(len(words) // 4):
        c0, c1, c2, c3 = start + np.uint64(block), counter[0], counter[1], counter[2]
        k0, k1 = key
        for _ in range(10):
            high_0, low_0 = _product(_MULTIPLIERS[0], c0)
            high_1, low_1 = _product(_MULTIPLIERS[1], c2)
            c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
            k0, k1 = k0 + _STEPS[0], k1 + _STEPS[1]
        words[4 * block], words[4 * block + 1], words[4 * block + 2], words[4 * block + 3] = c0, c1, c2, c3


@inner
def _product(a, b):  # type: ignore[no-untyped-def]
    """The high and the low half of a b."""
    a_high, a_low, b_high, b_low = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    lowest = a_low * b_low
    left = a_low * b_high + (lowest >> _HALF)
    right = a_high * b_low + (left & _LOW)
    return a_high * b_high + (left >> _HALF) + (right >> _HALF), (right << _HALF) | (lowest & _LOW)
