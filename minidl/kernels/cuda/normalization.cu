// Batch normalisation. Formulas: minidl/ops/normalization.py.
// Shapes: x, y, dy, dx (rows, channels), one row per pixel of every sample; everything else (channels,).
#include "numbers.cuh"
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

// What a channel does to a number: h = (x - mean) / sqrt(variance + epsilon) and gamma h + beta; a null gamma is 1, a null beta 0.
struct Channel {
    real mean, inverse, gamma, beta; // inverse: 1 / sqrt(variance + epsilon)

    __device__ real h(real x) const { return (x - mean) * inverse; }
    __device__ real y(real x) const { return h(x) * gamma + beta; }
};

__device__ inline Channel channel_of(
    const real *mean, const real *variance, const real *gamma, const real *beta, real epsilon, int c)
{
    return {mean[c], rsqrt(variance[c] + epsilon), gamma ? gamma[c] : (real)1, beta ? beta[c] : (real)0};
}

// y, with relu above zero only. `groups` are the numbers / WIDTH, `wide` is channels / WIDTH.
KERNEL(256) normalize(
    const real *x, const real *mean, const real *variance, const real *gamma, const real *beta, real *y, real epsilon,
    bool relu, long long groups, int wide)
{
    FOR_EACH(i, groups)
    {
        const int c = where(i, wide).column * WIDTH;
        Numbers numbers = read(x + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) {
            const real v = channel_of(mean, variance, gamma, beta, epsilon, c + k).y(numbers.at[k]);
            numbers.at[k] = relu ? rectified(v) : v;
        }
        write(y + i * WIDTH, numbers);
    }
}

// dbeta = sum dy and dgamma = sum dy h; with relu of the dy where y > 0
KERNEL(256) normalize_grad_sums(
    const real *dy, const real *x, const real *mean, const real *variance, const real *gamma, const real *beta,
    double *dbeta, double *dgamma, real epsilon, bool relu, long long rows, int channels)
{
    __shared__ LinesOfTwo lines;
    const int mine = blockIdx.x * 32 + threadIdx.x % 32; // the only channel that this thread asks for
    const Channel channel = channel_of(mean, variance, gamma, beta, epsilon, mine < channels ? mine : 0);
    column_sums(lines, rows, channels, dbeta, dgamma, [&](long long row, int c) {
        const real number = x[row * channels + c], given = dy[row * channels + c];
        const real passed = relu && !(channel.y(number) > 0) ? (real)0 : given;
        return Two{passed, passed * channel.h(number)};
    });
}

// dx = gamma / sqrt(variance + epsilon) (dy - dbeta / m - h dgamma / m), the last two terms where mean and variance are x's;
// `each` is 1 / m there and 0 elsewhere.
KERNEL(256) normalize_grad(
    const real *dy, const real *x, const real *mean, const real *variance, const real *gamma, const real *beta,
    const real *dgamma, const real *dbeta, real *dx, real epsilon, real each, bool relu, long long groups, int wide)
{
    FOR_EACH(i, groups)
    {
        const int c = where(i, wide).column * WIDTH;
        Numbers numbers = read(dy + i * WIDTH);
        const Numbers of_x = read(x + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) {
            const Channel channel = channel_of(mean, variance, gamma, beta, epsilon, c + k);
            const real passed = relu && !(channel.y(of_x.at[k]) > 0) ? (real)0 : numbers.at[k];
            const real rest = each ? (dbeta[c + k] + channel.h(of_x.at[k]) * dgamma[c + k]) * each : (real)0;
            numbers.at[k] = (passed - rest) * (channel.gamma * channel.inverse);
        }
        write(dx + i * WIDTH, numbers);
    }
}
