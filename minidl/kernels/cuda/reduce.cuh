// Sums in a fixed order, so that the same input gives the same bits: no atomic additions.
#ifndef MINIDL_REDUCE_CUH
#define MINIDL_REDUCE_CUH
#include "common.cuh"

// The sum, or the maximum, over so many neighbouring lanes of a warp, in each of them.
template <class Number> __device__ inline Number warp_sum(Number value, int lanes = 32)
{
    for (int distance = lanes / 2; distance; distance /= 2) value += __shfl_xor_sync(ALL_LANES, value, distance);
    return value;
}

__device__ inline real warp_max(real value, int lanes = 32)
{
    for (int distance = lanes / 2; distance; distance /= 2) value = larger(value, __shfl_xor_sync(ALL_LANES, value, distance));
    return value;
}

// Sums over the rows of a matrix (rows, columns): partial[share, column] = sum of term(row, column) over the share's rows.
// A block of 256 threads is 32 columns wide and 8 rows high; blockIdx.y is the share. Single precision is not enough here:
// there may be millions of rows.
#define LINES 8
template <class Sum> struct LinesOf {
    Sum sum[LINES][33];
};
typedef LinesOf<double> Lines;

struct Two { // sums that are added up together, as both need the same numbers
    double first, second;

    __device__ void operator+=(const Two &other) { first += other.first, second += other.second; }
};
typedef LinesOf<Two> LinesOfTwo;

template <class Sum, class Term, class Keep>
__device__ void sum_columns(LinesOf<Sum> &lines, long long rows, int columns, const Term &term, const Keep &keep)
{
    const int lane = threadIdx.x % 32, line = threadIdx.x / 32;
    const int column = blockIdx.x * 32 + lane;
    const long long first = rows * blockIdx.y / gridDim.y, last = rows * (blockIdx.y + 1) / gridDim.y;
    Sum sum = {};
    if (column < columns) {
#pragma unroll 4
        for (long long row = first + line; row < last; row += LINES) sum += term(row, column);
    }
    lines.sum[line][lane] = sum;
    __syncthreads();
    if (line == 0 && column < columns) {
        for (int other = 1; other < LINES; other++) sum += lines.sum[other][lane];
        keep(blockIdx.y * (long long)columns + column, sum);
    }
}

template <class Term>
__device__ void column_sums(Lines &lines, long long rows, int columns, double *partial, const Term &term)
{
    sum_columns(lines, rows, columns, term, [&](long long place, double sum) { partial[place] = sum; });
}

template <class Term>
__device__ void column_sums(
    LinesOfTwo &lines, long long rows, int columns, double *first, double *second, const Term &term)
{
    sum_columns(lines, rows, columns, term, [&](long long place, const Two &sum) {
        first[place] = sum.first, second[place] = sum.second;
    });
}

// sum[i] = (partial[0, i] + partial[1, i] + ...) / divisor
KERNEL(256) add_shares(const double *partial, real *sum, int shares, long long n, double divisor)
{
    FOR_EACH(i, n)
    {
        double total = 0;
        for (int share = 0; share < shares; share++) total += partial[share * n + i];
        sum[i] = (real)(total / divisor);
    }
}

#endif
