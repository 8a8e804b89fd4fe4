// The pointwise part of an LSTM step; the products stand around it. Formulas: minidl/ops/recurrent.py.
// Shapes: gates, dz (n, steps, 4 units), c, h, dh (n, steps, units), c_before, dh_later, dc_later (n, units).
// A thread computes one unit of one sample at time t.
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

// [i f g o] = s(z), s(z), a(z), s(z) in place;  c_t = f c_{t-1} + i g;  h_t = o a(c_t)
KERNEL(256) lstm_step(
    real *gates, const real *c0, real *c, real *h, int n, int steps, int units, int t, int activation, int recurrent)
{
    FOR_EACH(k, (long long)n * units)
    {
        const long long sample = k / units, unit = k % units, here = (sample * steps + t) * units + unit;
        real *z = gates + (sample * steps + t) * 4 * units + unit;
        const real i = activate(recurrent, z[0]), f = activate(recurrent, z[units]);
        const real g = activate(activation, z[2 * units]), o = activate(recurrent, z[3 * units]);
        const real c_before = t ? c[here - units] : c0[k];
        c[here] = f * c_before + i * g;
        h[here] = o * activate(activation, c[here]);
        z[0] = i, z[units] = f, z[2 * units] = g, z[3 * units] = o;
    }
}

// One step back: dz_t, and dc f for the step before. Nothing is read of dh_later and dc_later where no_dh and no_dc.
KERNEL(256) lstm_step_grad(
    const real *dh, const real *dh_later, const real *gates, const real *c0, const real *c, real *dc_later, real *dz, int n,
    int steps, int units, int t, int activation, int recurrent, int no_dh, int no_dc)
{
    FOR_EACH(k, (long long)n * units)
    {
        const long long sample = k / units, unit = k % units, here = (sample * steps + t) * units + unit;
        const long long start = (sample * steps + t) * 4 * units + unit;
        const real *z = gates + start;
        const real i = z[0], f = z[units], g = z[2 * units], o = z[3 * units];
        const real c_before = t ? c[here - units] : c0[k], a_of_c = activate(activation, c[here]);
        const real dh_t = dh[here] + (no_dh ? (real)0 : dh_later[k]);
        const real dc = dh_t * o * slope(activation, a_of_c) + (no_dc ? (real)0 : dc_later[k]);
        real *d = dz + start;
        d[0] = dc * g * slope(recurrent, i);
        d[units] = dc * c_before * slope(recurrent, f);
        d[2 * units] = dc * i * slope(activation, g);
        d[3 * units] = dh_t * a_of_c * slope(recurrent, o);
        dc_later[k] = dc * f;
    }
}
