// Layer normalisation. Formulas: minidl/ops/layer_normalization.py.
// Shapes: x, y, dy, dx (rows, columns), mean and r (rows,), gamma and beta (columns,); a null gamma is 1, a null beta 0.
#include "rows.cuh"

// The mean first and then the variance: in one pass every digit would be lost far from zero.
KERNEL(256) layer_normalize(
    const real *x, const real *gamma, const real *beta, real *y, real *mean, real *r, real epsilon, bool wide,
    long long rows, int columns)
{
    __shared__ double sums[2][WARPS];
    const Team team = my_team(wide);
    if (team.row >= rows) return; // a whole team at a time: nobody waits for it
    x += team.row * columns, y += team.row * columns;
    const real middle = team_mean(team, sums[0], columns, [&](int j) { return x[j]; });
    const real variance = team_mean(team, sums[1], columns, [&](int j) { return (x[j] - middle) * (x[j] - middle); });
    const real scale = 1 / sqrt(variance + epsilon);
    EACH_OF_TEAM(j, team, columns)
    {
        const real h = (x[j] - middle) * scale;
        y[j] = (gamma ? h * gamma[j] : h) + (beta ? beta[j] : (real)0);
    }
    if (team.first == 0) mean[team.row] = middle, r[team.row] = scale;
}

// h of a number of x; where the mean is null it is h already
__device__ inline real normalized(real x, const real *mean, const real *r, long long row)
{
    return mean ? (x - mean[row]) * r[row] : x;
}

// dx = r (g - mean of g - h times the mean of g h)  with g = gamma dy
KERNEL(256) layer_normalize_grad(
    const real *dy, const real *x, const real *mean, const real *r, const real *gamma, real *dx, bool wide, long long rows,
    int columns)
{
    __shared__ double sums[2][WARPS];
    const Team team = my_team(wide);
    if (team.row >= rows) return;
    dy += team.row * columns, x += team.row * columns, dx += team.row * columns;
    auto h = [&](int j) { return normalized(x[j], mean, r, team.row); };
    auto g = [&](int j) { return gamma ? dy[j] * gamma[j] : dy[j]; };
    const real of_g = team_mean(team, sums[0], columns, g);
    const real along_h = team_mean(team, sums[1], columns, [&](int j) { return g(j) * h(j); });
    EACH_OF_TEAM(j, team, columns) dx[j] = r[team.row] * (g(j) - of_g - h(j) * along_h);
}

// dbeta = sum dy and dgamma = sum dy h, over the rows
KERNEL(256) layer_normalize_grad_sums(
    const real *dy, const real *x, const real *mean, const real *r, double *dbeta, double *dgamma, long long rows,
    int columns)
{
    __shared__ LinesOfTwo lines;
    column_sums(lines, rows, columns, dbeta, dgamma, [&](long long row, int c) {
        const real g = dy[row * columns + c];
        return Two{g, g * normalized(x[row * columns + c], mean, r, row)};
    });
}
