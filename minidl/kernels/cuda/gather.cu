// Rows of a data set by index, in the type of computation: y[i, :] = x[index[i], :]. `stored` is the type of x.
// Shapes: x (any, width), index (rows,), y (rows, width). Indices are checked on the host, where the data comes in.
#include "common.cuh"

KERNEL(256) gather(const stored *x, const long long *index, real *y, long long rows, long long width)
{
    FOR_EACH(i, rows * width) y[i] = (real)x[index[i / width] * width + i % width];
}
