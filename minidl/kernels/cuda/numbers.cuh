// Neighbours in memory that are read and written in one go: WIDTH numbers, 16 bytes at most. A launcher asks for more than one
// where rows are whole multiples of that and begin at such addresses (`width` in _module.py).
#ifndef MINIDL_NUMBERS_CUH
#define MINIDL_NUMBERS_CUH
#include "common.cuh"

#ifndef WIDTH
#define WIDTH 1
#endif

template <int width> struct __align__(sizeof(real) * width) NumbersOf {
    enum { count = width };
    real at[width];
};
typedef NumbersOf<WIDTH> Numbers;

template <int width = WIDTH> __device__ inline NumbersOf<width> read(const real *from)
{
    return *(const NumbersOf<width> *)from;
}
// The same where it is there, else zeros. No thread takes another way than its neighbours: only the load is left out.
template <int width = WIDTH> __device__ inline NumbersOf<width> read_if(bool there, const real *from)
{
    NumbersOf<width> numbers = {};
    if (there) numbers = read<width>(from);
    return numbers;
}

template <int width> __device__ inline void write(real *to, const NumbersOf<width> &numbers)
{
    *(NumbersOf<width> *)to = numbers;
}

// result = f(x), or f(dy, y), number by number, for arrays of WIDTH `groups`
template <class Function>
__device__ void each(const real *x, real *result, long long groups, const Function &f)
{
    FOR_EACH(i, groups)
    {
        Numbers numbers = read(x + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) numbers.at[k] = f(numbers.at[k]);
        write(result + i * WIDTH, numbers);
    }
}

template <class Function>
__device__ void each(const real *dy, const real *y, real *result, long long groups, const Function &f)
{
    FOR_EACH(i, groups)
    {
        Numbers numbers = read(dy + i * WIDTH);
        const Numbers others = read(y + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) numbers.at[k] = f(numbers.at[k], others.at[k]);
        write(result + i * WIDTH, numbers);
    }
}

#endif
