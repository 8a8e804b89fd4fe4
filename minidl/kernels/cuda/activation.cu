// Activation functions, element by element: y = f(x), and dx = dy f'(x) written with y. Formulas: minidl/ops/activation.py.
// Shapes: all arrays (n,).
#include "common.cuh"

KERNEL(256) sign(const real *x, real *y, long long n)
{
    FOR_EACH(i, n) y[i] = x[i] > 0 ? (real)1 : x[i] < 0 ? (real)-1 : x[i]; // NaN stays NaN
}

// 1 / (1 + exp(-x)), with the exponential of -|x| only, which cannot overflow.
KERNEL(256) sigmoid(const real *x, real *y, long long n)
{
    FOR_EACH(i, n)
    {
        const real e = exp(-fabs(x[i]));
        y[i] = (x[i] >= 0 ? (real)1 : e) / (1 + e);
    }
}

KERNEL(256) sigmoid_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = dy[i] * y[i] * (1 - y[i]);
}

KERNEL(256) tanh_(const real *x, real *y, long long n)
{
    FOR_EACH(i, n) y[i] = tanh(x[i]);
}

KERNEL(256) tanh_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

KERNEL(256) relu(const real *x, real *y, long long n)
{
    FOR_EACH(i, n) y[i] = rectified(x[i]);
}

KERNEL(256) relu_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = y[i] > 0 ? dy[i] : (real)0;
}

// log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|))
KERNEL(256) softplus(const real *x, real *y, long long n)
{
    FOR_EACH(i, n) y[i] = (x[i] > 0 ? x[i] : (real)0) + log1p(exp(-fabs(x[i])));
}

KERNEL(256) softplus_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = -dy[i] * expm1(-y[i]);
}

KERNEL(256) leaky_relu(const real *x, real *y, long long n, real slope)
{
    FOR_EACH(i, n) y[i] = x[i] > 0 ? x[i] : x[i] * slope;
}

KERNEL(256) leaky_relu_grad(const real *dy, const real *y, real *dx, long long n, real slope)
{
    FOR_EACH(i, n) dx[i] = y[i] > 0 ? dy[i] : dy[i] * slope;
}

KERNEL(256) elu(const real *x, real *y, long long n, real alpha)
{
    FOR_EACH(i, n) y[i] = x[i] > 0 ? x[i] : alpha * expm1(x[i]);
}

KERNEL(256) elu_grad(const real *dy, const real *y, real *dx, long long n, real alpha)
{
    FOR_EACH(i, n) dx[i] = y[i] > 0 ? dy[i] : dy[i] * (y[i] + alpha);
}

KERNEL(256) hard_sigmoid(const real *x, real *y, long long n)
{
    FOR_EACH(i, n)
    {
        const real line = x[i] / 6 + (real)0.5;
        y[i] = line < 0 ? (real)0 : line > 1 ? (real)1 : line;
    }
}

KERNEL(256) hard_sigmoid_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = y[i] > 0 && y[i] < 1 ? dy[i] / 6 : (real)0;
}

KERNEL(256) selu(const real *x, real *y, long long n, real scale, real alpha)
{
    FOR_EACH(i, n) y[i] = x[i] > 0 ? scale * x[i] : scale * alpha * expm1(x[i]);
}

KERNEL(256) selu_grad(const real *dy, const real *y, real *dx, long long n, real scale, real alpha)
{
    FOR_EACH(i, n) dx[i] = y[i] > 0 ? dy[i] * scale : dy[i] * (y[i] + scale * alpha);
}

// Beyond 1e30, where y is 1, x is cut: infinity over infinity has no value.
KERNEL(256) softsign(const real *x, real *y, long long n)
{
    FOR_EACH(i, n)
    {
        const real size = fabs(x[i]) > (real)1e30 ? (real)1e30 : fabs(x[i]);
        y[i] = (x[i] < 0 ? -size : size) / (1 + size);
    }
}

KERNEL(256) softsign_grad(const real *dy, const real *y, real *dx, long long n)
{
    FOR_EACH(i, n) dx[i] = dy[i] * (1 - fabs(y[i])) * (1 - fabs(y[i]));
}

// -- swish, GELU, mish: their gradients need x, which is cut where the tails are 0 or 1 in double precision --------------

#define EXP_IS_ZERO ((real)800)
#define CDF_IS_ZERO ((real)40)
#define ROOT ((real)1.5957691216057308) // sqrt(8 / pi)
#define CUBIC ((real)0.044715)
#define DENSITY ((real)0.39894228040143268) // 1 / sqrt(2 pi)

__device__ inline real at_least(real low, real x) { return x < low ? low : x; } // NaN stays NaN
__device__ inline real within(real far, real x) { return x > far ? far : at_least(-far, x); }

__device__ inline real sigmoid_of(real x)
{
    const real e = exp(-fabs(x));
    return (x >= 0 ? (real)1 : e) / (1 + e);
}

KERNEL(256) swish(const real *x, real *y, long long n)
{
    FOR_EACH(i, n)
    {
        const real v = at_least(-EXP_IS_ZERO, x[i]);
        y[i] = v * sigmoid_of(v);
    }
}

KERNEL(256) swish_grad(const real *dy, const real *x, real *dx, long long n)
{
    FOR_EACH(i, n)
    {
        const real v = within(EXP_IS_ZERO, x[i]);
        dx[i] = dy[i] * sigmoid_of(v) * (1 + v * sigmoid_of(-v));
    }
}

KERNEL(256) gelu(const real *x, real *y, long long n, bool approximate)
{
    FOR_EACH(i, n)
    {
        const real v = at_least(-CDF_IS_ZERO, x[i]);
        y[i] = v * (approximate ? sigmoid_of(ROOT * v * (1 + CUBIC * v * v)) : normcdf(v));
    }
}

KERNEL(256) gelu_grad(const real *dy, const real *x, real *dx, long long n, bool approximate)
{
    FOR_EACH(i, n)
    {
        const real v = within(CDF_IS_ZERO, x[i]), g = ROOT * v * (1 + CUBIC * v * v);
        const real slope = approximate
                               ? sigmoid_of(g) * (1 + v * sigmoid_of(-g) * ROOT * (1 + 3 * CUBIC * v * v))
                               : normcdf(v) + v * DENSITY * exp(-v * v / 2);
        dx[i] = dy[i] * slope;
    }
}

// w = tanh(log(1 + exp x)) = above / below, divided by exp(2x) where x > 0; and 1 - w = rest / below.
struct Mish {
    real above, below, rest;
};

__device__ inline Mish mish_of(real x)
{
    const real e = exp(-fabs(x));
    if (x < 0) return {e * (e + 2), e * (e + 2) + 2, 2};
    return {1 + 2 * e, 1 + 2 * e * (1 + e), 2 * e * e};
}

KERNEL(256) mish(const real *x, real *y, long long n)
{
    FOR_EACH(i, n)
    {
        const real v = at_least(-EXP_IS_ZERO, x[i]);
        const Mish m = mish_of(v);
        y[i] = v * (m.above / m.below);
    }
}

KERNEL(256) mish_grad(const real *dy, const real *x, real *dx, long long n)
{
    FOR_EACH(i, n)
    {
        const real v = within(EXP_IS_ZERO, x[i]);
        const Mish m = mish_of(v);
        const real w = m.above / m.below;
        dx[i] = dy[i] * (w + v * sigmoid_of(v) * (m.rest / m.below) * (1 + w));
    }
}
