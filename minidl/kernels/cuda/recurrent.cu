// The pointwise parts of recurrent steps; the products stand around them. Formulas: minidl/ops/recurrent.py.
// Shapes: gates and their gradients (n, steps, 1, 3 or 4 units), h, c, p, dh (n, steps, units), mask (n, steps), null for none;
// of one time h0, c0, dh_later, dc_later, dq (n, units), from_h (n, 3 units).
// A thread computes one unit of one sample at time t. A step that the mask leaves out hands on what was before.
#include "common.cuh"

enum { LINEAR, SIGMOID, TANH, RELU, SOFTPLUS, HARD_SIGMOID, HARD_SIGMOID_5 }; // as in recurrent.py

// Always one branch for the whole grid.
__device__ inline real activate(int activation, real x)
{
    const real e = exp(-fabs(x)), line = x / (activation == HARD_SIGMOID_5 ? 5 : 6) + (real)0.5;
    switch (activation) {
    case SIGMOID: return (x >= 0 ? (real)1 : e) / (1 + e);
    case TANH: return tanh(x);
    case RELU: return rectified(x);
    case SOFTPLUS: return (x > 0 ? x : (real)0) + log1p(e);
    case HARD_SIGMOID:
    case HARD_SIGMOID_5: return line < 0 ? (real)0 : line > 1 ? (real)1 : line;
    default: return x;
    }
}

// The derivative, written with the output y.
__device__ inline real slope(int activation, real y)
{
    switch (activation) {
    case SIGMOID: return y * (1 - y);
    case TANH: return 1 - y * y;
    case RELU: return y > 0 ? (real)1 : (real)0;
    case SOFTPLUS: return -expm1(-y);
    case HARD_SIGMOID: return y > 0 && y < 1 ? (real)1 / 6 : (real)0;
    case HARD_SIGMOID_5: return y > 0 && y < 1 ? (real)1 / 5 : (real)0;
    default: return 1;
    }
}

#define SIZES int n, int steps, int units, int t

// Unit k of the n * units at time t.
struct Unit {
    long long here, gate; // its place in an array of all times, and of its first gate
    bool counts;          // whether the mask has the step
};

__device__ inline Unit unit_at(long long k, int steps, int units, int t, int gates, const bool *mask)
{
    const long long time = k / units * steps + t, unit = k % units;
    return {time * units + unit, time * gates * units + unit, !mask || mask[time]};
}

// -- simple network: h holds z before ------------------------------------------------------------------------------------

KERNEL(256) simple_step(const real *h0, real *h, const bool *mask, SIZES, int activation)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 1, mask);
        h[at.here] = at.counts ? activate(activation, h[at.here]) : t ? h[at.here - units] : h0[k];
    }
}

// One step back, here and below: the product that follows adds to dh_later. Nothing is read of it at the last time.
KERNEL(256) simple_step_grad(
    const real *dh, real *dh_later, const real *h, const bool *mask, real *dz, SIZES, int activation, bool last)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 1, mask);
        const real dh_t = dh[at.here] + (last ? (real)0 : dh_later[k]);
        dz[at.here] = at.counts ? dh_t * slope(activation, h[at.here]) : (real)0;
        dh_later[k] = at.counts ? (real)0 : dh_t;
    }
}

// -- LSTM ----------------------------------------------------------------------------------------------------------------

// [i f g o] = s(z), s(z), a(z), s(z) in place;  c_t = f c_{t-1} + i g;  h_t = o a(c_t)
KERNEL(256) lstm_step(
    real *gates, const real *h0, const real *c0, real *c, real *h, const bool *mask, SIZES, int activation, int recurrent)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 4, mask);
        real *z = gates + at.gate;
        const real i = activate(recurrent, z[0]), f = activate(recurrent, z[units]);
        const real g = activate(activation, z[2 * units]), o = activate(recurrent, z[3 * units]);
        const real h_before = t ? h[at.here - units] : h0[k], c_before = t ? c[at.here - units] : c0[k];
        const real c_t = f * c_before + i * g;
        c[at.here] = at.counts ? c_t : c_before;
        h[at.here] = at.counts ? o * activate(activation, c_t) : h_before;
        z[0] = i, z[units] = f, z[2 * units] = g, z[3 * units] = o;
    }
}

