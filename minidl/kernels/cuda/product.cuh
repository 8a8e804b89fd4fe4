// Every matrix product of minidl, tile by tile:  y = A B  with A (M, K), B (K, N), whatever A and B are read from.
//
// A block of 256 threads computes a tile of ROWS x COLUMNS numbers of y. It walks along the sum in steps of DEPTH: the tile's
// share of A (ROWS x DEPTH) and of B (DEPTH x COLUMNS) is copied into shared memory, all threads wait, then each of them adds to
// its numbers of y from there. A number of A is thus fetched once per tile instead of once per number of y.
//
//              DEPTH              COLUMNS                 COLUMNS
//           +--------+        +---------+             +---------+
//     ROWS  |   a    | DEPTH  |    b    |       ROWS  |    y    |     a is kept turned round, so that the numbers a thread
//           +--------+        +---------+             +---------+     needs of a column are neighbours
//
// There are two pairs of a and b: while one is added up, the numbers of the next step are on their way to the other.
//
// What A and B are is told by `Left` and `Right`:
//
//     Left::Row row(int m)            where row m begins, found once for the whole sum
//     Left::Column column(int k)      what column k means, found once for all rows of the tile
//     NumbersOf<WIDTH> at(bool there, row, column)     the number, and those that stand behind it in memory; 0 if not there
//     NumbersOf<RIGHT> Right::at(bool there, int k, column, int n)
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

#ifndef RIGHT
#define RIGHT 1 // WIDTH of the right factor
#endif
#define AHEAD 128 // so many columns are found at a time: those of several steps

template <bool together, class Left> struct Tiles {
    static const int A = Sum::room(ROWS, !together), B = Sum::room(COLUMNS, false);
    __align__(16) real numbers[2 * (A + B) > Sum::FOR_GROUPS ? 2 * (A + B) : Sum::FOR_GROUPS];
    typename Left::Row rows[ROWS];
    typename Left::Column columns[2 * AHEAD];

    __device__ real *a(int turn) { return numbers + turn * A; }
    __device__ real *b(int turn) { return numbers + 2 * A + turn * B; }
};

// Neighbours in row `depth` of a tile of `size` columns, or in its column `at` where they go `down`; `along` is how the tile is kept.
template <int size, bool down, bool along, int width>
__device__ inline void put(real *tile, int depth, int at, NumbersOf<width> numbers)
{
#pragma unroll
    for (int i = 0; i < width; i++) numbers.at[i] = Sum::factor(numbers.at[i]);
    if constexpr ((down ? Sum::index(1, 0, size, along) : Sum::index(0, 1, size, along)) == 1) // they are neighbours there, too
        write(tile + Sum::index(depth, at, size, along), numbers);
    else
#pragma unroll
        for (int i = 0; i < width; i++)
            tile[Sum::index(depth + (down ? i : 0), at + (down ? 0 : i), size, along)] = numbers.at[i];
}

template <bool together, class Left, class Right, class Store>
__device__ void tile_product(
    Tiles<together, Left> &tiles, const Left &left, const Right &right, int M, int N, int first, int last, const Store &store)
{
    const int thread = threadIdx.x;
    const int top = blockIdx.x * ROWS, side = blockIdx.y * COLUMNS;

    // What this thread fetches in each step: numbers thread, thread + THREADS, ... of A and of B, WIDTH or RIGHT at once.
    const unsigned ROWS_WIDE = ROWS / WIDTH, COLUMNS_WIDE = COLUMNS / RIGHT, A_ALONG = DEPTH / WIDTH, B_ALONG = DEPTH / RIGHT;
    const int ALL_OF_A = ROWS * A_ALONG, A = (ALL_OF_A + THREADS - 1) / THREADS;
    const int ALL_OF_B = COLUMNS * B_ALONG, B = (ALL_OF_B + THREADS - 1) / THREADS;
    const auto number = [&](int i) { return (unsigned)thread + i * THREADS; };
    // Where number(i) stands in rows of so many. (Where they divide the threads, all of a thread's numbers are in one column.)
    const auto across = [&](int i, unsigned wide) { return int(THREADS % wide ? number(i) % wide : thread % wide); };
    const auto down = [&](int i, unsigned wide) {
        return int(THREADS % wide ? number(i) / wide : thread / wide + i * (THREADS / wide));
    };
    const auto a_row = [&](int i) { return together ? across(i, ROWS_WIDE) * WIDTH : down(i, A_ALONG); };
    const auto a_depth = [&](int i) { return together ? down(i, ROWS_WIDE) : across(i, A_ALONG) * WIDTH; };
    const auto b_column = [&](int i) { return Right::down ? down(i, B_ALONG) : across(i, COLUMNS_WIDE) * RIGHT; };
    const auto b_depth = [&](int i) { return Right::down ? across(i, B_ALONG) * RIGHT : down(i, COLUMNS_WIDE); };
    const auto in_a = [&](int i) { return (i + 1) * THREADS <= ALL_OF_A || number(i) < ALL_OF_A; };
    const auto in_b = [&](int i) { return (i + 1) * THREADS <= ALL_OF_B || number(i) < ALL_OF_B; };

    NumbersOf<WIDTH> a[A];
    NumbersOf<RIGHT> b[B];
    const auto fetch = [&](int start) {
        const typename Left::Column *columns = tiles.columns + (start - first) % (2 * AHEAD);
#pragma unroll
        for (int i = 0; i < A; i++) {
            const int row = in_a(i) ? a_row(i) : 0, depth = in_a(i) ? a_depth(i) : 0; // a thread without number reads the first
            a[i] = left.at(top + row < M & start + depth < last, tiles.rows[row], columns[depth]);
        }
#pragma unroll
        for (int i = 0; i < B; i++) {
            const int column = in_b(i) ? b_column(i) : 0, depth = in_b(i) ? b_depth(i) : 0;
            b[i] = right.at(side + column < N & start + depth < last, start + depth, columns[depth], side + column);
        }
    };
    const auto put_down = [&](int turn) {
#pragma unroll
        for (int i = 0; i < A; i++)
            if (in_a(i)) put<ROWS, !together, !together>(tiles.a(turn), a_depth(i), a_row(i), a[i]);
#pragma unroll
        for (int i = 0; i < B; i++)
            if (in_b(i)) put<COLUMNS, Right::down, false>(tiles.b(turn), b_depth(i), b_column(i), b[i]);
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
        __syncwarp(); // so that the compiler does not fetch later, just before the numbers are put down
        sum.template add<!together>(tiles.a(turn), tiles.b(turn));
        if (more) put_down(1 - turn);
        const int done = start + DEPTH - first; // of the columns; those of the last steps make room
        if (done % AHEAD == 0 && thread < AHEAD)
            tiles.columns[(done + AHEAD) % (2 * AHEAD) + thread] = left.column(first + done + AHEAD + thread);
        __syncthreads(); // the next tiles are there, and nobody needs these any more
    }
    sum.store(tiles.numbers, [&](int row, int column, const auto &numbers) {
        if (top + row < M && side + column < N) store(top + row, side + column, numbers);
    });
}

#endif
