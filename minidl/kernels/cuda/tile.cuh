// How large the tiles of a matrix product are (product.cuh), and how their numbers are added up one by one.
#ifndef MINIDL_TILE_CUH
#define MINIDL_TILE_CUH
#include "numbers.cuh"

#define THREADS 256
#ifndef ROWS
#define ROWS (sizeof(real) == 4 ? 128 : 64) // of float 32, 64, 128 or 256
#endif
#ifndef COLUMNS
#define COLUMNS (sizeof(real) == 4 ? 64 : 16) // as many as y has, or equal parts of it, so that little is computed for nothing
#endif
#define ACROSS (COLUMNS <= 32 ? 4 : COLUMNS <= 64 ? 8 : 16)    // threads side by side: COLUMNS is a multiple of this
#define EACH_ROW (sizeof(real) == 4 && ROWS > 32 ? 8 : 4)      // rows that a thread adds up
#define GROUP (ACROSS * (ROWS / EACH_ROW))                     // threads for the whole tile; where there are more than that,
#define DEEP (THREADS / GROUP)                                 // so many groups share the sum
#ifdef FACTORS
#define DEPTH 16
#else
#define DEPTH (DEEP == 1 ? 8 : DEEP == 8 ? 32 : 16) // of a step
#endif
#ifndef RESULT
#define RESULT 1 // neighbours of y that are written at once
#endif

// The numbers of y that one thread adds up, and how: EACH_ROW x EACH_COLUMN of them, one multiplication at a time. Shared memory
// hands out a number to each of 32 threads while four times as many multiplications are done, so a thread should multiply each
// with at least eight others. Groups add up their parts of every step; in the end the first adds what the others have.
//
// Of a thread's rows and columns four are neighbours, then come those of the other threads, so that all read different banks of
// shared memory; the last columns may be fewer than four.
struct Sums {
    // Numbers of shared memory for DEPTH rows of `size`, and where number `at` of row `depth` stands. (`along`: see TensorSums.)
    __device__ static constexpr int room(int size, bool along) { return DEPTH * (size + 4); }
    __device__ static constexpr int index(int depth, int at, int size, bool along) { return depth * (size + 4) + at; }

    static const int EACH_COLUMN = COLUMNS / ACROSS, BY_FOUR = EACH_COLUMN / 4 * 4;
    static const int FOR_GROUPS = DEEP > 1 ? ROWS * COLUMNS : 0; // numbers of shared memory to add groups up
    real sum[EACH_ROW][EACH_COLUMN] = {};

    __device__ static int row(int i) { return i / 4 * 4 * (GROUP / ACROSS) + threadIdx.x % GROUP / ACROSS * 4 + i % 4; }
    __device__ static int column(int j)
    {
        return j / 4 * 4 * ACROSS + threadIdx.x % ACROSS * (j < BY_FOUR ? 4 : EACH_COLUMN - BY_FOUR) + j % 4;
    }
    __device__ static real factor(real x) { return x; } // as it is

    template <bool a_along> __device__ void add(const real *a, const real *b)
    {
        const int first = threadIdx.x / GROUP * (DEPTH / DEEP);
#pragma unroll
        for (int k = first; k < first + DEPTH / DEEP; k++) {
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

    // store(row, column, numbers) for all that this thread has; `shared` is memory that nobody else needs any more.
    template <class Store> __device__ void store(real *shared, const Store &store)
    {
        const int group = threadIdx.x / GROUP;
        for (int other = 1; other < DEEP; other++) {
            if (group == other) each([&](int place, real &mine) { shared[place] = mine; });
            __syncthreads(); // they are there
            if (group == 0) each([&](int place, real &mine) { mine += shared[place]; });
            __syncthreads(); // the next may write
        }
        if (group) return;
#pragma unroll
        for (int i = 0; i < EACH_ROW; i++) {
#pragma unroll
            for (int j = 0; j < BY_FOUR; j += RESULT) {
                NumbersOf<RESULT> numbers;
#pragma unroll
                for (int k = 0; k < RESULT; k++) numbers.at[k] = sum[i][j + k];
                store(row(i), column(j), numbers);
            }
#pragma unroll
            for (int j = BY_FOUR; j < EACH_COLUMN; j++) store(row(i), column(j), NumbersOf<1>{sum[i][j]});
        }
    }

    template <class Body> __device__ void each(const Body &body)
    {
#pragma unroll
        for (int i = 0; i < EACH_ROW; i++)
#pragma unroll
            for (int j = 0; j < EACH_COLUMN; j++) body((i * EACH_COLUMN + j) * GROUP + threadIdx.x % GROUP, sum[i][j]);
    }
};

#endif
