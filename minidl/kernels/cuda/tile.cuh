// How large the tiles of a matrix product are (product.cuh), and how their numbers are added up one by one.
#ifndef MINIDL_TILE_CUH
#define MINIDL_TILE_CUH
#include "common.cuh"

#define THREADS 256
#define ROWS (sizeof(real) == 4 ? 128 : 64)
#define DEPTH 16
#ifndef COLUMNS
#define COLUMNS 64 // 32, 64 or (not of double) 128: little wider than y, so that little is computed for nothing
#endif

// The numbers of y that one thread adds up, and how: EACH_ROW x EACH_COLUMN of them, one multiplication at a time. Of the
// columns up to four are neighbours, then come those of the other threads: all read different banks of shared memory.
struct Sums {
    // Numbers of shared memory for 16 rows of `size`, and where number `at` of row `depth` stands. (`along`: see TensorSums.)
    __device__ static constexpr int room(int size, bool along) { return DEPTH * (size + 4); }
    __device__ static constexpr int index(int depth, int at, int size, bool along) { return depth * (size + 4) + at; }

    static const int EACH_ROW = ROWS / 16, EACH_COLUMN = COLUMNS / 16, SIDE_BY_SIDE = EACH_COLUMN < 4 ? EACH_COLUMN : 4;
    real sum[EACH_ROW][EACH_COLUMN] = {};

    __device__ static int row(int i) { return threadIdx.x / 16 * EACH_ROW + i; }
    __device__ static int column(int j)
    {
        return (j / SIDE_BY_SIDE * 16 + threadIdx.x % 16) * SIDE_BY_SIDE + j % SIDE_BY_SIDE;
    }
    __device__ static real factor(real x) { return x; } // as it is

    template <bool a_along> __device__ void add(const real *a, const real *b)
    {
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            real left[EACH_ROW], right[EACH_COLUMN];
#pragma unroll
            for (int i = 0; i < EACH_ROW; i++) left[i] = a[index(k, row(i), ROWS, a_along)];
#pragma unroll
            for (int j = 0; j < EACH_COLUMN; j++) right[j] = b[index(k, column(j), COLUMNS, false)];
#pragma unroll
            for (int i = 0; i < EACH_ROW; i++)
#pragma unroll
                for (int j = 0; j < EACH_COLUMN; j++) sum[i][j] += left[i] * right[j];
        }
    }

    template <class Store> __device__ void store(const Store &store) const
    {
#pragma unroll
        for (int i = 0; i < EACH_ROW; i++)
#pragma unroll
            for (int j = 0; j < EACH_COLUMN; j++) store(row(i), column(j), sum[i][j]);
    }
};

#endif
