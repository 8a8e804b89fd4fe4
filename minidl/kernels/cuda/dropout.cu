// Inverted dropout with the project's generator. Formulas: minidl/ops/dropout.py.
// Shapes: x, y, dy, dx (n,), mask (n,). `step` is the layer's counter in device memory: a recorded step draws anew in replay.
#include "philox.cuh"

// mask_i = word_i >= threshold; a thread draws a block of eight 32-bit words. Where x is given, y = x mask scale as well.
KERNEL(256) dropout(
    const real *x, real *y, bool *mask, const long long *step, unsigned long long key_0, unsigned long long key_1,
    unsigned long long call, unsigned long long use, unsigned threshold, real scale, long long n)
{
    const unsigned long long now = *step;
    FOR_EACH(block, (n + 7) / 8)
    {
        const Words words = philox(block, now, call, use, key_0, key_1);
        for (int k = 0; k < 8; k++) {
            const long long i = block * 8 + k;
            if (i >= n) break;
            const unsigned word = words.word[k / 2] >> (32 * (k % 2)); // the low half first
            mask[i] = word >= threshold;
            if (x) y[i] = mask[i] ? x[i] * scale : (real)0;
        }
    }
}

// dx = dy mask scale
KERNEL(256) dropout_grad(const real *dy, const bool *mask, real *dx, real scale, long long n)
{
    FOR_EACH(i, n) dx[i] = mask[i] ? dy[i] * scale : (real)0;
}
