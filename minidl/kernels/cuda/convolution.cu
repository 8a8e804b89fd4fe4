// Convolution as a matrix product whose left factor is never written down (implicit GEMM). Formulas:
// minidl/ops/convolution.py. With taps x channels as one index,
//
//     y (positions, f)      = U(x) (positions, taps c)     W (taps c, f) + b
//     dx (places, c)        = U'(dy) (places, taps f)      W' (taps f, c)            U' lists the outputs that see a place
//     dW (taps c, f)        = U(x)^T (taps c, positions)   dy (positions, f)
//
// Shapes: x, dx (n, D, H, W, C), y, dy (n, out, out, out, F), W (taps, C / groups, F), b (F,). A block belongs to a group, and
// where the results are few and the sums long, to one of `shares` in a sum: then `result` holds the sums of all shares one behind
// the other, and `add_up` adds them.
#include "product.cuh"
#include "windows.cuh"

#ifndef WORDS
#define WORDS 1 // of 32 bits, for the taps of all axes one behind the other and one bit more
#endif

// The three numbers of a tap.
struct Tap {
    int t, u, v;
};

__device__ inline Tap tap_of(int number, const Axis &H, const Axis &W)
{
    return {number / W.window / H.window, number / W.window % H.window, number % W.window};
}

// Where in x the window at output `place` looks with this tap; -1 in the padding.
__device__ inline int read_place(const Place &place, const Tap &tap, const Axis &D, const Axis &H, const Axis &W)
{
    const int d = looks_at(D, place.d, tap.t), h = looks_at(H, place.h, tap.u), w = looks_at(W, place.w, tap.v);
    if (!inside(d, D.size) || !inside(h, H.size) || !inside(w, W.size)) return -1;
    return ((place.n * D.size + d) * H.size + h) * W.size + w;
}

// A set of taps, those of all three axes one behind the other.
struct Taps {
    unsigned words[WORDS];

    __device__ void insert(int number, bool really = true)
    {
#pragma unroll
        for (int i = 0; i < WORDS; i++)
            if (WORDS == 1 || number / 32 == i) words[i] |= (unsigned)really << number % 32;
    }
    __device__ bool has(const Taps &others) const
    {
        bool all = true;
#pragma unroll
        for (int i = 0; i < WORDS; i++) all &= (words[i] & others.words[i]) == others.words[i];
        return all;
    }
};

// Where something is read: the place is what a row and a column of U say together, in memory's order and counted in numbers. A
// row knows through which taps it sees something at all, on each axis; a column is of one tap.
struct Spot {
    int place;
    Taps taps;
};

// Those of a row: sees(axis, position on it, tap).
template <class Sees>
__device__ Taps taps_of_row(const Axis &D, const Axis &H, const Axis &W, const Place &place, const Sees &sees)
{
    Taps taps = {};
    for (int t = 0; t < D.window; t++) taps.insert(t, sees(D, place.d, t));
    for (int u = 0; u < H.window; u++) taps.insert(D.window + u, sees(H, place.h, u));
    for (int v = 0; v < W.window; v++) taps.insert(D.window + H.window + v, sees(W, place.w, v));
    return taps;
}

// Those of a column; one that is not `there` has a tap that no row has.
__device__ inline Taps taps_of_column(bool there, const Axis &D, const Axis &H, const Axis &W, const Tap &tap)
{
    Taps taps = {};
    taps.insert(there ? tap.t : D.window + H.window + W.window);
    if (there) taps.insert(D.window + tap.u), taps.insert(D.window + H.window + tap.v);
    return taps;
}

// U(x): row = output position, column = tap and channel.
struct Patches {
    const real *x;          // of the group's first channel
    int C, c;               // channels of x, of the group
    int positions, entries; // rows and columns from here on are not there
    Axis D, H, W;

