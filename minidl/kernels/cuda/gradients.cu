// Penalties and clipping of all gradients in one launch, in place. Formulas: minidl/ops/gradients.py.
// All numbers of a step are read from the device: a norm is not waited for, and a recorded step sees those of its replay.
#include "pieces.cuh"

// g += l1 sign(w) + 2 l2 w, of rows (value, grad); scalars = [l1, 2 l2]. Where w is NaN, so is the second product.
KERNEL(256) penalize(const long long *pieces, const long long *starts, const real *scalars)
{
    const real l1 = scalars[0], twice_l2 = scalars[1];
    FOR_EACH_PIECE(piece, 2)
    {
        const real *value = column(piece, 0);
        real *grad = column(piece, 1);
        FOR_EACH_NUMBER(i, piece[2])
        {
            const real w = value[i];
            grad[i] += l1 * (real)((w > 0) - (w < 0)) + twice_l2 * w;
        }
    }
}

// g = min(max(g, -c), c), of rows (grad); scalars = [c]. NaN and infinity stay as they are.
KERNEL(256) clip(const long long *pieces, const long long *starts, const real *scalars)
{
    const real limit = scalars[0];
    FOR_EACH_PIECE(piece, 1)
    {
        real *grad = column(piece, 0);
        FOR_EACH_NUMBER(i, piece[1])
        {
            const real g = grad[i], size = g < 0 ? -g : g;
            if (size > limit && size <= largest()) grad[i] = g > 0 ? limit : -limit;
        }
    }
}

// The sum of the 256 numbers that the threads of a block hold, in thread 0; halved again and again, so always in one order.
__device__ inline double block_sum(double sum)
{
    __shared__ double sums[256];
    sums[threadIdx.x] = sum;
    for (int half = 128; half; half /= 2) {
        __syncthreads(); // the sums are there
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    return sums[0];
}

// sums[t] = sum of g^2 over the pieces of block t, of rows (grad)
KERNEL(256) squares(const long long *pieces, const long long *starts, double *sums)
{
    double sum = 0;
    FOR_EACH_PIECE(piece, 1)
    {
        const real *grad = column(piece, 0);
        FOR_EACH_NUMBER(i, piece[1]) sum += (double)grad[i] * (double)grad[i];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// total[0] += sums[0] + sums[1] + ..., by one block
KERNEL(256) add_to_total(const double *sums, double *total, long long n)
{
    double sum = 0;
    FOR_EACH_NUMBER(i, n) sum += sums[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) total[0] += sum;
}

// g *= factor, of rows (grad); a factor of 1 writes nothing
KERNEL(256) scale(const long long *pieces, const long long *starts, const double *factor)
{
    const double f = factor[0];
    if (f == 1) return;
    FOR_EACH_PIECE(piece, 1)
    {
        real *grad = column(piece, 0);
        FOR_EACH_NUMBER(i, piece[1]) grad[i] = (real)(grad[i] * f);
    }
}
