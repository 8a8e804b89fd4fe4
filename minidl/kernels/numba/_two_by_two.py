"""Pools of 2 x 2 numbers, a row of windows inside the image at a time: the usual case, without a look at borders.

Few channels would leave lanes idle: of up to ``HALF``, two neighbouring windows share a vector. A vector may be stored over
what comes behind its window, as the next one overwrites that; so windows are taken in the order of memory, and what a task
must not touch begins at ``end``. Where that is must not show in the bits of a mean, so the order of its sum is fixed. All
arrays are flat; the windows of a row begin ``step`` numbers apart.
"""

from __future__ import annotations

from minidl.kernels.numba._jit import inner
from minidl.kernels.numba._vector import (
    HALF,
    LANES,
    added,
    load,
    load_all,
    load_two,
    prefetch,
    splat,
    store,
    store_all,
    store_first,
    store_second,
    where,
)


@inner
def larger(best, winner, candidate, tap):  # type: ignore[no-untyped-def]
    """The best so far and its tap, after one more candidate."""
    keep = (candidate <= best) | (best != best)  # of equal numbers the first wins, and a NaN beats every number
    return where(keep, best, candidate), where(keep, winner, tap)


@inner
def _pooled(a, b, c, d, first):  # type: ignore[no-untyped-def]
    """The largest of the four taps and which it is, ``first`` being a vector of zeros."""
    best, winner = larger(a, first, b, 1)
    best, winner = larger(best, winner, c, 2)
    return larger(best, winner, d, 3)


@inner
def pool_row(x, at, down, step, channels, count, y, winners, to, end):  # type: ignore[no-untyped-def]
    """The largest numbers of ``count`` windows, the first at x[at], and their taps; without ``winners`` the means."""
    right, mean, first = channels, len(winners) == 0, splat(winners, 0)
    j = 0
    while channels <= HALF and j + 2 <= count:  # two windows in a vector
        k, t = at + j * step, to + j * channels
        if t + channels + HALF > end or k + step + down + right + HALF > len(x):
            break
        a, b = load_two(x, k, k + step), load_two(x, k + right, k + right + step)
        c, d = load_two(x, k + down, k + down + step), load_two(x, k + down + right, k + down + right + step)
        best, winner = added(added(a, b), added(c, d)) * 0.25, first
        if not mean:
            best, winner = _pooled(a, b, c, d, first)
            store_first(winners, t, winner)
            store_second(winners, t + channels, winner)
        store_first(y, t, best)
        store_second(y, t + channels, best)
        j += 2
    while j < count:
        k, t = at + j * step, to + j * channels
        inside = t + LANES <= end and k + down + right + LANES <= len(x)
        for block in range(0, channels, LANES):
            if channels >= LANES or inside:  # whole vectors, the last of which overlaps
                o = min(block, max(channels - LANES, 0))
                for tap in (k + o, k + o + right):  # the windows below, whose memory is met next
                    prefetch(x, tap + 2 * down)
                    prefetch(x, tap + 3 * down)
                a, b = load_all(x, k + o), load_all(x, k + o + right)
                c, d = load_all(x, k + o + down), load_all(x, k + o + down + right)
                best, winner = added(added(a, b), added(c, d)) * 0.25, first
                if not mean:
                    best, winner = _pooled(a, b, c, d, first)
                    store_all(winners, t + o, winner)
                store_all(y, t + o, best)
            else:
                a, b = load(x, k, channels, 0), load(x, k + right, channels, 0)
                c, d = load(x, k + down, channels, 0), load(x, k + down + right, channels, 0)
                best, winner = added(added(a, b), added(c, d)) * 0.25, first
                if not mean:
                    best, winner = _pooled(a, b, c, d, first)
                    store(winners, t, channels, winner)
                store(y, t, channels, best)
        j += 1


@inner
def spread_row(dy, winners, of, dx, at, down, channels, count, end):  # type: ignore[no-untyped-def]
    """dx of ``count`` windows side by side, the first at dx[at]: dy to the winner; without ``winners`` a quarter to all."""
    right, step, to_all, none = channels, 2 * channels, len(winners) == 0, splat(winners, 0)
    everywhere, share = splat(winners, 1 if to_all else 0) == 1, 0.25 if to_all else 1.0
    for j in range(count if channels >= LANES else 0):
        for block in range(0, channels, LANES):
            o = min(block, channels - LANES)  # whole vectors, the last of which overlaps
            k, t = of + j * channels + o, at + j * step + o
            d, winner = load_all(dy, k) * share, none
            if not to_all:
                winner = load_all(winners, k)
            store_all(dx, t, where(everywhere | (winner == 0), d, 0))
            store_all(dx, t + right, where(everywhere | (winner == 1), d, 0))
            store_all(dx, t + down, where(everywhere | (winner == 2), d, 0))
            store_all(dx, t + down + right, where(everywhere | (winner == 3), d, 0))
    for r in range(2 if channels < LANES else 0):  # a row after the other, as the end of one is written over by the next
        line, j = at + r * down, 0
        while channels <= HALF and j + 2 <= count:
            k, t = of + j * channels, line + j * step
            if t + step + right + HALF > end or k + channels + HALF > len(dy):
                break
            d, winner = load_two(dy, k, k + channels) * share, none
            if not to_all:
                winner = load_two(winners, k, k + channels)
            a, b = where(everywhere | (winner == 2 * r), d, 0), where(everywhere | (winner == 2 * r + 1), d, 0)
            store_first(dx, t, a)
            store_first(dx, t + right, b)
            store_second(dx, t + step, a)
            store_second(dx, t + step + right, b)
            j += 2
        while j < count:
            k, t = of + j * channels, line + j * step
            inside = t + right + LANES <= end and k + LANES <= len(dy)
            some = LANES if inside else channels
            d, winner = load(dy, k, some, 0) * share, none
            if not to_all:
                winner = load(winners, k, some, 0)
            store(dx, t, some, where(everywhere | (winner == 2 * r), d, 0))
            store(dx, t + right, some, where(everywhere | (winner == 2 * r + 1), d, 0))
            j += 1
