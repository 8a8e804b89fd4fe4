// Every matrix product of minidl, tile by tile:  y = A B  with A (M, K), B (K, N), whatever A and B are read from.
//
// A block of 256 threads computes a tile of 64 x 64 numbers of y. It walks along the sum in steps of 16: the tile's share of
// A (64 x 16) and of B (16 x 64) is copied into shared memory, all threads wait, then each of them adds to its 4 x 4 numbers
// of y from there. A number of A is thus fetched once per tile instead of once per number of y.
//
//              16                64                      64
//          +--------+        +---------+             +---------+
//      64  |   a    |    16  |    b    |         64  |    y    |      a is kept turned round, so that the four numbers a
//          +--------+        +---------+             +---------+      thread needs of a column are neighbours
//
// What A and B are is told by `Left` and `Right`; a number outside them is 0 and adds nothing:
//
//     Left::Row row(long long m)            where row m begins, found once for the whole sum
//     Left::Column column(long long k)      what column k means, found once for four rows
//     real at(row, column)                  the number
//     real Right::at(long long k, int n)
//
// `together` says what neighbouring threads fetch from A: columns of one row (false) or rows of one column (true),
// whichever are neighbours in memory.
#ifndef MINIDL_PRODUCT_CUH
#define MINIDL_PRODUCT_CUH
#include "common.cuh"

#define TILE 64
#define DEPTH 16
#define EACH 4 // numbers of y along each side that one thread computes, and numbers of A (and of B) that it fetches

struct Tiles {
    __align__(16) real a[DEPTH][TILE + 4];
    __align__(16) real b[DEPTH][TILE + 4];
};

template <bool together, class Left, class Right, class Store>
__device__ void tile_product(
    Tiles &tiles, const Left &left, const Right &right, long long M, int N, long long first, long long last,
    const Store &store)
{
    const int thread = threadIdx.x;
    const long long top = (long long)blockIdx.x * TILE;
    const int side = blockIdx.y * TILE;
    const int my_row = thread / 16 * EACH, my_column = thread % 16 * EACH;
    const int fetch_row = together ? thread % TILE : thread / DEPTH;
    const int fetch_depth = together ? thread / TILE : thread % DEPTH;
    const int b_depth = thread / TILE, b_column = thread % TILE;

    typename Left::Row rows[EACH]; // of which `together` needs only the first
    for (int i = 0; i < EACH; i++) rows[i] = left.row(top + fetch_row + (together ? 0 : i * TILE / EACH));

    real sum[EACH][EACH] = {};
    for (long long start = first; start < last; start += DEPTH) {
        if (together) {
#pragma unroll
            for (int i = 0; i < EACH; i++) {
                const int depth = fetch_depth + i * DEPTH / EACH;
                const bool inside = top + fetch_row < M && start + depth < last;
                tiles.a[depth][fetch_row] = inside ? left.at(rows[0], left.column(start + depth)) : (real)0;
            }
        } else {
            const bool in_sum = start + fetch_depth < last;
            const typename Left::Column column = left.column(in_sum ? start + fetch_depth : first);
#pragma unroll
            for (int i = 0; i < EACH; i++) {
                const int row = fetch_row + i * TILE / EACH;
                tiles.a[fetch_depth][row] = in_sum && top + row < M ? left.at(rows[i], column) : (real)0;
            }
        }
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const int depth = b_depth + i * DEPTH / EACH;
            const bool inside = start + depth < last && side + b_column < N;
            tiles.b[depth][b_column] = inside ? right.at(start + depth, side + b_column) : (real)0;
        }
        __syncthreads(); // the tiles are there
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            real a[EACH], b[EACH];
#pragma unroll
            for (int i = 0; i < EACH; i++) a[i] = tiles.a[k][my_row + i], b[i] = tiles.b[k][my_column + i];
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sum[i][j] += a[i] * b[j];
        }
        __syncthreads(); // nobody needs them any more
    }
#pragma unroll
    for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++)
            if (top + my_row + i < M && side + my_column + j < N) store(top + my_row + i, side + my_column + j, sum[i][j]);
}

#endif
