// Batch normalisation. Formulas: minidl/ops/normalization.py.
// Shapes: x, y, dy, dx (rows, channels), one row per pixel of every sample; everything else (channels,).
#include "reduce.cuh"

KERNEL(256) sums(const real *x, double *partial, long long rows, int channels)
{
    __shared__ Lines lines;
    column_sums(lines, rows, channels, partial, [&](long long row, int c) { return (double)x[row * channels + c]; });
}

// Squares of x - mean: two passes, as sum and sum of squares in one would lose every digit far from zero.
KERNEL(256) centred_squares(const real *x, const real *mean, double *partial, long long rows, int channels)
{
    __shared__ Lines lines;
    column_sums(lines, rows, channels, partial, [&](long long row, int c) {
        const real centred = x[row * channels + c] - mean[c];
        return (double)(centred * centred);
    });
}

// gamma (x - mean) / sqrt(variance + epsilon) + beta of channel c; a null gamma is 1, a null beta 0
__device__ real normalized(
    real x, const real *mean, const real *variance, const real *gamma, const real *beta, real epsilon, int c)
{
    const real h = (x - mean[c]) / sqrt(variance[c] + epsilon);
    return (gamma ? h * gamma[c] : h) + (beta ? beta[c] : (real)0);
}

// y, with relu above zero only
KERNEL(256) normalize(
    const real *x, const real *mean, const real *variance, const real *gamma, const real *beta, real *y, real epsilon,
    bool relu, long long numbers, int channels)
{
    FOR_EACH(i, numbers)
    {
        const real v = normalized(x[i], mean, variance, gamma, beta, epsilon, where(i, channels).column);
        y[i] = relu && v < 0 ? (real)0 : v; // NaN is not below zero
    }
}

// dbeta = sum dy and dgamma = sum dy h, with h = (x - mean) / sqrt(variance + epsilon); with relu of the dy where y > 0
KERNEL(256) normalize_grad_sums(
    const real *dy, const real *x, const real *mean, const real *variance, const real *gamma, const real *beta,
    double *dbeta, double *dgamma, real epsilon, bool relu, long long rows, int channels)
{
    __shared__ Lines lines;
    auto passed = [&](long long i, int c) {
        const bool off = relu && !(normalized(x[i], mean, variance, gamma, beta, epsilon, c) > 0);
        return off ? (real)0 : dy[i];
    };
    column_sums(lines, rows, channels, dbeta, [&](long long row, int c) { return (double)passed(row * channels + c, c); });
    column_sums(lines, rows, channels, dgamma, [&](long long row, int c) {
        const real h = (x[row * channels + c] - mean[c]) * (1 / sqrt(variance[c] + epsilon));
        return (double)(passed(row * channels + c, c) * h);
    });
}

// dx = gamma / sqrt(variance + epsilon) (dy - dbeta / m - h dgamma / m), the last two terms where mean and variance are x's
KERNEL(256) normalize_grad(
    const real *dy, const real *x, const real *mean, const real *variance, const real *gamma, const real *beta,
    const real *dgamma, const real *dbeta, real *dx, real epsilon, bool of_batch, bool relu, long long rows, int channels)
{
    FOR_EACH(i, rows * channels)
    {
        const int c = where(i, channels).column;
        const bool off = relu && !(normalized(x[i], mean, variance, gamma, beta, epsilon, c) > 0);
        const real dyi = off ? (real)0 : dy[i];
        const real inverse = 1 / sqrt(variance[c] + epsilon);
        const real h = (x[i] - mean[c]) * inverse;
        const real d = of_batch ? dyi - dbeta[c] / rows - h * (dgamma[c] / rows) : dyi;
        dx[i] = d * (gamma ? gamma[c] * inverse : inverse);
    }
}
