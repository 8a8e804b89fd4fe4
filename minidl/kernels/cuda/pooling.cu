// Pooling. Formulas: minidl/ops/pooling.py. Shapes: x, dx (n, D, H, W, c), y, dy, winners (n, out, out, out, c).
// A thread computes WIDTH neighbouring channels of the result; neighbouring threads have those that follow. So `groups`
// are the numbers of the result / WIDTH, and `wide` is c / WIDTH.
#include "numbers.cuh"
#include "windows.cuh"

#define EACH_CHANNEL for (int k = 0; k < WIDTH; k++)

// The winners, as they are read and written together with WIDTH numbers.
struct __align__(WIDTH) Taps {
    unsigned char at[WIDTH];
};

// y = max over the window, winners = the first tap that has it; NaN beats every number.
KERNEL(256) max_pool(const real *x, real *y, unsigned char *winners, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, groups)
    {
        const unsigned place = (unsigned)i / wide, channel = (unsigned)i % wide;
        Numbers best = {};
        int winner[WIDTH];
        EACH_CHANNEL winner[k] = -1;
        each_tap(D, H, W, place_of(place, D.out, H.out, W.out), [&](int tap, int position) {
            const Numbers candidates = read(x + (position * wide + channel) * WIDTH);
            EACH_CHANNEL
            {
                const real candidate = candidates.at[k], so_far = best.at[k];
                if (winner[k] < 0 || candidate > so_far || (candidate != candidate && so_far == so_far))
                    best.at[k] = candidate, winner[k] = tap;
            }
        });
        Taps taps;
        EACH_CHANNEL taps.at[k] = winner[k];
        write(y + i * WIDTH, best);
        ((Taps *)winners)[i] = taps;
    }
}

// dx = the sum of dy over the windows that this position won
KERNEL(256) max_pool_grad(const real *dy, const unsigned char *winners, real *dx, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, groups)
    {
        const unsigned place = (unsigned)i / wide, channel = (unsigned)i % wide;
        Numbers sum = {};
        each_window(D, H, W, place_of(place, D.size, H.size, W.size), [&](int tap, int position) {
            const Taps won = ((const Taps *)winners)[position * wide + channel];
            const Numbers gradient = read(dy + (position * wide + channel) * WIDTH);
            EACH_CHANNEL if (won.at[k] == tap) sum.at[k] += gradient.at[k];
        });
        write(dx + i * WIDTH, sum);
    }
}

// The same where windows lie side by side: a thread takes a window and writes to all of its positions. Behind the last window
// come those that would follow it, as far as there are positions: nobody has won anything there.
KERNEL(256) max_pool_grad_side_by_side(
    const real *dy, const unsigned char *winners, real *dx, long long groups, unsigned wide, unsigned depth, unsigned height,
    unsigned width, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, groups)
    {
        const unsigned channel = (unsigned)i % wide;
        const Place place = place_of((unsigned)i / wide, depth, height, width);
        Numbers gradient = {};
        Taps won = {};
        if (place.d < D.out && place.h < H.out && place.w < W.out) {
            const long long at = (((place.n * D.out + place.d) * H.out + place.h) * W.out + place.w) * wide + channel;
            gradient = read(dy + at * WIDTH), won = ((const Taps *)winners)[at];
        }
        each_tap(D, H, W, place, [&](int tap, int position) {
            Numbers here;
            EACH_CHANNEL here.at[k] = won.at[k] == tap ? gradient.at[k] : (real)0;
            write(dx + (position * wide + channel) * WIDTH, here);
        });
    }
}

// y = sum / m, m being the window's positions inside the input
KERNEL(256) average_pool(const real *x, real *y, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, groups)
    {
        const unsigned place = (unsigned)i / wide, channel = (unsigned)i % wide;
        Numbers sum = {};
        int m = 0;
        each_tap(D, H, W, place_of(place, D.out, H.out, W.out), [&](int, int position) {
            const Numbers more = read(x + (position * wide + channel) * WIDTH);
            EACH_CHANNEL sum.at[k] += more.at[k];
            m++;
        });
        EACH_CHANNEL sum.at[k] /= m;
        write(y + i * WIDTH, sum);
    }
}

// Taps of the window at output position o that lie inside the axis.
__device__ inline int taps_inside(const Axis &axis, int o)
{
    int count = 0;
    for (int t = 0; t < axis.window; t++) count += inside(looks_at(axis, o, t), axis.size);
    return count;
}

// dx = the sum of dy / m over the windows that look here
KERNEL(256) average_pool_grad(const real *dy, real *dx, long long groups, unsigned wide, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, groups)
    {
        const unsigned place = (unsigned)i / wide, channel = (unsigned)i % wide;
        Numbers sum = {};
        each_window(D, H, W, place_of(place, D.size, H.size, W.size), [&](int, int position) {
            const Place window = place_of(position, D.out, H.out, W.out);
            const int m = taps_inside(D, window.d) * taps_inside(H, window.h) * taps_inside(W, window.w);
            const Numbers gradient = read(dy + (position * wide + channel) * WIDTH);
            EACH_CHANNEL sum.at[k] += gradient.at[k] / m;
        });
        write(dx + i * WIDTH, sum);
    }
}
