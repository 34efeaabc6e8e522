/* Floats to the bytes that stand for them, and back: section 6 of the specification. */
#include "bytes.h"
#include "lanes.h"
#include "share.h"

enum { WORTH = 32768 }; /* elements for a thread */

/* x is (outer, n, inner); there is a scale, and a zero if not NULL, for each of n; all are spread if n is 1. */
typedef struct {
    int64_t n, inner, is_signed;
    const void *x;
    const float *scale;
    const uint8_t *zero;
    void *y;
} Scaled;

INLINE vint zeros_at(const Scaled *s, int64_t i, const int each, int64_t left) {
    if (!s->zero) return (vint){0};
    int32_t flip = s->is_signed ? 0x80 : 0;
    return ((each ? vload_bytes(s->zero + i, left) : vsplat_int(s->zero[i])) ^ flip) - flip;
}
INLINE vfloat scales_at(const Scaled *s, int64_t i, const int each, int64_t left) {
    return each ? vload_first(s->scale + i, left) : vsplat(s->scale[i]);
}

/* Elements `at` … + count of x, whose scale is number i, or, for `each`, begins with it. */
INLINE void quantise_row(const Scaled *s, int64_t at, int64_t i, int64_t count, const int each) {
    const float *x = (const float *)s->x + at;
    uint8_t *y = (uint8_t *)s->y + at;
    const float least = s->is_signed ? -128 : 0;
    for (int64_t j = 0; j < count; j += WIDTH) {
        vint zero = zeros_at(s, each ? i + j : i, each, count - j);
        vfloat off = __builtin_convertvector(zero, vfloat),
               v = vload_first(x + j, count - j) / scales_at(s, each ? i + j : i, each, count - j);
        vstore_bytes(y + j, vsaturated(v, least - off, (least + 255) - off) + zero, count - j);
    }
}

INLINE void dequantise_row(const Scaled *s, int64_t at, int64_t i, int64_t count, const int each) {
    const uint8_t *x = (const uint8_t *)s->x + at;
    float *y = (float *)s->y + at;
    const int32_t flip = s->is_signed ? 0x80 : 0;
    for (int64_t j = 0; j < count; j += WIDTH) {
        vint number =
            ((vload_bytes(x + j, count - j) ^ flip) - flip) - zeros_at(s, each ? i + j : i, each, count - j);
        vfloat made = __builtin_convertvector(number, vfloat) * scales_at(s, each ? i + j : i, each, count - j);
        vstore_first(y + j, vcanonical(made), count - j);
    }
}

#define SCALED(name)                                                                                              \
    static void name##_all(const void *job, int64_t from, int64_t to) { name##_row(job, from, 0, to - from, 0); } \
    static void name##_rows(const void *job, int64_t from, int64_t to) {                                          \
        const Scaled *s = job;                                                                                    \
        for (int64_t row = from; row < to; row++) {                                                               \
            if (s->inner == 1) name##_row(s, row * s->n, 0, s->n, 1);                                             \
            else name##_row(s, row * s->inner, row % s->n, s->inner, 0);                                          \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t outer, int64_t n, int64_t inner, int64_t is_signed, const void *x,      \
                 const float *scale, const uint8_t *zero, void *y) {                                              \
        Scaled s = {n, inner, is_signed, x, scale, zero, y};                                                      \
        if (n == 1) share(threads, outer * inner, WORTH, name##_all, &s);                                         \
        else if (inner == 1) share(threads, outer, WORTH / greatest_of(n, 1), name##_rows, &s);                   \
        else share(threads, outer * n, WORTH / greatest_of(inner, 1), name##_rows, &s);                           \
        return 0;                                                                                                 \
    }

SCALED(quantise)
SCALED(dequantise)

/* To unsigned bytes, by a scale and a zero of their range, 0 included. */
KERNEL(quantise_dynamically)(int64_t threads, int64_t count, const float *x, uint8_t *y, float *scale,
                             uint8_t *zero) {
    vfloat least = vleast(vsplat(extreme_row(1, x, count)), vsplat(0));
    vfloat most = vgreatest(vsplat(extreme_row(0, x, count)), vsplat(0));
    vfloat step = vcanonical((most - least) / 255.0f);
    *scale = step[0];
    *zero = (uint8_t)vsaturated(-least / step, vsplat(0), vsplat(255))[0];
    Scaled s = {1, count, 0, x, scale, zero, y};
    share(threads, count, WORTH, quantise_all, &s);
    return 0;
}

/* --- sums and products of bytes, each of its own scale --- */

typedef struct {
    int64_t is_signed, product;
    const uint8_t *x[2], *zero[3];
    const float *scale[3]; /* of the operands, and of the result */
    uint8_t *y;
} Pair;

static void pair_range(const void *job, int64_t from, int64_t to) {
    const Pair *p = job;
    const int32_t flip = p->is_signed ? 0x80 : 0;
    Zero zero[2] = {zero_of(p->zero[0], p->is_signed), zero_of(p->zero[1], p->is_signed)};
    int32_t offset = zero_of(p->zero[2], p->is_signed).less - flip, least = (p->is_signed ? -128 : 0) - offset;
    for (int64_t i = from; i < to; i += WIDTH) {
        vint number[2];
        for (int o = 0; o < 2; o++) number[o] = (vload_bytes(p->x[o] + i, to - i) ^ flip) - zero[o].less;
        vfloat made;
        if (p->product) {
            made = __builtin_convertvector(number[0] * number[1], vfloat);
            made = made * ((vsplat(*p->scale[0]) * vsplat(*p->scale[1])) / vsplat(*p->scale[2]));
        } else {
            made = __builtin_convertvector(number[0], vfloat) * vsplat(*p->scale[0]);
            made = made + __builtin_convertvector(number[1], vfloat) * vsplat(*p->scale[1]);
            made = made / vsplat(*p->scale[2]);
        }
        vint rounded = vsaturated(made, vsplat((float)least), vsplat((float)(least + 255)));
        vstore_bytes(p->y + i, rounded + offset, to - i);
    }
}

/* Operands of as many elements. */
KERNEL(quantised_pair)(int64_t threads, int64_t count, int64_t is_signed, int64_t product, const uint8_t *a,
                       const float *a_scale, const uint8_t *a_zero, const uint8_t *b, const float *b_scale,
                       const uint8_t *b_zero, const float *scale, const uint8_t *zero, uint8_t *y) {
    Pair p = {is_signed, product, {a, b}, {a_zero, b_zero, zero}, {a_scale, b_scale, scale}, y};
    share(threads, count, WORTH, pair_range, &p);
    return 0;
}
