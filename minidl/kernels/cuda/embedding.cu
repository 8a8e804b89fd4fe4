// Rows of a table by id, and the gradient of the table. Formulas: minidl/ops/embedding.py.
// Shapes: ids (n,), W and dW (rows, units), y and dy (n, units).
#include "common.cuh"

// y[i, :] = W[ids[i], :]; NaN where there is no such row
KERNEL(256) embed(const long long *ids, const real *W, real *y, long long n, long long rows, int units)
{
    FOR_EACH(i, n * units)
    {
        const Where at = where(i, units);
        const long long id = ids[at.row];
        y[i] = id >= 0 && id < rows ? W[id * units + at.column] : (real)nan("");
    }
}

// dW[r, :] = the sum of dy[i, :] over all i with ids[i] = r, in the order of i, without atomic additions: nobody else writes
// to the rows of a warp. It looks at 32 ids at a time, and its lanes are 32 units (blockIdx.y counts further ones).
KERNEL(256) embed_grad_W(
    const long long *ids, const real *dy, real *dW, long long n, long long rows, int units, int rows_of_warp)
{
    const int lane = threadIdx.x % 32, unit = blockIdx.y * 32 + lane;
    const long long first = (blockIdx.x * (long long)(blockDim.x / 32) + threadIdx.x / 32) * rows_of_warp;
    if (first >= rows) return; // a whole warp at a time: nobody waits for it
    const long long behind = first + rows_of_warp < rows ? first + rows_of_warp : rows;
    const bool mine = unit < units;
    if (mine)
        for (long long row = first; row < behind; row++) dW[row * units + unit] = 0;
    long long row = first; // whose sum this is; ids that follow each other are often equal, above all where they are padding
    real sum = 0;
    for (long long begin = 0; begin < n; begin += 32) {
        const long long id = begin + lane < n ? ids[begin + lane] : -1;
        unsigned left = __ballot_sync(ALL_LANES, id >= first && id < behind); // a bit for each of the 32 ids
        while (left) {
            const int source = __ffs(left) - 1;
            left &= left - 1;
            const long long next = __shfl_sync(ALL_LANES, id, source);
            if (!mine) continue;
            if (next != row) {
                dW[row * units + unit] = sum;
                sum = dW[next * units + unit];
                row = next;
            }
            sum += dy[(begin + source) * units + unit];
        }
    }
    if (mine) dW[row * units + unit] = sum;
}
