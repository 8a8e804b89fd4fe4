// Inverted dropout with the project's generator. Formulas: minidl/ops/dropout.py.
// Shapes: x, y, dy, dx (n,), mask (n,). `step` is the layer's counter in device memory: a recorded step draws anew in replay.
#include "numbers.cuh"
#include "philox.cuh"

struct __align__(WIDTH) Kept { // as they are read and written together with WIDTH numbers
    bool at[WIDTH];
};

// mask_i = word_i >= threshold; a thread draws a block of eight 32-bit words. Where x is given, y = x mask scale as well.
KERNEL(256) dropout(
    const real *x, real *y, bool *mask, const long long *step, unsigned long long key_0, unsigned long long key_1,
    unsigned long long call, unsigned long long use, unsigned threshold, real scale, long long n)
{
    const unsigned long long now = *step;
    FOR_EACH(block, (n + 7) / 8)
    {
        const Words words = philox(block, now, call, use, key_0, key_1);
        for (int first = 0; first < 8; first += WIDTH) {
            const long long i = block * 8 + first;
            if (i >= n) break;
            Kept kept;
            Numbers numbers = x ? read(x + i) : Numbers{};
            for (int k = 0; k < WIDTH; k++) {
                const unsigned word = words.word[(first + k) / 2] >> (32 * ((first + k) % 2)); // the low half first
                kept.at[k] = word >= threshold;
                numbers.at[k] = kept.at[k] ? numbers.at[k] * scale : (real)0;
            }
            *(Kept *)(mask + i) = kept;
            if (x) write(y + i, numbers);
        }
    }
}

// dx = dy mask scale
KERNEL(256) dropout_grad(const real *dy, const bool *mask, real *dx, real scale, long long groups)
{
    FOR_EACH(i, groups)
    {
        const Kept kept = ((const Kept *)mask)[i];
        Numbers numbers = read(dy + i * WIDTH);
        for (int k = 0; k < WIDTH; k++) numbers.at[k] = kept.at[k] ? numbers.at[k] * scale : (real)0;
        write(dx + i * WIDTH, numbers);
    }
}
