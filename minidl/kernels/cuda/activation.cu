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
