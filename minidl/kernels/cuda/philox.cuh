// Philox 4x64-10 (Salmon et al., SC 2011): ten rounds of a keyed bijection turn a counter of four 64-bit words into four
// random ones. The words are those of numpy.random.Philox, which counts on before it draws: its block j has counter j + 1.
#ifndef MINIDL_PHILOX_CUH
#define MINIDL_PHILOX_CUH
#include "common.cuh"

struct Words {
    unsigned long long word[4];
};

__device__ inline Words philox(
    unsigned long long block, unsigned long long step, unsigned long long call, unsigned long long use,
    unsigned long long key_0, unsigned long long key_1)
{
    const unsigned long long M0 = 0xD2E7470EE14C6C93ull, M1 = 0xCA5A826395121157ull; // multipliers
    const unsigned long long W0 = 0x9E3779B97F4A7C15ull, W1 = 0xBB67AE8584CAA73Bull; // what the key grows by
    unsigned long long a = block + 1, b = step, c = call, d = use;
    for (int round = 0; round < 10; round++) {
        const unsigned long long high_a = __umul64hi(M0, a), low_a = M0 * a;
        const unsigned long long high_c = __umul64hi(M1, c), low_c = M1 * c;
        a = high_c ^ b ^ key_0, c = high_a ^ d ^ key_1;
        b = low_c, d = low_a;
        key_0 += W0, key_1 += W1;
    }
    return {{a, b, c, d}};
}

#endif
