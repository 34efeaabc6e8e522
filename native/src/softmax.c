/* Softmax and LogSoftmax over the middle axis of x, (outer, n, inner): section 5 of the specification. */
#include "doubles.h"

#include "lanes.h"
#include "share.h"

enum { WORTH = 4096 }; /* elements for a thread */

typedef struct {
    int64_t n, inner;
    const float *x;
    float *y;
} Softmax;

/* y = exp(x − top) for n elements; `top` has one number, or one for each. */
INLINE void exp_less(const float *x, const float *top, const int stride, float *y, int64_t n) {
    for (int64_t at = 0; at < n; at += FLOATS) {
        float some[FLOATS] = {0};
        for (int64_t i = 0; i < FLOATS && at + i < n; i += WIDTH) {
            vfloat most = stride ? vload_first(top + at + i, n - at - i) : vsplat(*top);
            vstore(some + i, vload_first(x + at + i, n - at - i) - most);
        }
        store_doubles(y + at, exp_d(load_doubles(some, FLOATS)), n - at);
    }
}

/* The logarithms of n ≤ COLUMNS numbers. */
static void logarithms(float *x, int64_t n) {
    for (int64_t at = 0; at < n; at += FLOATS) store_doubles(x + at, log_d(load_doubles(x + at, n - at)), n - at);
}

INLINE void softmax_row(const float *x, float *y, int64_t n, const int logarithm) {
    float top = extreme_row(0, x, n), sum;
    exp_less(x, &top, 0, y, n);
    sum = sum_row(ITSELF, y, n, 0);
    if (logarithm) logarithms(&sum, 1);
    for (int64_t i = 0; i < n; i += WIDTH) {
        vfloat made = logarithm ? (vload_first(x + i, n - i) - vsplat(top)) - vsplat(sum)
                                : vload_first(y + i, n - i) / vsplat(sum);
        vstore_first(y + i, vcanonical(made), n - i);
    }
}

/* m ≤ COLUMNS columns. */
INLINE void softmax_columns(const Softmax *s, const float *x, float *y, int64_t m, const int logarithm) {
    float top[COLUMNS], sum[COLUMNS];
    extreme_columns(0, x, s->n, s->inner, m, top);
    for (int64_t i = 0; i < s->n; i++) exp_less(x + i * s->inner, top, 1, y + i * s->inner, m);
    sum_columns(ITSELF, y, s->n, s->inner, m, sum);
    if (logarithm) logarithms(sum, m);
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t c = 0; c < m; c += WIDTH) {
            const float *from = x + i * s->inner + c;
            float *to = y + i * s->inner + c;
            vfloat made = logarithm ? (vload_first(from, m - c) - vload(top + c)) - vload(sum + c)
                                    : vload_first(to, m - c) / vload(sum + c);
            vstore_first(to, vcanonical(made), m - c);
        }
}

#define SOFTMAX(name, logarithm)                                                                                  \
    static void name##_rows(const void *job, int64_t from, int64_t to) {                                          \
        const Softmax *s = job;                                                                                   \
        for (int64_t row = from; row < to; row++)                                                                 \
            softmax_row(s->x + row * s->n, s->y + row * s->n, s->n, logarithm);                                   \
    }                                                                                                             \
    static void name##_blocks(const void *job, int64_t from, int64_t to) {                                        \
        const Softmax *s = job;                                                                                   \
        const int64_t each = ceiling(s->inner, COLUMNS);                                                          \
        for (int64_t block = from; block < to; block++) {                                                         \
            int64_t column = block % each * COLUMNS, at = block / each * s->n * s->inner + column;                \
            softmax_columns(s, s->x + at, s->y + at, least_of(COLUMNS, s->inner - column), logarithm);            \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t outer, int64_t n, int64_t inner, const float *x, float *y) {            \
        Softmax s = {n, inner, x, y};                                                                             \
        if (inner == 1) share(threads, outer, WORTH / greatest_of(n, 1), name##_rows, &s);                        \
        else                                                                                                      \
            share(threads, outer * ceiling(inner, COLUMNS), WORTH / COLUMNS / greatest_of(n, 1), name##_blocks,   \
                  &s);                                                                                            \
        return 0;                                                                                                 \
    }

SOFTMAX(softmax, 0)
SOFTMAX(log_softmax, 1)
