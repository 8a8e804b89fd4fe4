"""Random words of many addresses at once: row i of the result is drawn at (step_i, call_i), whatever the other rows are.

    row i = words(key, (step_i, call_i, use), count)          of minidl.backend.random

So what is drawn for a sample does not depend on the batch that it is in, nor on the order of the batches.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, backend_of, op


@op
def words_at(addresses: Array, key: tuple[int, int], use: int, count: int) -> Array:
    """Uniform 32-bit words (n, count) of addresses (n, 2), 64-bit pairs (step, call)."""
    xp, backend = array_namespace(addresses), backend_of(addresses)
    if not len(addresses):
        return xp.zeros((0, count), "uint32")
    counters = backend.to_numpy(addresses).tolist()
    return xp.stack([backend.random_words(key, (step, call, use), count) for step, call in counters])