    typedef Spot Row, Column;
    __device__ Row row(int m) const
    {
        const Place o = place_of(m, D.out, H.out, W.out);
        const int d = looks_at(D, o.d, 0), h = looks_at(H, o.h, 0), w = looks_at(W, o.w, 0);
        const Taps taps = taps_of_row(D, H, W, o, [&](const Axis &axis, int position, int tap) {
            return m < positions & inside(looks_at(axis, position, tap), axis.size);
        });
        return {(((o.n * D.size + d) * H.size + h) * W.size + w) * C, taps};
    }
    __device__ Column column(int k) const
    {
        const Tap tap = tap_of(k / c, H, W);
        const int d = tap.t * D.dilation, h = tap.u * H.dilation, w = tap.v * W.dilation;
        return {((d * H.size + h) * W.size + w) * C + k % c, taps_of_column(k < entries, D, H, W, tap)};
    }
    __device__ Numbers at(bool, const Row &row, const Column &column) const
    {
        return read_if(row.taps.has(column.taps), x + (row.place + column.place));
    }
};

// U(x)^T: row = tap and channel, column = output position.
struct TurnedPatches {
    Patches patches;

    typedef Spot Row, Column;
    __device__ Row row(int m) const { return patches.column(m); }
    __device__ Column column(int k) const { return patches.row(k); }
    __device__ Numbers at(bool there, const Row &row, const Column &column) const { return patches.at(there, column, row); }
};

// U'(dy): row = place in x, column = tap and filter. A place is seen from where the taps are taken off, by whole strides: both
// are divided by the stride, and what remains is the same where there is an output.
struct Outputs {
    const real *dy;      // of the group's first filter
    int F, f, c;         // filters of dy, of the group; its channels
    int places, entries; // rows and columns from here on are not there
    Axis D, H, W;

    struct Column : Spot {
        int weights; // where W' has this row
    };
    typedef Spot Row;
    __device__ Row row(int m) const
    {
        const Place i = place_of(m, D.size, H.size, W.size);
        const int d = (i.d + D.before) / D.stride, h = (i.h + H.before) / H.stride, w = (i.w + W.before) / W.stride;
        const Taps taps = taps_of_row(D, H, W, i, [&](const Axis &axis, int position, int tap) {
            return m < places & seen_from(axis, position, tap) >= 0;
        });
        return {(((i.n * D.out + d) * H.out + h) * W.out + w) * F, taps};
    }
    __device__ Column column(int k) const
    {
        const Tap tap = tap_of(k / f, H, W);
        const int d = tap.t * D.dilation / D.stride, h = tap.u * H.dilation / H.stride, w = tap.v * W.dilation / W.stride;
        const int place = k % f - ((d * H.out + h) * W.out + w) * F;
        return {{place, taps_of_column(k < entries, D, H, W, tap)}, k / f * c * F + k % f};
    }
    __device__ Numbers at(bool, const Row &row, const Column &column) const
    {
        return read_if(row.taps.has(column.taps), dy + (row.place + column.place));
    }
};

// W as it stands, and dy: row = tap and channel (of dy: position), column = filter of the group.
struct Filters {
    const real *W;
    int F;

    static const bool down = false;
    __device__ NumbersOf<RIGHT> at(bool there, int k, const Spot &, int n) const { return read_if<RIGHT>(there, W + (k * F + n)); }
};

// W': row = tap and filter, column = channel. Filters are neighbours in memory.
struct TurnedFilters {
    const real *W;
    int F;

    static const bool down = true;
    __device__ NumbersOf<RIGHT> at(bool there, int, const Outputs::Column &column, int n) const
    {
        return read_if<RIGHT>(there, W + (column.weights + n * F));
    }
};

// The part of a sum, and the group, that this block adds up.
struct Part {
    int group, share, first, last;
};

__device__ inline Part my_part(int sum, int shares)
{
    const int each = ((sum + shares - 1) / shares + DEPTH - 1) / DEPTH * DEPTH, share = blockIdx.z % shares;
    const int last = (share + 1) * each;
    return {(int)blockIdx.z / shares, share, share * each, last < sum ? last : sum};
}

