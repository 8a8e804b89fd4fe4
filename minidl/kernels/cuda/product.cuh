// Every matrix product of minidl, tile by tile:  y = A B  with A (M, K), B (K, N), whatever A and B are read from.
//
// A block of 256 threads computes a tile of ROWS x COLUMNS numbers of y. It walks along the sum in steps of 16: the tile's
// share of A (ROWS x 16) and of B (16 x COLUMNS) is copied into shared memory, all threads wait, then each of them adds to
// its numbers of y from there. A number of A is thus fetched once per tile instead of once per number of y.
//
//               16              COLUMNS                 COLUMNS
//           +--------+        +---------+             +---------+
//     ROWS  |   a    |    16  |    b    |       ROWS  |    y    |     a is kept turned round, so that the numbers a thread
//           +--------+        +---------+             +---------+     needs of a column are neighbours
//
// There are two pairs of a and b: while one is added up, the numbers of the next step are on their way to the other.
//
// What A and B are is told by `Left` and `Right`:
//
//     Left::Row row(int m)            where row m begins, found once for the whole sum
//     Left::Column column(int k)      what column k means, found once for all rows of the tile
//     Numbers at(bool there, row, column)         the number, and WIDTH - 1 that stand behind it in memory; 0 if it is not there
//     Numbers Right::at(bool there, int k, int n)
//
// `together` says which these are in A: columns of one row (false) or rows of one column (true); neighbouring threads fetch what
// follows. `Right::down` says the same of B: rows of one column (true) or columns of one row (false).
#ifndef MINIDL_PRODUCT_CUH
#define MINIDL_PRODUCT_CUH
#include "numbers.cuh"
#include "tensor_cores.cuh"
#include "tile.cuh"

#ifdef FACTORS
typedef TensorSums Sum;
#else
typedef Sums Sum;
#endif

#define AHEAD 64 // so many columns are found at a time: those of four steps

template <bool together, class Left> struct Tiles {
    __align__(16) real a[2][Sum::room(ROWS, !together)];
    __align__(16) real b[2][Sum::room(COLUMNS, false)];
    typename Left::Row rows[ROWS];
    typename Left::Column columns[2 * AHEAD];
};

// Neighbours in row `depth` of a tile of `size` columns, or in its column `at` where they go `down`; `along` is how the tile is kept.
template <int size, bool down, bool along> __device__ inline void put(real *tile, int depth, int at, Numbers numbers)
{
#pragma unroll
    for (int i = 0; i < WIDTH; i++) numbers.at[i] = Sum::factor(numbers.at[i]);
    if constexpr ((down ? Sum::index(1, 0, size, along) : Sum::index(0, 1, size, along)) == 1) // they are neighbours there, too
        write(tile + Sum::index(depth, at, size, along), numbers);
    else
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
            tile[Sum::index(depth + (down ? i : 0), at + (down ? 0 : i), size, along)] = numbers.at[i];
}

template <bool together, class Left, class Right, class Store>
__device__ void tile_product(
    Tiles<together, Left> &tiles, const Left &left, const Right &right, int M, int N, int first, int last, const Store &store)
{
    const int thread = threadIdx.x;
    const int top = blockIdx.x * ROWS, side = blockIdx.y * COLUMNS;

    // What this thread fetches in each step: i = 0, 1, ... of A and of B, WIDTH numbers each.
    const int ALONG = DEPTH / WIDTH, ROWS_WIDE = ROWS / WIDTH, COLUMNS_WIDE = COLUMNS / WIDTH;
    const int A = ROWS * ALONG / THREADS, B = COLUMNS * ALONG < THREADS ? 1 : COLUMNS * ALONG / THREADS;
    const bool fetches_b = COLUMNS * ALONG >= THREADS || thread < COLUMNS * ALONG;
    const auto a_row = [&](int i) { return together ? thread % ROWS_WIDE * WIDTH : thread / ALONG + i * (THREADS / ALONG); };
    const auto a_depth = [&](int i) {
        return together ? thread / ROWS_WIDE + i * (THREADS / ROWS_WIDE) : thread % ALONG * WIDTH;
    };
    const auto b_column = [&](int i) {
        return Right::down ? thread / ALONG + i * (THREADS / ALONG) : thread % COLUMNS_WIDE * WIDTH;
    };
    const auto b_depth = [&](int i) {
        return Right::down ? thread % ALONG * WIDTH : thread / COLUMNS_WIDE + i * (THREADS / COLUMNS_WIDE);
    };
    Numbers a[A], b[B];
    const auto fetch = [&](int start) {
        const typename Left::Column *columns = tiles.columns + (start - first) % (2 * AHEAD);
#pragma unroll
        for (int i = 0; i < A; i++) {
            const bool there = top + a_row(i) < M & start + a_depth(i) < last;
            a[i] = left.at(there, tiles.rows[a_row(i)], columns[a_depth(i)]);
        }
#pragma unroll
        for (int i = 0; i < B; i++) {
            const bool there = fetches_b & side + b_column(i) < N & start + b_depth(i) < last;
            b[i] = right.at(there, start + b_depth(i), side + b_column(i));
        }
    };
    const auto put_down = [&](int turn) {
#pragma unroll
        for (int i = 0; i < A; i++) put<ROWS, !together, !together>(tiles.a[turn], a_depth(i), a_row(i), a[i]);
#pragma unroll
        for (int i = 0; i < B; i++)
            if (fetches_b) put<COLUMNS, Right::down, false>(tiles.b[turn], b_depth(i), b_column(i), b[i]);
    };

    if (thread < ROWS) tiles.rows[thread] = left.row(top + thread);
    if (thread < 2 * AHEAD) tiles.columns[thread] = left.column(first + thread);
    __syncthreads(); // rows and columns are known
    fetch(first);
    put_down(0);
    __syncthreads(); // the first tiles are there

    Sum sum;
    int turn = 0;
    for (int start = first; start < last; start += DEPTH, turn = 1 - turn) {
        const bool more = start + DEPTH < last;
        if (more) fetch(start + DEPTH);
        sum.template add<!together>(tiles.a[turn], tiles.b[turn]);
        if (more) put_down(1 - turn);
        const int done = start + DEPTH - first; // of the columns; those of the last steps make room
        if (done % AHEAD == 0 && thread < AHEAD)
            tiles.columns[(done + AHEAD) % (2 * AHEAD) + thread] = left.column(first + done + AHEAD + thread);
        __syncthreads(); // the next tiles are there, and nobody needs these any more
    }
    sum.store([&](int row, int column, real total) {
        if (top + row < M && side + column < N) store(top + row, side + column, total);
    });
}

#endif