// dz_t, and dc f for the step before; without a dc of the last cell nothing is read of dc_later at the last time.
KERNEL(256) lstm_step_grad(
    const real *dh, real *dh_later, const real *gates, const real *c0, const real *c, const bool *mask, real *dc_later,
    real *dz, SIZES, int activation, int recurrent, bool last, bool no_dc)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 4, mask);
        const real *z = gates + at.gate;
        const real i = z[0], f = z[units], g = z[2 * units], o = z[3 * units];
        const real c_before = t ? c[at.here - units] : c0[k], a_of_c = activate(activation, c[at.here]);
        const real dh_t = dh[at.here] + (last ? (real)0 : dh_later[k]), dc_t = last && no_dc ? (real)0 : dc_later[k];
        const real dc = dh_t * o * slope(activation, a_of_c) + dc_t;
        real *d = dz + at.gate;
        d[0] = at.counts ? dc * g * slope(recurrent, i) : (real)0;
        d[units] = at.counts ? dc * c_before * slope(recurrent, f) : (real)0;
        d[2 * units] = at.counts ? dc * i * slope(activation, g) : (real)0;
        d[3 * units] = at.counts ? dh_t * a_of_c * slope(recurrent, o) : (real)0;
        dh_later[k] = at.counts ? (real)0 : dh_t;
        dc_later[k] = at.counts ? dc * f : dc_t;
    }
}

// -- GRU -----------------------------------------------------------------------------------------------------------------

// With reset_after: from_h = h_{t-1} U, to which a bias b (3 units,) comes that may be null;  p = its last part;
// [z r g] = s, s, a of the input's part in `gates` and the state's, g with r p;  h_t = z h_{t-1} + (1 - z) g
KERNEL(256) gru_step(
    const real *from_h, const real *b, real *gates, const real *h0, real *h, real *p, const bool *mask, SIZES, int activation,
    int recurrent)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 3, mask);
        const long long unit = k % units;
        const real *of_h = from_h + k / units * 3 * units + unit;
        auto part = [&](int i) { return of_h[i * units] + (b ? b[i * units + unit] : (real)0); };
        real *gate = gates + at.gate;
        const real z = activate(recurrent, gate[0] + part(0)), r = activate(recurrent, gate[units] + part(1));
        const real g = activate(activation, gate[2 * units] + r * part(2)), before = t ? h[at.here - units] : h0[k];
        h[at.here] = at.counts ? z * before + (1 - z) * g : before;
        gate[0] = z, gate[units] = r, gate[2 * units] = g, p[at.here] = part(2);
    }
}

// Without, before the second product: [z r] = s in place, and p = r h_{t-1}
KERNEL(256) gru_reset(real *gates, const real *h0, const real *h, real *p, SIZES, int recurrent)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 3, nullptr);
        real *gate = gates + at.gate;
        gate[0] = activate(recurrent, gate[0]), gate[units] = activate(recurrent, gate[units]);
        p[at.here] = gate[units] * (t ? h[at.here - units] : h0[k]);
    }
}

// Behind it: g = a in place, and h_t
KERNEL(256) gru_candidate(real *gates, const real *h0, real *h, const bool *mask, SIZES, int activation)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 3, mask);
        real *gate = gates + at.gate;
        const real z = gate[0], g = activate(activation, gate[2 * units]), before = t ? h[at.here - units] : h0[k];
        h[at.here] = at.counts ? z * before + (1 - z) * g : before;
        gate[2 * units] = g;
    }
}

// [dz dr dg] of the input's part, the same with dg r of the state's, and dh z for h_{t-1}. Without reset_after p is null,
// the two are one array, and dr is left to gru_reset_grad.
KERNEL(256) gru_step_grad(
    const real *dh, real *dh_later, const real *gates, const real *h0, const real *h, const real *p, const bool *mask,
    real *of_x, real *of_h, SIZES, int activation, int recurrent, bool last)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 3, mask);
        const real z = gates[at.gate], r = gates[at.gate + units], g = gates[at.gate + 2 * units];
        const real dh_t = dh[at.here] + (last ? (real)0 : dh_later[k]), before = t ? h[at.here - units] : h0[k];
        const real dz = at.counts ? dh_t * (before - g) * slope(recurrent, z) : (real)0;
        const real dg = at.counts ? dh_t * (1 - z) * slope(activation, g) : (real)0;
        const real dr = at.counts && p ? dg * p[at.here] * slope(recurrent, r) : (real)0;
        real *d_x = of_x + at.gate, *d_h = of_h + at.gate;
        d_x[0] = d_h[0] = dz, d_x[units] = d_h[units] = dr, d_x[2 * units] = dg;
        if (p) d_h[2 * units] = at.counts ? dg * r : (real)0;
        dh_later[k] = at.counts ? dh_t * z : dh_t;
    }
}

// From dq = dg U_g^T: dr, and r dq for h_{t-1}
KERNEL(256) gru_reset_grad(
    const real *dq, real *dh_later, const real *gates, const real *h0, const real *h, const bool *mask, real *dz, SIZES,
    int recurrent)
{
    FOR_EACH(k, (long long)n * units)
    {
        const Unit at = unit_at(k, steps, units, t, 3, mask);
        if (!at.counts) continue;
        const real r = gates[at.gate + units];
        dz[at.gate + units] = dq[k] * (t ? h[at.here - units] : h0[k]) * slope(recurrent, r);
        dh_later[k] += r * dq[k];
    }
}
