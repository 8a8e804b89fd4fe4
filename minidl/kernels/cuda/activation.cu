// Activation functions, element by element: y = f(x), and dx = dy f'(x) written with y. Formulas: minidl/ops/activation.py.
// Shapes: all arrays (n,); `groups` is n / WIDTH.
#include "numbers.cuh"

KERNEL(256) sign(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) { return x > 0 ? (real)1 : x < 0 ? (real)-1 : x; }); // NaN stays NaN
}

// 1 / (1 + exp(-x)), with the exponential of -|x| only, which cannot overflow.
KERNEL(256) sigmoid(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) {
        const real e = exp(-fabs(x));
        return (x >= 0 ? (real)1 : e) / (1 + e);
    });
}

KERNEL(256) sigmoid_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return dy * y * (1 - y); });
}

KERNEL(256) tanh_(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) { return tanh(x); });
}

KERNEL(256) tanh_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return dy * (1 - y * y); });
}

KERNEL(256) relu(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) { return rectified(x); });
}

KERNEL(256) relu_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return y > 0 ? dy : (real)0; });
}

// log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|))
KERNEL(256) softplus(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) { return (x > 0 ? x : (real)0) + log1p(exp(-fabs(x))); });
}

KERNEL(256) softplus_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return -dy * expm1(-y); });
}

KERNEL(256) leaky_relu(const real *x, real *y, long long groups, real slope)
{
    each(x, y, groups, [=](real x) { return x > 0 ? x : x * slope; });
}

KERNEL(256) leaky_relu_grad(const real *dy, const real *y, real *dx, long long groups, real slope)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return y > 0 ? dy : dy * slope; });
}

KERNEL(256) elu(const real *x, real *y, long long groups, real alpha)
{
    each(x, y, groups, [=](real x) { return x > 0 ? x : alpha * expm1(x); });
}

KERNEL(256) elu_grad(const real *dy, const real *y, real *dx, long long groups, real alpha)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return y > 0 ? dy : dy * (y + alpha); });
}

KERNEL(256) hard_sigmoid(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) {
        const real line = x / 6 + (real)0.5;
        return line < 0 ? (real)0 : line > 1 ? (real)1 : line;
    });
}

KERNEL(256) hard_sigmoid_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return y > 0 && y < 1 ? dy / 6 : (real)0; });
}

KERNEL(256) selu(const real *x, real *y, long long groups, real scale, real alpha)
{
    each(x, y, groups, [=](real x) { return x > 0 ? scale * x : scale * alpha * expm1(x); });
}

KERNEL(256) selu_grad(const real *dy, const real *y, real *dx, long long groups, real scale, real alpha)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return y > 0 ? dy * scale : dy * (y + scale * alpha); });
}

// Beyond 1e30, where y is 1, x is cut: infinity over infinity has no value.
KERNEL(256) softsign(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) {
        const real size = fabs(x) > (real)1e30 ? (real)1e30 : fabs(x);
        return (x < 0 ? -size : size) / (1 + size);
    });
}

KERNEL(256) softsign_grad(const real *dy, const real *y, real *dx, long long groups)
{
    each(dy, y, dx, groups, [=](real dy, real y) { return dy * (1 - fabs(y)) * (1 - fabs(y)); });
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

KERNEL(256) swish(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) {
        const real v = at_least(-EXP_IS_ZERO, x);
        return v * sigmoid_of(v);
    });
}

KERNEL(256) swish_grad(const real *dy, const real *x, real *dx, long long groups)
{
    each(dy, x, dx, groups, [=](real dy, real x) {
        const real v = within(EXP_IS_ZERO, x);
        return dy * sigmoid_of(v) * (1 + v * sigmoid_of(-v));
    });
}

KERNEL(256) gelu(const real *x, real *y, long long groups, bool approximate)
{
    each(x, y, groups, [=](real x) {
        const real v = at_least(-CDF_IS_ZERO, x);
        return v * (approximate ? sigmoid_of(ROOT * v * (1 + CUBIC * v * v)) : normcdf(v));
    });
}

KERNEL(256) gelu_grad(const real *dy, const real *x, real *dx, long long groups, bool approximate)
{
    each(dy, x, dx, groups, [=](real dy, real x) {
        const real v = within(CDF_IS_ZERO, x), g = ROOT * v * (1 + CUBIC * v * v);
        const real slope = approximate
                               ? sigmoid_of(g) * (1 + v * sigmoid_of(-g) * ROOT * (1 + 3 * CUBIC * v * v))
                               : normcdf(v) + v * DENSITY * exp(-v * v / 2);
        return dy * slope;
    });
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

KERNEL(256) mish(const real *x, real *y, long long groups)
{
    each(x, y, groups, [=](real x) {
        const real v = at_least(-EXP_IS_ZERO, x);
        const Mish m = mish_of(v);
        return v * (m.above / m.below);
    });
}

KERNEL(256) mish_grad(const real *dy, const real *x, real *dx, long long groups)
{
    each(dy, x, dx, groups, [=](real dy, real x) {
        const real v = within(EXP_IS_ZERO, x);
        const Mish m = mish_of(v);
        const real w = m.above / m.below;
        return dy * (w + v * sigmoid_of(v) * (m.rest / m.below) * (1 + w));
    });
}
