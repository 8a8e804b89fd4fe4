// The optimizers' rules in one pass over the rows of a table, in place. Formulas: minidl/ops/update.py.
// scalars[0] is this step's learning rate. It is read from the device, so that a recorded step sees the rate of its replay.
//
// pieces (n, arrays + 1): addresses of a row's part, then its length. Block t takes pieces starts[t] .. starts[t + 1] - 1.
// minidl/backend/table.py makes them.
#include "common.cuh"

// For every piece of this block; each piece has so many arrays, and its length behind them.
#define FOR_EACH_PIECE(piece, arrays)                                                                                  \
    for (const long long *piece = pieces + starts[blockIdx.x] * ((arrays) + 1),                                        \
                         *end = pieces + starts[blockIdx.x + 1] * ((arrays) + 1);                                      \
         piece < end; piece += (arrays) + 1)
#define FOR_EACH_NUMBER(i, length) for (long long i = threadIdx.x; i < (length); i += blockDim.x)

__device__ inline real *column(const long long *piece, int number) { return (real *)piece[number]; }

KERNEL(256) sgd(const long long *pieces, const long long *starts, const real *scalars)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 2)
    {
        real *value = column(piece, 0);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[2]) value[i] -= rate * grad[i];
    }
}

KERNEL(256) momentum(const long long *pieces, const long long *starts, const real *scalars, real momentum, bool nesterov)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *velocity = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real step = rate * grad[i];
            const real v = velocity[i] * momentum - step;
            velocity[i] = v;
            value[i] += nesterov ? momentum * v - step : v;
        }
    }
}

KERNEL(256) rmsprop(
    const long long *pieces, const long long *starts, const real *scalars, real rho, real rest, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 3)
    {
        real *value = column(piece, 0), *square = column(piece, 2);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[3])
        {
            const real s = rho * square[i] + rest * (grad[i] * grad[i]);
            square[i] = s;
            value[i] -= rate * grad[i] / sqrt(s + epsilon);
        }
    }
}

KERNEL(256) adam(
    const long long *pieces, const long long *starts, const real *scalars, real beta_1, real rest_1, real beta_2,
    real rest_2, real epsilon)
{
    const real rate = scalars[0];
    FOR_EACH_PIECE(piece, 4)
    {
        real *value = column(piece, 0), *mean = column(piece, 2), *square = column(piece, 3);
        const real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[4])
        {
            const real a = beta_1 * mean[i] + rest_1 * grad[i];
            const real s = beta_2 * square[i] + rest_2 * (grad[i] * grad[i]);
            mean[i] = a;
            square[i] = s;
            value[i] -= rate * a / (sqrt(s) + epsilon);
        }
    }
}
