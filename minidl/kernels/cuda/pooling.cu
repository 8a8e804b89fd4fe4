// Pooling. Formulas: minidl/ops/pooling.py. Shapes: x, dx (n, D, H, W, c), y, dy, winners (n, out, out, out, c).
// A thread computes one number of the result; neighbouring threads have neighbouring channels.
#include "windows.cuh"

// Taps of the window at `place`, in row-major order: body(number of the tap, position in x or -1).
template <class Body>
__device__ void each_tap(const Axis &D, const Axis &H, const Axis &W, const Place &place, const Body &body)
{
    for (int t = 0, tap = 0; t < D.window; t++)
        for (int u = 0; u < H.window; u++)
            for (int v = 0; v < W.window; v++, tap++) {
                const int d = looks_at(D, place.d, t), h = looks_at(H, place.h, u), w = looks_at(W, place.w, v);
                if (inside(d, D.size) && inside(h, H.size) && inside(w, W.size))
                    body(tap, ((place.n * D.size + d) * H.size + h) * W.size + w);
            }
}

// Windows that look at `place`, by tap: body(number of the tap, position in y).
template <class Body>
__device__ void each_window(const Axis &D, const Axis &H, const Axis &W, const Place &place, const Body &body)
{
    for (int t = 0, tap = 0; t < D.window; t++)
        for (int u = 0; u < H.window; u++)
            for (int v = 0; v < W.window; v++, tap++) {
                const int d = seen_from(D, place.d, t), h = seen_from(H, place.h, u), w = seen_from(W, place.w, v);
                if (d >= 0 && h >= 0 && w >= 0) body(tap, ((place.n * D.out + d) * H.out + h) * W.out + w);
            }
}

// y = max over the window, winners = the first tap that has it; NaN beats every number.
KERNEL(256) max_pool(const real *x, real *y, unsigned char *winners, long long numbers, unsigned c, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, numbers)
    {
        const unsigned place = (unsigned)i / c, channel = (unsigned)i % c;
        real best = 0;
        int winner = -1;
        each_tap(D, H, W, place_of(place, D.out, H.out, W.out), [&](int tap, int position) {
            const real candidate = x[position * c + channel];
            if (winner < 0 || candidate > best || (candidate != candidate && best == best)) best = candidate, winner = tap;
        });
        y[i] = best;
        winners[i] = winner;
    }
}

// dx = the sum of dy over the windows that this position won
KERNEL(256) max_pool_grad(const real *dy, const unsigned char *winners, real *dx, long long numbers, unsigned c, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, numbers)
    {
        const unsigned place = (unsigned)i / c, channel = (unsigned)i % c;
        real sum = 0;
        each_window(D, H, W, place_of(place, D.size, H.size, W.size), [&](int tap, int position) {
            if (winners[position * c + channel] == tap) sum += dy[position * c + channel];
        });
        dx[i] = sum;
    }
}

// y = sum / m, m being the window's positions inside the input
KERNEL(256) average_pool(const real *x, real *y, long long numbers, unsigned c, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, numbers)
    {
        const unsigned place = (unsigned)i / c, channel = (unsigned)i % c;
        real sum = 0;
        int m = 0;
        each_tap(D, H, W, place_of(place, D.out, H.out, W.out), [&](int, int position) {
            sum += x[position * c + channel];
            m++;
        });
        y[i] = sum / m;
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
KERNEL(256) average_pool_grad(const real *dy, real *dx, long long numbers, unsigned c, AXES)
{
    DECLARE_AXES
    FOR_EACH(i, numbers)
    {
        const unsigned place = (unsigned)i / c, channel = (unsigned)i % c;
        real sum = 0;
        each_window(D, H, W, place_of(place, D.size, H.size, W.size), [&](int, int position) {
            const Place window = place_of(position, D.out, H.out, W.out);
            sum += dy[position * c + channel] / (taps_inside(D, window.d) * taps_inside(H, window.h) * taps_inside(W, window.w));
        });
        dx[i] = sum;
    }
}
