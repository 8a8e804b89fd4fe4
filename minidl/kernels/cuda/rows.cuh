// Work on the rows of a matrix, a warp for each: its 32 lanes stand side by side in the row and move on together.
#ifndef MINIDL_ROWS_CUH
#define MINIDL_ROWS_CUH
#include "reduce.cuh"

#define EACH_OF_ROW(j, columns) for (int j = threadIdx.x % 32; j < (columns); j += 32)

__device__ inline long long my_row() { return blockIdx.x * (long long)(blockDim.x / 32) + threadIdx.x / 32; }

// The largest number of a row (NaN if there is one), in every lane.
__device__ inline real row_max(const real *row, int columns)
{
    real top = row[0];
    EACH_OF_ROW(j, columns) top = larger(top, row[j]);
    return warp_max(top);
}

// The sum of term(j) over a row, in every lane.
template <class Term> __device__ real row_sum(int columns, const Term &term)
{
    real sum = 0;
    EACH_OF_ROW(j, columns) sum += term(j);
    return warp_sum(sum);
}

#endif
