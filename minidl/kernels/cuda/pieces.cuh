// One launch over the rows of a table, each a group of flat arrays somewhere in memory (minidl/backend/table.py makes them).
//
// pieces (n, arrays + 1): addresses of a row's part, then its length. Block t takes pieces starts[t] .. starts[t + 1] - 1.
#ifndef MINIDL_PIECES_CUH
#define MINIDL_PIECES_CUH
#include "common.cuh"

// For every piece of this block; each piece has so many arrays, and its length behind them.
#define FOR_EACH_PIECE(piece, arrays)                                                                                  \
    for (const long long *piece = pieces + starts[blockIdx.x] * ((arrays) + 1),                                        \
                         *end = pieces + starts[blockIdx.x + 1] * ((arrays) + 1);                                      \
         piece < end; piece += (arrays) + 1)
#define FOR_EACH_NUMBER(i, length) for (long long i = threadIdx.x; i < (length); i += blockDim.x)

__device__ inline real *column(const long long *piece, int number) { return (real *)piece[number]; }

#endif
