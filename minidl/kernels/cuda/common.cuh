// What every kernel may use. `real` is float or double: it is chosen when the file is compiled.
#ifndef MINIDL_COMMON_CUH
#define MINIDL_COMMON_CUH

#ifndef BLOCKS
#define BLOCKS 2 // of 256 threads that shall find room on a multiprocessor
#endif

// KERNEL(256) f(...): a kernel f in blocks of 256 threads. minidl/kernels/cuda/_module.py reads these lines.
#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads, BLOCKS * 256 / threads) void

// The body runs for i = 0 ... n - 1, spread over all threads of all blocks.
#define FOR_EACH(i, n)                                                                                                 \
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < (n); i += (long long)gridDim.x * blockDim.x)

// Row and column of number i of a matrix. 32 bits divide several times faster than 64.
struct Where {
    long long row;
    int column;
};

__device__ inline Where where(long long i, int columns)
{
    if (i >> 31) return {i / columns, (int)(i % columns)};
    return {(unsigned)i / columns, (int)((unsigned)i % columns)};
}

#define ALL_LANES 0xffffffffu

// max(a, b) in which NaN wins, as in NumPy; the built-in fmax drops it.
__device__ inline real larger(real a, real b) { return a > b || a != a ? a : b; }

// max(x, 0); NaN is not below zero and stays.
__device__ inline real rectified(real x) { return x < 0 ? (real)0 : x; }

// The largest finite number of the type.
__device__ inline real largest() { return sizeof(real) == 4 ? (real)3.4028234663852886e38 : (real)1.7976931348623157e308; }

#endif
