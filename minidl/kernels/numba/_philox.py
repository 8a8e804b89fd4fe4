"""Philox 4x64-10, the generator of ``minidl.backend.random``, block by block; NumPy's is the reference (Salmon et al. 2011).

A round needs both halves of two products of 64 bits: one instruction each, which Python has no word for.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels.numba._jit import DISABLED, inner

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_STEPS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B))  # of the key, from round to round
_ONE = np.uint64(1)


if DISABLED:

    def _product(a, b):  # type: ignore[no-untyped-def]
        """The high and the low half of a b."""
        product = int(a) * int(b)
        return np.uint64(product >> 64), np.uint64(product & (2**64 - 1))

else:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def _product(typingctx, a, b):  # type: ignore[no-untyped-def]
        """The high and the low half of a b."""

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            word, wide = ir.IntType(64), ir.IntType(128)
            product = builder.mul(*(builder.zext(arg, wide) for arg in args))
            halves = builder.trunc(builder.lshr(product, wide(64)), word), builder.trunc(product, word)
            return context.make_tuple(builder, signature.return_type, halves)

        return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


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
