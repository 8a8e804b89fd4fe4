// Attention: the weights of keys that a mask chooses, and additive scores. Formulas: minidl/ops/attention.py.
// Shapes: s, p, ds (stacks, queries, keys), t (stacks, queries, keys, d), q, dq (stacks, queries, d), k, dk (stacks, keys, d).
#include "rows.cuh"

// p = softmax(s) over the keys that the mask shows, 0 where it shows none. A warp takes a row of s; its key j is
// mask[sample * by_sample + head * by_head + query * by_query + j * by_key], as the mask need not have all axes.
KERNEL(256) masked_softmax(
    const real *s, const bool *mask, real *p, long long rows, int heads, int queries, int keys, long long by_sample,
    long long by_head, long long by_query, long long by_key)
{
    const long long row = my_row();
    if (row >= rows) return;
    s += row * keys, p += row * keys;
    mask += row / queries / heads * by_sample + row / queries % heads * by_head + row % queries * by_query;
    real top = -largest();
    bool some = false;
    EACH_OF_ROW(j, keys) if (mask[j * by_key]) top = larger(top, s[j]), some = true;
    top = warp_max(top), some = __ballot_sync(ALL_LANES, some);
    auto e = [&](int j) { return mask[j * by_key] ? exp(s[j] - top) : (real)0; };
    const real total = row_sum(keys, e);
    EACH_OF_ROW(j, keys) p[j] = some ? e(j) / total : (real)0;
}

// t = tanh(q_i + k_j) and s = t . w. A warp takes a pair (i, j).
KERNEL(256) additive_scores(
    const real *q, const real *k, const real *w, real *s, real *t, long long pairs, int queries, int keys, int d)
{
    const long long pair = my_row();
    if (pair >= pairs) return;
    q += pair / keys * d, k += (pair / keys / queries * keys + pair % keys) * d, t += pair * d;
    EACH_OF_ROW(c, d) t[c] = tanh(q[c] + k[c]);
    const real sum = row_sum(d, [&](int c) { return t[c] * w[c]; }); // each lane reads what it wrote
    if (threadIdx.x % 32 == 0) s[pair] = sum;
}

// dq_i = sum_j u_ij  with u_ij = ds_ij w (1 - t_ij^2)
KERNEL(256) additive_scores_grad_q(const real *ds, const real *t, const real *w, real *dq, long long numbers, int keys, int d)
{
    FOR_EACH(i, numbers)
    {
        const real *mine = ds + i / d * keys, *of_t = t + i / d * keys * d + i % d;
        real sum = 0;
        for (long long j = 0; j < keys; j++) sum += mine[j] * w[i % d] * (1 - of_t[j * d] * of_t[j * d]);
        dq[i] = sum;
    }
}

// dk_j = sum_i u_ij
KERNEL(256) additive_scores_grad_k(
    const real *ds, const real *t, const real *w, real *dk, long long numbers, int queries, int keys, int d)
{
    FOR_EACH(i, numbers)
    {
        const long long key = i / d, first = key / keys * queries * keys + key % keys; // the pair of query 0
        real sum = 0;
        for (int query = 0; query < queries; query++) {
            const long long pair = first + (long long)query * keys;
            const real of_t = t[pair * d + i % d];
            sum += ds[pair] * w[i % d] * (1 - of_t * of_t);
        }
        dk[i] = sum;
    }
}

// dw = sum over all pairs of ds t
KERNEL(256) additive_scores_grad_w(const real *ds, const real *t, double *partial, long long pairs, int d)
{
    __shared__ Lines lines;
    column_sums(lines, pairs, d, partial, [&](long long pair, int c) { return (double)(ds[pair] * t[pair * d + c]); });
}
