// Random words with the project's generator. What is made of them: minidl/ops/noise.py.
// `step` is the layer's counter in device memory: a recorded step draws anew in replay.
#include "philox.cuh"

// A thread draws a block of eight 32-bit words, the low half of each 64-bit one first.
KERNEL(256) random_words(
    unsigned *words, const long long *step, unsigned long long key_0, unsigned long long key_1, unsigned long long call,
    unsigned long long use, long long n)
{
    const unsigned long long now = *step;
    FOR_EACH(block, (n + 7) / 8)
    {
        const Words drawn = philox(block, now, call, use, key_0, key_1);
        for (int k = 0; k < 8; k++) {
            const long long i = block * 8 + k;
            if (i < n) words[i] = (unsigned)(drawn.word[k / 2] >> (32 * (k % 2)));
        }
    }
}
