/* One float of many: x is (outer, n, inner), and its middle axis is reduced. Section 3 of the specification. */
#include "lanes.h"
#include "share.h"

enum { SUM, MEAN, SIZES, SQUARES, LENGTH, GREATEST, LEAST }; /* as in native/reductions.py */
enum { WORTH = 32768 };                                      /* elements for a thread */

typedef struct {
    int64_t what, n, inner;
    const float *x;
    float *y;
} Reduction;

INLINE vfloat finished(const Reduction *r, vfloat x) {
    if (r->what == MEAN) x = x / vsplat((float)r->n);
    if (r->what == LENGTH) x = vsqrt(x);
    return vcanonical(x);
}

static float of_row(const Reduction *r, const float *x) {
    switch (r->what) {
    case SIZES: return sum_row(SIZE, x, r->n, 0);
    case SQUARES:
    case LENGTH: return sum_row(SQUARE, x, r->n, 0);
    case GREATEST: return extreme_row(0, x, r->n);
    case LEAST: return extreme_row(1, x, r->n);
    default: return sum_row(ITSELF, x, r->n, 0);
    }
}

static void rows(const void *job, int64_t from, int64_t to) {
    const Reduction *r = job;
    for (int64_t row = from; row < to; row++) r->y[row] = finished(r, vsplat(of_row(r, r->x + row * r->n)))[0];
}

static void of_columns(const Reduction *r, const float *x, int64_t m, float *made) {
    switch (r->what) {
    case SIZES: sum_columns(SIZE, x, r->n, r->inner, m, made); break;
    case SQUARES:
    case LENGTH: sum_columns(SQUARE, x, r->n, r->inner, m, made); break;
    case GREATEST: extreme_columns(0, x, r->n, r->inner, m, made); break;
    case LEAST: extreme_columns(1, x, r->n, r->inner, m, made); break;
    default: sum_columns(ITSELF, x, r->n, r->inner, m, made);
    }
}

static void blocks(const void *job, int64_t from, int64_t to) {
    const Reduction *r = job;
    const int64_t each = ceiling(r->inner, COLUMNS);
    for (int64_t block = from; block < to; block++) {
        int64_t outer = block / each, column = block % each * COLUMNS, m = least_of(COLUMNS, r->inner - column);
        float made[COLUMNS];
        of_columns(r, r->x + outer * r->n * r->inner + column, m, made);
        for (int64_t c = 0; c < m; c += WIDTH)
            vstore_first(r->y + outer * r->inner + column + c, finished(r, vload(made + c)), m - c);
    }
}

KERNEL(reduce)(int64_t threads, int64_t what, int64_t outer, int64_t n, int64_t inner, const float *x, float *y) {
    Reduction r = {what, n, inner, x, y};
    if (inner == 1) share(threads, outer, WORTH / greatest_of(n, 1), rows, &r);
    else share(threads, outer * ceiling(inner, COLUMNS), WORTH / COLUMNS / greatest_of(n, 1), blocks, &r);
    return 0;
}
