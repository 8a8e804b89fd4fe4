// Work on the rows of a matrix, LANES threads for each: they stand side by side in the row and move on together. LANES is 32, a
// warp, or of short rows a part of it.
#ifndef MINIDL_ROWS_CUH
#define MINIDL_ROWS_CUH
#include "reduce.cuh"

#ifndef LANES
#define LANES 32
#endif

#define EACH_OF_ROW(j, columns) for (int j = threadIdx.x % LANES; j < (columns); j += LANES)

__device__ inline long long my_row() { return blockIdx.x * (long long)(blockDim.x / LANES) + threadIdx.x / LANES; }

// The largest number of a row (NaN if there is one), in every lane.
__device__ inline real row_max(const real *row, int columns)
{
    real top = row[0];
    EACH_OF_ROW(j, columns) top = larger(top, row[j]);
    return warp_max(top, LANES);
}

// The sum of term(j) over a row, in every lane.
template <class Term> __device__ real row_sum(int columns, const Term &term)
{
    real sum = 0;
    EACH_OF_ROW(j, columns) sum += term(j);
    return warp_sum(sum, LANES);
}

// -- means over rows of any width ---------------------------------------------------------------------------------------

#define WARPS 8 // of a block of 256 threads

// The threads that take a row together: a warp, or where rows are wide the whole block.
struct Team {
    long long row;
    int first, step; // of the columns of this thread
};

#define EACH_OF_TEAM(j, team, columns) for (int j = (team).first; j < (columns); j += (team).step)

__device__ inline Team my_team(bool wide)
{
    if (wide) return {blockIdx.x, (int)threadIdx.x, 32 * WARPS};
    return {my_row(), (int)threadIdx.x % 32, 32};
}

// The mean of term(j) over a row, for its whole team; added up in double precision. `sums` is shared memory of this mean alone.
template <class Term> __device__ real team_mean(const Team &team, double *sums, int columns, const Term &term)
{
    double sum = 0;
    EACH_OF_TEAM(j, team, columns) sum += term(j);
    sum = warp_sum(sum);
    if (team.step > 32) { // for all threads of the block alike
        if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
        __syncthreads(); // the sums of the warps are there
        sum = 0;
        for (int warp = 0; warp < WARPS; warp++) sum += sums[warp];
    }
    return (real)(sum / columns);
}

#endif
