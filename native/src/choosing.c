/* What compares, chooses and converts, shapes brought together: every bit of what is chosen is kept. */
#pragma GCC optimize("tree-vectorize")
#include <string.h>

#include "broadcast.h"

enum { WORTH = 32768 }; /* elements for a thread */

/* --- comparisons, to bytes of 0 or 1 --- */

#define COMPARE(name, type, comparison)                                                                           \
    static void name##_##type##_range(const void *job, int64_t from, int64_t to) {                                \
        const Broadcast *all = job;                                                                               \
        const int64_t a_stride = last_stride(all->plan, 0), b_stride = last_stride(all->plan, 1);                 \
        FOR_ROWS(all, from, to, {                                                                                 \
            const type *a = (const type *)all->operand[0] + row.at[0] + column * a_stride;                        \
            const type *b = (const type *)all->operand[1] + row.at[1] + column * b_stride;                        \
            uint8_t *y = (uint8_t *)all->result + first;                                                          \
            if (!b_stride)                                                                                        \
                for (int64_t i = 0; i < n; i++) y[i] = a[i * a_stride] comparison * b;                            \
            else if (!a_stride)                                                                                   \
                for (int64_t i = 0; i < n; i++) y[i] = *a comparison b[i];                                        \
            else                                                                                                  \
                for (int64_t i = 0; i < n; i++) y[i] = a[i] comparison b[i];                                      \
        });                                                                                                       \
    }                                                                                                             \
    KERNEL(name##_##type)(int64_t threads, int64_t count, const int64_t *plan, const void *a, const void *b,      \
                          void *y) {                                                                              \
        Broadcast all = {.plan = plan, .operand = {a, b}, .result = y};                                           \
        share(threads, count, WORTH, name##_##type##_range, &all);                                                \
        return 0;                                                                                                 \
    }

#define COMPARISONS(type)                                                                                         \
    COMPARE(equal, type, ==)                                                                                      \
    COMPARE(less, type, <)                                                                                        \
    COMPARE(less_or_equal, type, <=)                                                                              \
    COMPARE(greater, type, >)                                                                                     \
    COMPARE(greater_or_equal, type, >=)

COMPARISONS(float)
COMPARISONS(int32_t)
COMPARISONS(int64_t)

/* --- a choice between elements of some bytes --- */

#define WHERE(type)                                                                                               \
    INLINE void where_row_##type(const uint8_t *c, const int c_stride, const type *a, const int a_stride,         \
                                 const type *b, const int b_stride, type *restrict y, int64_t n) {                \
        for (int64_t i = 0; i < n; i++) {                                                                         \
            type yes = a[i * a_stride], no = b[i * b_stride];                                                     \
            y[i] = c[i * c_stride] ? yes : no;                                                                    \
        }                                                                                                         \
    }                                                                                                             \
    static void where_##type##_range(const void *job, int64_t from, int64_t to) {                                 \
        const Broadcast *all = job;                                                                               \
        const int64_t *plan = all->plan;                                                                          \
        const int64_t c_stride = last_stride(plan, 0), a_stride = last_stride(plan, 1),                           \
                      b_stride = last_stride(plan, 2);                                                            \
        FOR_ROWS(all, from, to, {                                                                                 \
            const uint8_t *c = (const uint8_t *)all->operand[0] + row.at[0] + column * c_stride;                  \
            const type *a = (const type *)all->operand[1] + row.at[1] + column * a_stride;                        \
            const type *b = (const type *)all->operand[2] + row.at[2] + column * b_stride;                        \
            type *y = (type *)all->result + first;                                                                \
            switch (4 * c_stride + 2 * a_stride + b_stride) {                                                     \
            case 1: where_row_##type(c, 0, a, 0, b, 1, y, n); break;                                              \
            case 2: where_row_##type(c, 0, a, 1, b, 0, y, n); break;                                              \
            case 3: where_row_##type(c, 0, a, 1, b, 1, y, n); break;                                              \
            case 4: where_row_##type(c, 1, a, 0, b, 0, y, n); break;                                              \
            case 5: where_row_##type(c, 1, a, 0, b, 1, y, n); break;                                              \
            case 6: where_row_##type(c, 1, a, 1, b, 0, y, n); break;                                              \
            default: where_row_##type(c, 1, a, 1, b, 1, y, n);                                                    \
            }                                                                                                     \
        });                                                                                                       \
    }                                                                                                             \
    KERNEL(where_##type)(int64_t threads, int64_t count, const int64_t *plan, const uint8_t *c, const void *a,    \
                         const void *b, void *y) {                                                                \
        share(threads, count, WORTH, where_##type##_range, &(Broadcast){plan, {c, a, b}, y, 0});                  \
        return 0;                                                                                                 \
    }

WHERE(uint8_t)
WHERE(uint32_t)
WHERE(uint64_t)
