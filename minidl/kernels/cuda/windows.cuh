// Windows over one to three spatial axes: missing axes have size 1, a window of 1, and come first. Elements are counted in
// 32 bits, which divide several times faster than 64; launchers decline larger arrays.
#ifndef MINIDL_WINDOWS_CUH
#define MINIDL_WINDOWS_CUH
#include "common.cuh"

struct Axis {
    int size;     // positions of the input
    int out;      // positions of the window
    int window;   // taps
    int stride;   // positions from one window to the next
    int dilation; // positions from one tap to the next
    int before;   // zeros in front
};

// Where tap t of the window at output position o looks; outside 0 ... size - 1 there is padding.
__device__ inline int looks_at(const Axis &axis, int o, int t) { return o * axis.stride + t * axis.dilation - axis.before; }

// The output position whose tap t looks at input position i; -1 where there is none.
__device__ inline int seen_from(const Axis &axis, int i, int t)
{
    const int distance = i + axis.before - t * axis.dilation;
    if (distance < 0 || distance % axis.stride) return -1;
    return distance / axis.stride < axis.out ? distance / axis.stride : -1;
}

__device__ inline bool inside(int position, int size) { return (unsigned)position < (unsigned)size; } // one comparison

// The parameters of a kernel with windows, and what its first line makes of them.
#define AXES int size_0, int out_0, int window_0, int stride_0, int dilation_0, int before_0, \
             int size_1, int out_1, int window_1, int stride_1, int dilation_1, int before_1, \
             int size_2, int out_2, int window_2, int stride_2, int dilation_2, int before_2
#define DECLARE_AXES                                                                                                   \
    const Axis D = {size_0, out_0, window_0, stride_0, dilation_0, before_0};                                          \
    const Axis H = {size_1, out_1, window_1, stride_1, dilation_1, before_1};                                          \
    const Axis W = {size_2, out_2, window_2, stride_2, dilation_2, before_2};

// Position number p of images (n, depth, height, width), counted in memory's order.
struct Place {
    int n, d, h, w;
};

__device__ inline Place place_of(unsigned p, unsigned depth, unsigned height, unsigned width)
{
    Place place;
    place.w = p % width, p /= width;
    place.h = p % height, p /= height;
    if (depth == 1) place.d = 0, place.n = p; // mostly, and it spares a division
    else place.d = p % depth, place.n = p / depth;
    return place;
}

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

// The taps through which `position` of an axis is seen, in ascending order, and from which outputs: of those of its distance
// from the first window that are whole strides.
template <class Body> __device__ inline void each_tap_of(const Axis &axis, int position, const Body &body)
{
    if (axis.dilation > 1) {
        for (int t = 0; t < axis.window; t++) {
            const int o = seen_from(axis, position, t);
            if (o >= 0) body(t, o);
        }
        return;
    }
    const int distance = position + axis.before, stride = axis.stride;
    int o = stride == 1 ? distance : distance / stride;
    for (int t = distance - o * stride; t < axis.window && o >= 0; t += stride, o--)
        if (o < axis.out) body(t, o);
}

// Windows that look at `place`, by tap: body(number of the tap, position in y).
template <class Body>
__device__ void each_window(const Axis &D, const Axis &H, const Axis &W, const Place &place, const Body &body)
{
    each_tap_of(D, place.d, [&](int t, int d) {
        each_tap_of(H, place.h, [&](int u, int h) {
            each_tap_of(W, place.w, [&](int v, int w) {
                body((t * H.window + u) * W.window + v, ((place.n * D.out + d) * H.out + h) * W.out + w);
            });
        });
    });
}

#endif
