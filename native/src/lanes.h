/* Sums in sixteen lanes and a tree, and extremes: section 3 of the specification. Of a row, or of COLUMNS columns.
 *
 * A lane is +0 or some number more than nothing, never −0: adding +0 for an element that is not there changes
 * nothing.
 */
#ifndef LANES_H
#define LANES_H

#include "simd.h"

enum { LANES = 16, VECTORS = LANES / WIDTH, COLUMNS = 64 };
enum { ITSELF, SIZE, SQUARE, DEVIATION }; /* what is summed: x, |x|, x × x, (x − mean) × (x − mean) */

INLINE vfloat vabs(vfloat x) { return (vfloat)((vint)x & INT32_MAX); }

INLINE vfloat term(const int what, vfloat x, vfloat mean) {
    if (what == SIZE) return vabs(x);
    if (what == DEVIATION) x = x - mean;
    if (what == ITSELF) return x;
    return x * x;
}

/* Element i becomes element i + by. */
INLINE vfloat vturned(vfloat x, const int by) {
    return (vfloat)__builtin_shuffle((vint)x, (vcounting() + by) & (WIDTH - 1));
}

/* One of sixteen lanes. */
INLINE float tree(vfloat *s) {
#pragma GCC unroll 4
    for (int w = VECTORS / 2; w; w /= 2)
#pragma GCC unroll 4
        for (int v = 0; v < w; v++) s[v] = s[v] + s[v + w];
    vfloat x = s[0];
#pragma GCC unroll 4
    for (int w = WIDTH / 2; w; w /= 2) x = x + vturned(x, w);
    return x[0];
}

INLINE float sum_row(const int what, const float *x, int64_t n, float mean) {
    vfloat s[VECTORS] = {0}, m = vsplat(mean);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) s[v] = s[v] + term(what, vload(x + i + v * WIDTH), m);
    for (int v = 0; v < VECTORS && i < n; v++, i += WIDTH) {
        vint there = vcounting() < vsplat_int(n - i);
        s[v] = s[v] + vselect(there, term(what, vload_first(x + i, n - i), m), vsplat(0));
    }
    return tree(s);
}

/* The greatest, or the least: of none −∞, or ∞. A NaN is whichever. */
INLINE vfloat extreme(const int least, vfloat a, vfloat b) { return least ? vleast(a, b) : vgreatest(a, b); }
INLINE vfloat extreme_of_none(const int least) { return vsplat(least ? __builtin_inff() : -__builtin_inff()); }

INLINE float extreme_row(const int least, const float *x, int64_t n) {
    vfloat value = extreme_of_none(least), other = value;
    int64_t i = 0;
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {
        value = extreme(least, value, vload(x + i));
        other = extreme(least, other, vload(x + i + WIDTH));
    }
    for (; i < n; i += WIDTH) {
        vint there = vcounting() < vsplat_int(n - i);
        value = extreme(least, value, vselect(there, vload_first(x + i, n - i), extreme_of_none(least)));
    }
    value = extreme(least, value, other);
#pragma GCC unroll 4
    for (int w = WIDTH / 2; w; w /= 2) value = extreme(least, value, vturned(value, w));
    return value[0];
}

/* The same of m ≤ COLUMNS columns, whose elements are `row` apart: into made, COLUMNS of them. */
INLINE void sum_columns(const int what, const float *x, int64_t n, int64_t row, int64_t m, float *made) {
    float s[LANES][COLUMNS] = {0};
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < m; c += WIDTH) {
            float *sum = s[i % LANES] + c;
            vstore(sum, vload(sum) + term(what, vload_first(x + i * row + c, m - c), vsplat(0)));
        }
    for (int w = LANES / 2; w; w /= 2)
        for (int j = 0; j < w; j++)
            for (int64_t c = 0; c < m; c += WIDTH) vstore(s[j] + c, vload(s[j] + c) + vload(s[j + w] + c));
    memcpy(made, s[0], sizeof s[0]);
}

INLINE void extreme_columns(const int least, const float *x, int64_t n, int64_t row, int64_t m, float *made) {
    for (int64_t c = 0; c < COLUMNS; c += WIDTH) vstore(made + c, extreme_of_none(least));
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < m; c += WIDTH)
            vstore(made + c, extreme(least, vload(made + c), vload_first(x + i * row + c, m - c)));
}

#endif
