// CUDA C++ on the CPU, for tests. Each thread of a block is a fiber with a stack of its own, which runs until it has to wait
// for others; blocks run one after another. So barriers, shuffles and shared memory behave as on a GPU, and the order in which
// the threads run is a parameter of the test: what depends on it is a race.
//
// Not modelled: warps in true lock step, the memory model between barriers, bank conflicts, occupancy, fused multiply-adds.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmath>
#include <type_traits>
#include <utility> // no <string>, no <vector>: each file would take longer to compile by a half

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static // the sanitizer guards it
#else
#define __shared__ static __attribute__((section("gpu_shared"))) // one block runs at a time; filled with NaN before each
extern "C" char __start_gpu_shared[] __attribute__((weak)), __stop_gpu_shared[] __attribute__((weak));
#endif

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
struct alignas(8) float2 {
    float x, y;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

// --- fibers: a stack and a place to go on from ------------------------------------------------------------------------

#if defined(__x86_64__)
typedef void *Place_of_fiber;
extern "C" void switch_fiber(void **from, void *to); // the registers a function must keep, and the stack pointer
asm(R"(
.text
.local switch_fiber
.type switch_fiber, @function
switch_fiber:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
static void go(Place_of_fiber &from, Place_of_fiber &to) { switch_fiber(&from, to); }
static void prepare(Place_of_fiber &fiber, char *stack, size_t size, void (*entry)())
{
    void **top = (void **)(stack + size);
    *--top = nullptr;
    *--top = (void *)entry;
    for (int i = 0; i < 6; i++) *--top = nullptr;
    fiber = top;
}
#else
#include <ucontext.h> // slower, on any machine
typedef ucontext_t Place_of_fiber;
static void go(Place_of_fiber &from, Place_of_fiber &to) { swapcontext(&from, &to); }
static void prepare(Place_of_fiber &fiber, char *stack, size_t size, void (*entry)())
{
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack, fiber.uc_stack.ss_size = size, fiber.uc_link = nullptr;
    makecontext(&fiber, entry, 0);
}
#endif

// --- lanes: the threads of the block that runs -------------------------------------------------------------------------

enum State { RUNS, WAITS_FOR_BLOCK, WAITS_FOR_WARP, ENDED };
enum Fault { NONE, SOME_LANES_MISSED_A_BARRIER, LANES_WAIT_AT_DIFFERENT_BARRIERS, STUCK };
struct Lane {
    Place_of_fiber place;
    State state;
    int barrier;     // the source line it waits at
    uint64_t shown;  // to the others of its warp, in a shuffle
};
static const unsigned MOST_LANES = 1024;
static Lane lanes[MOST_LANES];
static unsigned lane_count, lane_now;
static Place_of_fiber scheduler;
static void (*body)(void *);
static void *body_argument;
static const size_t STACK = 64 * 1024;
static char *stacks;

static void wait_as(State state, int barrier)
{
    Lane &lane = lanes[lane_now];
    lane.state = state, lane.barrier = barrier;
    go(lane.place, scheduler);
}
static void lane_entry()
{
    body(body_argument);
    wait_as(ENDED, 0);
    abort();
}

#define __syncthreads() wait_as(WAITS_FOR_BLOCK, __LINE__)
static inline void sync_warp(int line) { wait_as(WAITS_FOR_WARP, line); }
#define __syncwarp(...) sync_warp(__LINE__)

template <class T> static T shuffled(T value, unsigned source)
{
    memcpy(&lanes[lane_now].shown, &value, sizeof value);
    sync_warp(-1);
    const unsigned other = (lane_now & ~31u) + source;
    if (source < 32 && other < lane_count) memcpy(&value, &lanes[other].shown, sizeof value);
    sync_warp(-2);
    return value;
}
template <class T> static T __shfl_xor_sync(unsigned, T value, int mask) { return shuffled(value, (lane_now & 31) ^ mask); }
template <class T> static T __shfl_down_sync(unsigned, T value, unsigned n) { return shuffled(value, (lane_now & 31) + n); }
template <class T> static T __shfl_sync(unsigned, T value, int lane) { return shuffled(value, lane & 31); }
static unsigned __ballot_sync(unsigned, bool vote)
{
    lanes[lane_now].shown = vote;
    sync_warp(-3);
    unsigned all = 0;
    for (unsigned i = 0, first = lane_now & ~31u; i < 32 && first + i < lane_count; i++)
        all |= (unsigned)(lanes[first + i].state != ENDED && lanes[first + i].shown) << i;
    sync_warp(-4);
    return all;
}
static inline int __ffs(int bits) { return __builtin_ffs(bits); }
template <class T> static T atomicAdd(T *place, T value)
{
    const T before = *place;
    *place = before + value;
    return before;
}
static inline int __float_as_int(float x)
{
    int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline float __int_as_float(int bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline float rsqrt(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
static inline double normcdf(double x) { return erfc(-x / sqrt(2.0)) / 2; }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

// --- blocks --------------------------------------------------------------------------------------------------------------

enum Order { ASCENDING, DESCENDING, RANDOM };
static uint64_t random_state;
static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state % n;
}
static void arrange(unsigned *numbers, unsigned count, int order)
{
    for (unsigned i = 0; i < count; i++) numbers[i] = order == DESCENDING ? count - 1 - i : i;
    if (order == RANDOM)
        for (unsigned i = count; i > 1; i--) std::swap(numbers[i - 1], numbers[random_below(i)]);
}

// Lanes of a warp run until they wait, or end; false where none could. They go on when all of them wait for each other.
static bool run_warp(unsigned first, unsigned threads, int order)
{
    unsigned turn[32], in_warp = 0, alive = 0;
    const unsigned count = first + 32 < threads ? 32 : threads - first;
    bool moved = false;
    arrange(turn, count, order);
    for (unsigned t = 0; t < count; t++)
        if (lanes[first + turn[t]].state == RUNS) {
            moved = true;
            lane_now = threadIdx.x = first + turn[t];
            go(scheduler, lanes[lane_now].place);
        }
    for (unsigned i = first; i < first + count; i++) in_warp += lanes[i].state == WAITS_FOR_WARP, alive += lanes[i].state != ENDED;
    if (in_warp && in_warp == alive)
        for (unsigned i = first; i < first + count; i++)
            if (lanes[i].state == WAITS_FOR_WARP) lanes[i].state = RUNS, moved = true;
    return moved;
}

static Fault run_block(unsigned threads, int order)
{
    static unsigned warps[MOST_LANES / 32];
    if (!stacks)
        stacks = (char *)mmap(0, (MOST_LANES + 1) * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
#if !defined(__SANITIZE_ADDRESS__)
    if (__start_gpu_shared) memset(__start_gpu_shared, 0xff, __stop_gpu_shared - __start_gpu_shared);
#endif
    lane_count = threads;
    for (unsigned i = 0; i < threads; i++) { // stacks that begin at one offset would share few lines of the cache
        lanes[i].state = RUNS;
        prepare(lanes[i].place, stacks + i * STACK, STACK - (i * 320) % 8192, lane_entry);
    }
    for (;;) {
        bool moved = false;
        unsigned ended = 0, waiting = 0;
        arrange(warps, (threads + 31) / 32, order);
        for (unsigned w = 0; w < (threads + 31) / 32; w++) // one warp runs as far as it can before the next one does
            while (run_warp(warps[w] * 32, threads, order)) moved = true;
        int barrier = 0;
        bool same = true;
        for (unsigned i = 0; i < threads; i++) {
            const Lane &lane = lanes[i];
            ended += lane.state == ENDED;
            if (lane.state != WAITS_FOR_BLOCK) continue;
            same = same && (!waiting || lane.barrier == barrier);
            barrier = lane.barrier, waiting++;
        }
        if (ended == threads) return NONE;
        if (waiting == threads) {
            if (!same) return LANES_WAIT_AT_DIFFERENT_BARRIERS;
            for (unsigned i = 0; i < threads; i++) lanes[i].state = RUNS;
        } else if (waiting && waiting + ended == threads) {
            return SOME_LANES_MISSED_A_BARRIER;
        } else if (!moved) {
            return STUCK;
        }
    }
}

template <class Body> static int run_grid(dim3 grid, unsigned threads, int order, unsigned seed, Body kernel)
{
    random_state = seed * 2654435761u + 88172645463325252ull;
    gridDim = grid, blockDim = {threads, 1, 1};
    body_argument = &kernel;
    body = [](void *argument) { (*(Body *)argument)(); };
    const unsigned count = grid.x * grid.y * grid.z;
    unsigned *blocks = (unsigned *)malloc(count * sizeof(unsigned)); // new would need the library of C++
    arrange(blocks, count, order);
    Fault fault = NONE;
    for (unsigned i = 0; i < count && !fault; i++) {
        const unsigned number = blocks[i];
        blockIdx = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
        fault = run_block(threads, order);
    }
    free(blocks);
    return fault;
}

// --- what a kernel takes, as the compiler sees it ------------------------------------------------------------------------

template <class T> static char *write_type(char *to)
{
    if constexpr (std::is_pointer_v<T>) {
        *to++ = '*';
        return write_type<std::remove_const_t<std::remove_pointer_t<T>>>(to);
    } else {
        static_assert(sizeof(T) < 10);
        *to++ = std::is_same_v<T, bool> ? 'b' : std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
        *to++ = '0' + sizeof(T);
        *to++ = ' ';
        return to;
    }
}
template <class... T> static const char *type_names(void (*)(T...)) // "*f4 i8 "
{
    static char names[4 * sizeof...(T) + 1];
    char *to = names;
    ((to = write_type<T>(to)), ...);
    return names;
}
template <class... T, size_t... i> static auto bound(void (*kernel)(T...), void **arguments, std::index_sequence<i...>)
{
    return [=] { kernel(*(T *)arguments[i]...); };
}
template <class... T>
static int run_kernel(void (*kernel)(T...), dim3 grid, unsigned threads, void **arguments, int order, unsigned seed)
{
    return run_grid(grid, threads, order, seed, bound(kernel, arguments, std::index_sequence_for<T...>()));
}

#define RUN_ON_CPU(kernel)                                                                                             \
    extern "C" const char *types_of_##kernel()                                                                         \
    {                                                                                                                  \
        return type_names(kernel);                                                                                     \
    }                                                                                                                  \
    extern "C" int run_##kernel(unsigned x, unsigned y, unsigned z, unsigned threads, void **a, int order, unsigned seed) \
    {                                                                                                                  \
        return run_kernel(kernel, {x, y, z}, threads, a, order, seed);                                                 \
    }
