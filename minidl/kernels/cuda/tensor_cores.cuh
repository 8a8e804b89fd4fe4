// Tiles added up by tensor cores, in float32: factors are rounded to TF32 (FACTORS 11: so many significant bits) or to bfloat16
// (FACTORS 8), products and sums are float32.
//
// A warp multiplies 16 x 8 numbers by 8 x 8 in one instruction, each of its 32 threads holding some of them. With
// row = thread / 4 and side = thread % 4:
//
//     of the left factor (16 x 8)    (row, side)  (row + 8, side)  (row, side + 4)  (row + 8, side + 4)
//     of the right factor (8 x 8)    (side, row)  (side + 4, row)
//     of the result (16 x 8)         (row, 2 side)  (row, 2 side + 1)  (row + 8, 2 side)  (row + 8, 2 side + 1)
//
// What is computed is y^T = B^T A^T: 16 columns of y by 8 of its rows.
//
// Tiles have 128 rows and 32, 64 or 128 columns.
//
// Source: PTX ISA, "Matrix fragments for mma.m16n8k8".
#ifndef MINIDL_TENSOR_CORES_CUH
#define MINIDL_TENSOR_CORES_CUH
#include "tile.cuh"

#ifdef FACTORS

// result += left right, of the numbers that the warp's threads hold
__device__ inline void multiply(float (&result)[4], const float (&left)[4], float right_0, float right_1)
{
#ifdef __CUDA_ARCH__
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(result[0]), "+f"(result[1]), "+f"(result[2]), "+f"(result[3])
        : "r"(__float_as_int(left[0])), "r"(__float_as_int(left[1])), "r"(__float_as_int(left[2])),
          "r"(__float_as_int(left[3])), "r"(__float_as_int(right_0)), "r"(__float_as_int(right_1)));
#else // the same by definition, for tests on a CPU
    const int row = threadIdx.x % 32 / 4, side = threadIdx.x % 4;
    for (int k = 0; k < 8; k++) {
        float mine[4], other[2]; // of this thread's rows, of its columns
        for (int r = 0; r < 4; r++) mine[r] = __shfl_sync(ALL_LANES, left[r], row * 4 + k % 4);
        for (int c = 0; c < 2; c++) other[c] = __shfl_sync(ALL_LANES, k < 4 ? right_0 : right_1, (2 * side + c) * 4 + k % 4);
        for (int i = 0; i < 4; i++) result[i] += mine[i / 2 + k / 4 * 2] * other[i % 2];
    }
#endif
}

// The nearest number of so many significant bits; of two, the larger.
__device__ inline float rounded(float x)
{
#if defined(__CUDA_ARCH__) && FACTORS == 11
    int bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __int_as_float(bits);
#else
    if (x != x) return x;
    const int dropped = 24 - FACTORS;
    const unsigned bits = __float_as_int(x) + (1u << (dropped - 1));
    return __int_as_float((int)(bits >> dropped << dropped));
#endif
}

struct TensorSums {
    // The tile of A is kept as it is fetched: ROWS rows of 16 (`along` the sum), or turned round, 16 rows of `size`, as that of B
    // always is. In place of the steps side, side + 4 of the sum a thread takes the neighbours 2 side, 2 side + 1: it is the same
    // sum, and both are read at once. There are gaps between rows, and those of a tile that is turned round stand in an order of
    // their own, so that the threads of a warp read from different banks.
    __device__ static constexpr int room(int size, bool along) { return along ? size * (DEPTH + 8) : DEPTH * (size + 8); }
    __device__ static constexpr int index(int depth, int at, int size, bool along)
    {
        return along ? at * (DEPTH + 8) + depth : ((depth / 8 * 2 + depth % 2) * 4 + depth % 8 / 2) * (size + 8) + at;
    }

    static const int WARPS_ACROSS = COLUMNS / 32, WARP_ROWS = ROWS / (8 / WARPS_ACROSS), DOWN = WARP_ROWS / 8, TILES_ACROSS = 2;
    static const int FOR_GROUPS = 0;
    float sum[DOWN][TILES_ACROSS][4] = {};

    __device__ static float factor(float x) { return rounded(x); }
    __device__ static int row() { return threadIdx.x / 32 / WARPS_ACROSS * WARP_ROWS; }
    __device__ static int column() { return threadIdx.x / 32 % WARPS_ACROSS * 32; }

    template <bool a_along> __device__ void add(const float *a, const float *b)
    {
        const int at = threadIdx.x % 32 / 4, mine = threadIdx.x % 4 * 2;
        a += index(mine, row() + at, ROWS, a_along), b += index(mine, column() + at, COLUMNS, false);
#pragma unroll
        for (int first = 0; first < DEPTH; first += 8) {
            float left[TILES_ACROSS][4];
#pragma unroll
            for (int j = 0; j < TILES_ACROSS; j++)
#pragma unroll
                for (int r = 0; r < 4; r++) left[j][r] = b[index(first + r / 2, 16 * j + r % 2 * 8, COLUMNS, false)];
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
                float2 right;
                if (a_along) right = *(const float2 *)(a + index(first, 8 * i, ROWS, true));
                else right = {a[index(first, 8 * i, ROWS, false)], a[index(first + 1, 8 * i, ROWS, false)]};
#pragma unroll
                for (int j = 0; j < TILES_ACROSS; j++) multiply(sum[i][j], left[j], right.x, right.y);
            }
            __syncwarp(); // one after the other: numbers of both would need more registers than there are
        }
    }

    template <class Store> __device__ void store(float *, const Store &store) const
    {
        const int at = threadIdx.x % 32 / 4, side = threadIdx.x % 4;
#pragma unroll
        for (int i = 0; i < DOWN; i++)
#pragma unroll
            for (int j = 0; j < TILES_ACROSS; j++)
#pragma unroll
                for (int r = 0; r < 4; r++)
                    store(row() + 8 * i + 2 * side + r % 2, column() + 16 * j + at + r / 2 * 8, NumbersOf<1>{sum[i][j][r]});
    }
};

#endif
#endif
