// Dense layers:  y = x W + b,  dx = dy W^T,  dW = x^T dy,  db = sum of dy over the rows. Formulas: minidl/ops/linear.py.
#include "product.cuh"
#include "reduce.cuh"

// A matrix in memory: neighbours along a row are `across` numbers apart, along a column `down`; a transposed one is the same
// with the two exchanged.
struct Matrix {
    const real *start;
    long long down, across;

    typedef const real *Row;
    typedef long long Column;
    __device__ Row row(int m) const { return start + m * down; }
    __device__ Column column(int k) const { return k * across; }
    __device__ Numbers at(bool there, Row row, Column column) const { return read_if(there, row + column); }
};

struct Factor {
    Matrix matrix;

    static const bool down = false;
    __device__ NumbersOf<RIGHT> at(bool there, int k, long long, int n) const
    {
        return read_if<RIGHT>(there, matrix.start + k * matrix.down + n * matrix.across);
    }
};

// y (M, N) = A (M, K) B (K, N) + bias (N,), added to what y holds where `adding`, ReLU of it where `relu`; rows of y are
// `y_down` numbers apart.
KERNEL(256) product(
    const real *A, const real *B, const real *bias, real *y, int M, int N, int K, long long A_down, long long A_across,
    long long B_down, long long B_across, long long y_down, bool adding, bool relu)
{
    __shared__ Tiles<false, Matrix> tiles;
    const Matrix left = {A, A_down, A_across};
    const Factor right = {{B, B_down, B_across}};
    tile_product<false>(tiles, left, right, M, N, 0, K, [&](int m, int n, const NumbersOf<1> &sum) {
        real *place = y + m * y_down + n;
        const real z = sum.at[0] + (bias ? bias[n] : (real)0) + (adding ? *place : (real)0);
        *place = relu ? rectified(z) : z;
    });
}

// y = A B for the matrices of stacks, one for each blockIdx.z; those of A and B lie `A_next` and `B_next` numbers apart.
KERNEL(256) products(
    const real *A, const real *B, real *y, int M, int N, int K, long long A_down, long long A_across, long long B_down,
    long long B_across, long long A_next, long long B_next)
{
    __shared__ Tiles<false, Matrix> tiles;
    const Matrix left = {A + blockIdx.z * A_next, A_down, A_across};
    const Factor right = {{B + blockIdx.z * B_next, B_down, B_across}};
    y += blockIdx.z * (long long)M * N;
    tile_product<false>(tiles, left, right, M, N, 0, K, [&](int m, int n, const NumbersOf<1> &sum) {
        y[(long long)m * N + n] = sum.at[0];
    });
}

// y (rows, columns) += b (columns,), then ReLU where `relu`: what is left to do after a product of cuBLAS's
KERNEL(256) finish(real *y, const real *b, bool relu, long long n, int columns)
{
    FOR_EACH(i, n)
    {
        const real z = b ? y[i] + b[where(i, columns).column] : y[i];
        y[i] = relu ? rectified(z) : z;
    }
}

// db (columns,) from dy (rows, columns); where the rows are many in shares, which `add_shares` adds up.
KERNEL(256) bias_grad(const real *dy, double *partial, real *db, long long rows, int columns)
{
    __shared__ Lines lines;
    sum_columns(
        lines, rows, columns, [&](long long row, int column) { return (double)dy[row * columns + column]; },
        [&](long long place, double sum) {
            if (partial) partial[place] = sum;
            else db[place] = sum;
        });
}
