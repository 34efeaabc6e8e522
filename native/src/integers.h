/* Products of bytes, less their zeros, summed modulo 2³²: section 6 of the specification.
 *
 * A byte less its zero has nine bits and a sign, and is kept in 16. The links of a product go in pairs: an int32
 * holds two of them, from a row of the left operand or a column of the right one. Exact sums have no order.
 */
#ifndef INTEGERS_H
#define INTEGERS_H

#include "bytes.h"

enum { STRIP = 2 * WIDTH, TALLEST = WIDTH == 16 ? 12 : 4 }; /* columns and rows of a tile */

/* What becomes of sums: int32 as they are, or bytes of another scale. */
typedef struct {
    int64_t bytes, is_signed; /* of the result; 0: int32 */
    const float *row_scale, *column_scale, *scale;
    int64_t row_stride, column_stride;
    const uint8_t *zero;
    const int32_t *bias; /* for each row, or NULL */
} Finish;

/* n ≤ WIDTH sums from `column` of `row` on, to `to`, where the result of column 0 of row 0 would be at `y`. */
INLINE void finish(const Finish *f, vint sums, int64_t row, int64_t column, void *y, int64_t at, int64_t n) {
    if (!f->bytes) {
        vstore_first((float *)y + at, (vfloat)sums, n);
        return;
    }
    if (f->bias) sums = (vint)((vuint)sums + (uint32_t)f->bias[row]);
    vfloat columns = f->column_stride ? vload_first(f->column_scale + column, n) : vsplat(*f->column_scale);
    vfloat scale = (vsplat(f->row_scale[row * f->row_stride]) * columns) / vsplat(*f->scale);
    int32_t zero = f->is_signed ? (int8_t)*f->zero : *f->zero, least = (f->is_signed ? -128 : 0) - zero;
    vint made = vsaturated(__builtin_convertvector(sums, vfloat) * scale, vsplat((float)least),
                           vsplat((float)(least + 255)));
    vstore_bytes((uint8_t *)y + at, made + zero, n);
}

/* `rows` of the left operand, each `links` pairs long, by a strip of the right one; finished into n columns. */
INLINE void integer_tile(const int32_t *a, const int32_t *strip, int64_t links, const int rows, const Finish *f,
                         int64_t row, int64_t column, void *y, int64_t at, int64_t y_row, int64_t n) {
    vuint sum[TALLEST][2];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vuint){0};
    for (int64_t k = 0; k < links; k++) {
        vint b0 = (vint)vload((const float *)strip + k * STRIP),
             b1 = (vint)vload((const float *)strip + k * STRIP + WIDTH);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            vint pair = (vint){0} + a[i * links + k];
            sum[i][0] += (vuint)vmadd(pair, b0);
            sum[i][1] += (vuint)vmadd(pair, b1);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        finish(f, (vint)sum[i][0], row + i, column, y, at + i * y_row, least_of(n, WIDTH));
        if (n > WIDTH) finish(f, (vint)sum[i][1], row + i, column + WIDTH, y, at + i * y_row + WIDTH, n - WIDTH);
    }
}

/* The same for any number of rows. */
static void integer_strip(const int32_t *a, const int32_t *strip, int64_t links, int64_t rows, const Finish *f,
                          int64_t row, int64_t column, void *y, int64_t at, int64_t y_row, int64_t n) {
    int64_t i = 0;
    for (; i + TALLEST <= rows; i += TALLEST)
        integer_tile(a + i * links, strip, links, TALLEST, f, row + i, column, y, at + i * y_row, y_row, n);
    for (; i + 3 <= rows; i += 3)
        integer_tile(a + i * links, strip, links, 3, f, row + i, column, y, at + i * y_row, y_row, n);
    for (; i < rows; i++)
        integer_tile(a + i * links, strip, links, 1, f, row + i, column, y, at + i * y_row, y_row, n);
}

#endif
