/* Bytes, signed or not, that stand for numbers: read, less their zero, and written (section 6 of the
 * specification). */
#ifndef BYTES_H
#define BYTES_H

#include "simd.h"

typedef VECTOR(uint32_t) vuint;
typedef uint8_t Bytes __attribute__((vector_size(WIDTH)));

/* Bytes, signed or not, less a zero. */
typedef struct {
    int32_t flip, less;
} Zero;
INLINE Zero zero_of(const uint8_t *zero, int64_t is_signed) {
    int32_t flip = is_signed ? 0x80 : 0;
    return (Zero){flip, zero ? *zero ^ flip : flip};
}
INLINE int16_t without(Zero zero, uint8_t x) { return (int16_t)((x ^ zero.flip) - zero.less); }

INLINE vint vload_bytes(const uint8_t *p, int64_t n) {
    Bytes x = {0};
    memcpy(&x, p, (size_t)least_of(n, WIDTH));
    return (vint)__builtin_convertvector(x, vint);
}
INLINE void vstore_bytes(uint8_t *p, vint x, int64_t n) {
    Bytes made = __builtin_convertvector((vuint)x, Bytes);
    memcpy(p, &made, (size_t)least_of(n, WIDTH));
}

/* Rounded to the nearest integer between the ends, halves to even; 0 for NaN. The ends are of less than 2²². */
INLINE vint vsaturated(vfloat x, vfloat least, vfloat most) {
    vint number = x == x;
    x = vselect(x > most, most, vselect(x < least, least, x));
    return ((vint)(x + 0x1.8p23f) - (vint)vsplat(0x1.8p23f)) & number;
}

#endif
