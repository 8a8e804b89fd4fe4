"""Recurrent networks as loops over samples, times and units, each sum exact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Scalars = dict[str, Callable[..., float]]


def by_loops(curves: Scalars, slopes: Scalars) -> dict[str, Callable[..., tuple]]:
    """The ops of ``minidl/ops/recurrent.py``; ``curves`` are activations of one number, ``slopes`` (dy, y) their gradients."""

    def times(row: Any, U: Any, column: int) -> float:
        return math.fsum(float(row[k]) * float(U[k, column]) for k in range(len(row)))

    def back(row: Any, U: Any, unit: int, columns: range) -> float:
        return math.fsum(float(row[k]) * float(U[unit, k]) for k in columns)

    def skipped(mask: Any, sample: int, t: int) -> bool:
        return mask is not None and not mask[sample, t]

    def simple_rnn(x: Any, W: Any, U: Any, b: Any, h0: Any, activation: str, mask: Any = None) -> tuple:
        (n, steps, _), units = x.shape, U.shape[0]
        h = np.zeros((n, steps, units))
        for sample, t in itertools.product(range(n), range(steps)):
            before = h[sample, t - 1] if t else h0[sample]
            for u in range(units):
                z = times(x[sample, t], W, u) + times(before, U, u) + (float(b[u]) if b is not None else 0.0)
                h[sample, t, u] = before[u] if skipped(mask, sample, t) else curves[activation](z)
        return (h,)

    def simple_rnn_grad(dh: Any, U: Any, h: Any, activation: str, mask: Any = None) -> tuple:
        n, steps, units = dh.shape
        dz, dh0 = np.zeros((n, steps, units)), np.zeros((n, units))
        for sample in range(n):
            owed = [0.0] * units
            for t in range(steps - 1, -1, -1):
                now = [float(dh[sample, t, u]) + owed[u] for u in range(units)]
                if skipped(mask, sample, t):
                    owed = now
                    continue
                for u in range(units):
                    dz[sample, t, u] = slopes[activation](now[u], float(h[sample, t, u]))
                owed = [back(dz[sample, t], U, u, range(units)) for u in range(units)]
            dh0[sample] = owed
        return dz, dh0

    def lstm(x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, activation: str, recurrent: str, mask: Any = None) -> tuple:
        (n, steps, _), units = x.shape, U.shape[0]
        a, s = curves[activation], curves[recurrent]
        h, c, gates = np.zeros((n, steps, units)), np.zeros((n, steps, units)), np.zeros((n, steps, 4 * units))
        for sample, t in itertools.product(range(n), range(steps)):
            before, cell = (h[sample, t - 1], c[sample, t - 1]) if t else (h0[sample], c0[sample])
            for k in range(4 * units):
                z = times(x[sample, t], W, k) + times(before, U, k) + (float(b[k]) if b is not None else 0.0)
                gates[sample, t, k] = (a if k // units == 2 else s)(z)
            for u in range(units):
                i, f, g, o = (gates[sample, t, block * units + u] for block in range(4))
                now = f * float(cell[u]) + i * g
                skip = skipped(mask, sample, t)
                c[sample, t, u], h[sample, t, u] = (cell[u], before[u]) if skip else (now, o * a(now))
        return h, c, gates

    def lstm_grad(
        dh: Any, U: Any, c0: Any, c: Any, gates: Any, activation: str, recurrent: str, dc: Any = None, mask: Any = None
    ) -> tuple:
        n, steps, units = dh.shape
        a, a_slope, s_slope = curves[activation], slopes[activation], slopes[recurrent]
        dz, dh0, dc0 = np.zeros((n, steps, 4 * units)), np.zeros((n, units)), np.zeros((n, units))
        for sample in range(n):
            owed, owed_c = [0.0] * units, [0.0 if dc is None else float(dc[sample, u]) for u in range(units)]
            for t in range(steps - 1, -1, -1):
                now = [float(dh[sample, t, u]) + owed[u] for u in range(units)]
                if skipped(mask, sample, t):
                    owed = now
                    continue
                for u in range(units):
                    i, f, g, o = (float(gates[sample, t, block * units + u]) for block in range(4))
                    squashed, before = a(float(c[sample, t, u])), float(c[sample, t - 1, u] if t else c0[sample, u])
                    d_cell = a_slope(now[u] * o, squashed) + owed_c[u]
                    dz[sample, t, u] = s_slope(d_cell * g, i)
                    dz[sample, t, units + u] = s_slope(d_cell * before, f)
                    dz[sample, t, 2 * units + u] = a_slope(d_cell * i, g)
                    dz[sample, t, 3 * units + u] = s_slope(now[u] * squashed, o)
                    owed_c[u] = d_cell * f
                owed = [back(dz[sample, t], U, u, range(4 * units)) for u in range(units)]
            dh0[sample], dc0[sample] = owed, owed_c
        return dz, dh0, dc0

    def gru(
        x: Any, W: Any, U: Any, b: Any, h0: Any, activation: str, recurrent: str, after: bool = True, mask: Any = None
    ) -> tuple:
        (n, steps, _), units = x.shape, U.shape[0]
        a, s = curves[activation], curves[recurrent]
        of_x = np.zeros(3 * units) if b is None else b[0] if after else b
        of_h = np.zeros(3 * units) if b is None or not after else b[1]
        h, gates, p = np.zeros((n, steps, units)), np.zeros((n, steps, 3 * units)), np.zeros((n, steps, units))
        for sample, t in itertools.product(range(n), range(steps)):
            before = h[sample, t - 1] if t else h0[sample]
            for k in range(2 * units):
                z = times(x[sample, t], W, k) + float(of_x[k]) + times(before, U, k) + float(of_h[k])
                gates[sample, t, k] = s(z)
            reset = [gates[sample, t, units + u] * float(before[u]) for u in range(units)]
            for u in range(units):
                k = 2 * units + u
                p[sample, t, u] = times(before, U, k) + float(of_h[k]) if after else reset[u]
                seen = gates[sample, t, units + u] * p[sample, t, u] if after else times(reset, U, k)
                gates[sample, t, k] = a(times(x[sample, t], W, k) + float(of_x[k]) + seen)
            for u in range(units):
                z, g = gates[sample, t, u], gates[sample, t, 2 * units + u]
                now = z * float(before[u]) + (1 - z) * g
                h[sample, t, u] = before[u] if skipped(mask, sample, t) else now
        return h, gates, p

    def gru_grad(
        dh: Any,
        U: Any,
        h0: Any,
        h: Any,
        gates: Any,
        p: Any,
        activation: str,
        recurrent: str,
        after: bool = True,
        mask: Any = None,
    ) -> tuple:
        n, steps, units = dh.shape
        a_slope, s_slope = slopes[activation], slopes[recurrent]
        of_x, of_h, dh0 = np.zeros((n, steps, 3 * units)), np.zeros((n, steps, 3 * units)), np.zeros((n, units))
        for sample in range(n):
            owed = [0.0] * units
            for t in range(steps - 1, -1, -1):
                now = [float(dh[sample, t, u]) + owed[u] for u in range(units)]
                if skipped(mask, sample, t):
                    owed = now
                    continue
                before = h[sample, t - 1] if t else h0[sample]
                z, r, g = (gates[sample, t, block * units : (block + 1) * units] for block in range(3))
                dg = [a_slope(now[u] * (1 - float(z[u])), float(g[u])) for u in range(units)]
                behind = [math.fsum(dg[k] * float(U[u, 2 * units + k]) for k in range(units)) for u in range(units)]
                owed = []
                for u in range(units):
                    of_x[sample, t, u] = s_slope(now[u] * (float(before[u]) - float(g[u])), float(z[u]))
                    d_r = dg[u] * float(p[sample, t, u]) if after else behind[u] * float(before[u])
                    of_x[sample, t, units + u] = s_slope(d_r, float(r[u]))
                    of_x[sample, t, 2 * units + u] = dg[u]
                    of_h[sample, t, 2 * units + u] = dg[u] * float(r[u]) if after else dg[u]
                of_h[sample, t, : 2 * units] = of_x[sample, t, : 2 * units]
                for u in range(units):
                    direct = now[u] * float(z[u])
                    gated = back(of_h[sample, t], U, u, range(2 * units))
                    rest = back(of_h[sample, t], U, u, range(2 * units, 3 * units)) if after else float(r[u]) * behind[u]
                    owed.append(direct + gated + rest)
            dh0[sample] = owed
        return of_x, of_h, dh0

    def states_before(h0: Any, h: Any) -> tuple:
        n, steps, units = h.shape
        found = np.zeros(h.shape)
        for sample, t, u in itertools.product(range(n), range(steps), range(units)):
            found[sample, t, u] = h[sample, t - 1, u] if t else h0[sample, u]
        return (found,)

    found = (states_before, simple_rnn, simple_rnn_grad, lstm, lstm_grad, gru, gru_grad)
    return {f"recurrent.{f.__name__}": f for f in found}
