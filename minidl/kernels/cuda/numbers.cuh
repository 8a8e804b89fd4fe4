// Neighbours in memory that are read and written in one go: WIDTH numbers, 16 bytes at most. A launcher asks for more than one
// where rows are whole multiples of that and begin at such addresses (`width` in _module.py).
#ifndef MINIDL_NUMBERS_CUH
#define MINIDL_NUMBERS_CUH
#include "common.cuh"

#ifndef WIDTH
#define WIDTH 1
#endif

struct __align__(sizeof(real) * WIDTH) Numbers {
    real at[WIDTH];
};

__device__ inline Numbers read(const real *from) { return *(const Numbers *)from; }
__device__ inline void write(real *to, const Numbers &numbers) { *(Numbers *)to = numbers; }

#endif