KERNEL(256) convolve(
    const real *x, const real *W_, const real *b, real *result, bool relu, int positions, int C, int F, int groups, int shares,
    AXES)
{
    __shared__ Tiles<false, Patches> tiles;
    DECLARE_AXES
    const int c = C / groups, f = F / groups;
    const Part part = my_part(D.window * H.window * W.window * c, shares);
    const Patches left = {x + part.group * c, C, c, positions, part.last, D, H, W};
    const Filters right = {W_ + part.group * f, F};
    real *y = result + part.share * (long long)positions * F + part.group * f;
    if (b) b += part.group * f;
    tile_product<false>(tiles, left, right, positions, f, part.first, part.last, [&](int m, int n, auto sums) {
        for (int k = 0; k < sums.count; k++) {
            const real z = sums.at[k] + (b ? b[n + k] : (real)0);
            sums.at[k] = relu ? rectified(z) : z;
        }
        write(y + m * F + n, sums);
    });
}

KERNEL(256) convolve_grad_x(
    const real *dy, const real *W_, real *result, int places, int C, int F, int groups, int shares, AXES)
{
    __shared__ Tiles<false, Outputs> tiles;
    DECLARE_AXES
    const int c = C / groups, f = F / groups;
    const Part part = my_part(D.window * H.window * W.window * f, shares);
    const Outputs left = {dy + part.group * f, F, f, c, places, part.last, D, H, W};
    const TurnedFilters right = {W_ + part.group * f, F};
    real *dx = result + part.share * (long long)places * C + part.group * c;
    tile_product<false>(tiles, left, right, places, c, part.first, part.last, [&](int m, int n, const auto &sums) {
        write(dx + m * C + n, sums);
    });
}

KERNEL(256) convolve_grad_W(
    const real *x, const real *dy, real *result, int positions, int C, int F, int groups, int shares, AXES)
{
    __shared__ Tiles<true, TurnedPatches> tiles;
    DECLARE_AXES
    const int c = C / groups, f = F / groups, rows = D.window * H.window * W.window * c;
    const Part part = my_part(positions, shares);
    const TurnedPatches left = {{x + part.group * c, C, c, part.last, rows, D, H, W}};
    const Filters right = {dy + part.group * f, F};
    real *dW = result + part.share * (long long)rows * F + part.group * f;
    tile_product<true>(tiles, left, right, rows, f, part.first, part.last, [&](int m, int n, const auto &sums) {
        write(dW + m * F + n, sums);
    });
}

// The sum of the shares, plus b (columns,) where it is given, and the ReLU of that where asked for.
KERNEL(256) add_up(const real *partial, const real *b, real *result, bool relu, int shares, long long n, int columns)
{
    FOR_EACH(i, n)
    {
        double sum = b ? b[where(i, columns).column] : 0;
        for (int share = 0; share < shares; share++) sum += partial[share * n + i];
        result[i] = relu ? rectified(sum) : (real)sum;
    }
}

// The patches themselves, where a library shall multiply them: patches (n, out, taps, C) = U(x). `wide` is C / WIDTH, `groups`
// are the numbers of y / WIDTH if there were as many filters as channels.
KERNEL(256) unfold(const real *x, real *patches, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    const unsigned taps = D.window * H.window * W.window;
    FOR_EACH(i, groups)
    {
        const unsigned channel = (unsigned)i % wide, row = (unsigned)i / wide;
        const Place place = place_of(row, D.out, H.out, W.out);
        real *to = patches + ((long long)row * taps * wide + channel) * WIDTH;
        for (int t = 0; t < D.window; t++)
            for (int u = 0; u < H.window; u++)
                for (int v = 0; v < W.window; v++, to += wide * WIDTH) {
                    const int from = read_place(place, {t, u, v}, D, H, W);
                    write(to, read_if(from >= 0, x + (from * wide + channel) * WIDTH));
                }
    }
}

// The transpose: x (n, D, H, W, C) = the sum of the patches' entries that were read here.
KERNEL(256) fold(const real *patches, real *x, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    const unsigned taps = D.window * H.window * W.window;
    FOR_EACH(i, groups)
    {
        const unsigned channel = (unsigned)i % wide;
        Numbers sum = {};
        each_window(D, H, W, place_of((unsigned)i / wide, D.size, H.size, W.size), [&](int tap, int position) {
            const Numbers entry = read(patches + (((unsigned)position * taps + tap) * wide + channel) * WIDTH);
            for (int k = 0; k < WIDTH; k++) sum.at[k] += entry.at[k];
        });
        write(x + i * WIDTH, sum);
    }
}
