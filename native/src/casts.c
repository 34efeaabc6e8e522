/* Conversions between types: section 1 of the specification. */
#pragma GCC optimize("tree-vectorize")
#include <math.h>

#include "share.h"

enum { WORTH = 32768 }; /* elements for a thread */

typedef struct {
    const void *x;
    void *y;
} Map;

/* `value` is of x, an element. */
#define CAST(from_name, from_type, to_name, to_type, value)                                                       \
    static void from_name##_to_##to_name##_range(const void *job, int64_t from, int64_t to) {                     \
        const Map *map = job;                                                                                     \
        const from_type *all = map->x;                                                                            \
        to_type *restrict y = map->y;                                                                             \
        for (int64_t i = from; i < to; i++) {                                                                     \
            const from_type x = all[i];                                                                           \
            y[i] = (to_type)(value);                                                                              \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(from_name##_to_##to_name)(int64_t threads, int64_t count, const void *x, void *y) {                    \
        share(threads, count, WORTH, from_name##_to_##to_name##_range, &(Map){x, y});                             \
        return 0;                                                                                                 \
    }

/* Towards zero, an end for what lies beyond it, 0 for NaN. 2³¹ and 2⁶³ are no integers of the type: what is as
 * large becomes its end. */
#define WITHIN(x, below, least, above, most)                                                                      \
    ((x) != (x) ? 0 : (x) < (below) ? (least) : (x) >= (above) ? (most) : (int64_t)(x))

CAST(float32, float, bool, uint8_t, x != 0)
CAST(float32, float, uint8, uint8_t, x > 0 ? (x < 255 ? (int32_t)x : 255) : 0)
CAST(float32, float, int8, int8_t, x != x ? 0 : x < -128 ? -128 : x > 127 ? 127 : (int32_t)x)
CAST(float32, float, int32, int32_t, WITHIN(x, -0x1p31f, INT32_MIN, 0x1p31f, INT32_MAX))
CAST(float32, float, int64, int64_t, WITHIN(x, -0x1p63f, INT64_MIN, 0x1p63f, INT64_MAX))

#define OF_INTEGERS(name, type)                                                                                   \
    CAST(name, type, float32, float, x)                                                                           \
    CAST(name, type, bool, uint8_t, x != 0)

OF_INTEGERS(uint8, uint8_t)
OF_INTEGERS(int8, int8_t)
OF_INTEGERS(int32, int32_t)
OF_INTEGERS(int64, int64_t)

CAST(bool, uint8_t, float32, float, x)
CAST(bool, uint8_t, int32, int32_t, x)
CAST(bool, uint8_t, int64, int64_t, x)
CAST(uint8, uint8_t, int32, int32_t, x)
CAST(uint8, uint8_t, int64, int64_t, x)
CAST(int8, int8_t, int32, int32_t, x)
CAST(int8, int8_t, int64, int64_t, x)
CAST(int32, int32_t, int64, int64_t, x)
CAST(int64, int64_t, int32, int32_t, x)
