/* One float to one float, by operations that are each rounded: sections 1 and 4 of the specification. */
#include "share.h"
#include "simd.h"

enum { WORTH = 32768 }; /* elements for a thread */

typedef struct {
    const float *x;
    float *y;
    const float *given; /* two numbers: what the operator's attributes say */
} Map;

/* `value` is of x and two numbers. */
#define MAP(name, value)                                                                                          \
    static void name##_range(const void *job, int64_t from, int64_t to) {                                         \
        const Map *map = job;                                                                                     \
        const vfloat first = vsplat(map->given[0]), second = vsplat(map->given[1]);                               \
        (void)first, (void)second;                                                                                \
        int64_t at = from;                                                                                        \
        for (; at + WIDTH <= to; at += WIDTH) {                                                                   \
            const vfloat x = vload(map->x + at);                                                                  \
            vstore(map->y + at, value);                                                                           \
        }                                                                                                         \
        if (at < to) {                                                                                            \
            const vfloat x = vload_first(map->x + at, to - at);                                                   \
            vstore_first(map->y + at, value, to - at);                                                            \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t count, const float *x, float *y, const float *given) {                  \
        share(threads, count, WORTH, name##_range, &(Map){x, y, given});                                          \
        return 0;                                                                                                 \
    }

static const int32_t SIGN = INT32_MIN;

INLINE vfloat relu(vfloat x) { return vcanonical(vselect(x <= 0, vsplat(0), x)); }
INLINE vfloat leaky_relu(vfloat x, vfloat slope) { return vcanonical(vselect(x < 0, x * slope, x)); }
INLINE vfloat clipped(vfloat x, vfloat low, vfloat high) { return vcanonical(vleast(vgreatest(x, low), high)); }
INLINE vfloat share_of(vfloat x) { return vgreatest(vsplat(0), vleast(vsplat(1), x)); }

MAP(relu, relu(x))
MAP(leaky_relu, leaky_relu(x, first))
MAP(thresholded_relu, vselect(x > first, x, vsplat(0)))
MAP(clip, clipped(x, first, second))
MAP(hard_sigmoid, vcanonical(share_of(x *first + second)))
MAP(hard_swish, vcanonical(x *share_of(x * (1.0f / 6.0f) + 0.5f)))
MAP(softsign, vcanonical(x / (1.0f + (vfloat)((vint)x & ~SIGN))))
MAP(negative, (vfloat)((vint)x ^ SIGN))
MAP(absolute, (vfloat)((vint)x & ~SIGN))
MAP(reciprocal, vcanonical(1.0f / x))
MAP(square_root, vcanonical(vsqrt(x)))
