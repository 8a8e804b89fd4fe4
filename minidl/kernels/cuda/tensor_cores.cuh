// Tiles added up by tensor cores, in float32: factors are rounded to TF32 (FACTORS 11: so many significant bits) or to bfloat16
// (FACTORS 8), products and sums are float32.
//
// A warp multiplies 16 x 8 numbers by 8 x 8 in one instruction, each of its 32 threads holding some of them. With
// row = thread / 4 and side = thread % 4:
//
//     of a (16 x 8)   (row, side)  (row + 8, side)  (row, side + 4)  (row + 8, side + 4)
//     of b (8 x 8)    (side, row)  (side + 4, row)
//     of y (16 x 8)   (row, 2 side)  (row, 2 side + 1)  (row + 8, 2 side)  (row + 8, 2 side + 1)
//
// Source: PTX ISA, "Matrix fragments for mma.m16n8k8".
#ifndef MINIDL_TENSOR_CORES_CUH
#define MINIDL_TENSOR_CORES_CUH
#include "tile.cuh"

#ifdef FACTORS

// y += a b, of the numbers that the warp's threads hold
__device__ inline void multiply(float (&y)[4], const float (&a)[4], const float (&b)[2])
{
#ifdef __CUDA_ARCH__
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(y[0]), "+f"(y[1]), "+f"(y[2]), "+f"(y[3])
        : "r"(__float_as_int(a[0])), "r"(__float_as_int(a[1])), "r"(__float_as_int(a[2])), "r"(__float_as_int(a[3])),
          "r"(__float_as_int(b[0])), "r"(__float_as_int(b[1])));
#else // the same by definition, for tests on a CPU
    const int row = threadIdx.x % 32 / 4, side = threadIdx.x % 4;
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 4; i++) {
            float left[4], right[2];
            for (int r = 0; r < 4; r++) left[r] = __shfl_sync(ALL_LANES, a[r], row * 4 + k % 4);
            for (int r = 0; r < 2; r++) right[r] = __shfl_sync(ALL_LANES, b[r], (2 * side + i % 2) * 4 + k % 4);
            y[i] += left[i / 2 + k / 4 * 2] * right[k / 4];
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
    // Tiles are kept as they are fetched, turned round (16 rows of `size`) or not (`along`: `size` rows of 16): the threads of a
    // warp read different banks either way.
    __device__ static constexpr int room(int size, bool along) { return along ? size * (DEPTH + 4) : DEPTH * (size + 8); }
    __device__ static int index(int depth, int at, int size, bool along)
    {
        return along ? at * (DEPTH + 4) + depth : depth * (size + 8) + at;
    }

    static const int WARPS_ACROSS = COLUMNS / 32, WARP_ROWS = ROWS / (8 / WARPS_ACROSS), DOWN = WARP_ROWS / 16, ACROSS = 4;
    float sum[DOWN][ACROSS][4] = {};

    __device__ static float factor(float x) { return rounded(x); }
    __device__ static int row() { return threadIdx.x / 32 / WARPS_ACROSS * WARP_ROWS + threadIdx.x % 32 / 4; }
    __device__ static int column() { return threadIdx.x / 32 % WARPS_ACROSS * 32; }

    template <bool a_along, bool b_along> __device__ void add(const float *a, const float *b)
    {
        const int k = threadIdx.x % 4;
        a += index(k, row(), ROWS, a_along), b += index(k, column() + threadIdx.x % 32 / 4, COLUMNS, b_along);
#pragma unroll
        for (int first = 0; first < DEPTH; first += 8) {
            float left[DOWN][4], right[ACROSS][2];
#pragma unroll
            for (int i = 0; i < DOWN; i++)
#pragma unroll
                for (int r = 0; r < 4; r++) left[i][r] = a[index(first + r / 2 * 4, 16 * i + r % 2 * 8, ROWS, a_along)];
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int r = 0; r < 2; r++) right[j][r] = b[index(first + r * 4, 8 * j, COLUMNS, b_along)];
#pragma unroll
            for (int i = 0; i < DOWN; i++)
#pragma unroll
                for (int j = 0; j < ACROSS; j++) multiply(sum[i][j], left[i], right[j]);
        }
    }

    template <class Store> __device__ void store(const Store &store) const
    {
#pragma unroll
        for (int i = 0; i < DOWN; i++)
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int r = 0; r < 4; r++)
                    store(row() + 16 * i + r / 2 * 8, column() + 8 * j + threadIdx.x % 4 * 2 + r % 2, sum[i][j][r]);
    }
};

#endif
#endif
