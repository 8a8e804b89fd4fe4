// Softmax over the last axis: y_i = exp(x_i - max x) / sum_j exp(x_j - max x),  dx = y (dy - sum_j dy_j y_j).
// Shapes: all arrays (rows, classes). LANES threads take a row.
#include "rows.cuh"

KERNEL(256) softmax(const real *x, real *y, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return; // all threads of a row at a time: nobody waits for them in a shuffle
    x += row * classes, y += row * classes;
    const real top = row_max(x, classes);
    const real part = 1 / row_sum(classes, [&](int j) { return exp(x[j] - top); });
    EACH_OF_ROW(j, classes) y[j] = exp(x[j] - top) * part;
}

KERNEL(256) softmax_grad(const real *dy, const real *y, real *dx, long long rows, int classes)
{
    const long long row = my_row();
    if (row >= rows) return;
    dy += row * classes, y += row * classes, dx += row * classes;
    const real total = row_sum(classes, [&](int j) { return dy[j] * y[j]; });
    EACH_OF_ROW(j, classes) dx[j] = y[j] * (dy[j] - total);
}
