/* Vectors of WIDTH floats, WIDTH / 2 doubles, or integers as wide, the same on every instruction set.
 *
 * + − × ÷, comparisons (0 or −1 in each element) and bit operations are C's own, on GCC's vector types; each is
 * one IEEE operation for each element. The rest is here and, written for one instruction set each, in simd/:
 *
 *   vsplat(x)  vload(p)  vstore(p, x)                  unaligned
 *   vselect(mask, a, b)                                a where the mask is −1, b where it is 0
 *   vcanonical(x)                                      one NaN for all
 *   vgreatest(a, b)  vleast(a, b)                      of two zeros +0, −0; a NaN of theirs is whichever
 *   vfma(a, b, c)  vsqrt(x)  vsqrt_d(x)                rounded once
 *   vmost_d(x, end)  vleast_d(x, end)                  x or, if it is more (less), end; a NaN stays one
 *   vmadd(a, b)                                        a₀ × b₀ + a₁ × b₁ of the int16s in each int32, −2¹⁵ aside
 *   vlow(x)  vhigh(x)  vnarrow(low, high)              floats to doubles and back, rounded once
 *   Lanes: a choice of elements                        lanes_of(mask), all_lanes(lanes)
 *   vload_lanes(p, lanes)  vstore_lanes(p, x, lanes)   what is not chosen is not touched, and loaded as +0
 *   vfma_lanes(lanes, a, b, c)                         c where not chosen
 *   MOST_ROWS                                          of a tile of products (tile.h): what its registers hold
 */
#ifndef SIMD_H
#define SIMD_H

#include <string.h>

#include "kernel.h"

#define VECTOR(type) type __attribute__((vector_size(4 * WIDTH), may_alias))

enum { NAN_BITS = 0x7FC00000 };

#include SIMD /* defines WIDTH first */

INLINE vint vsplat_int(int64_t x) { return (vint){0} + (int32_t)x; }

/* 0, 1, 2, … */
INLINE vint vcounting(void) {
    static const int32_t counting[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (vint)vload((const float *)counting);
}
INLINE Lanes first_lanes(int64_t n) { return lanes_of(vcounting() < vsplat_int(n)); }

/* Of two vectors in a row: elements 0, 2, 4, … */
INLINE vfloat veven(vfloat a, vfloat b) {
#if WIDTH == 16
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif WIDTH == 8
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}

/* n elements, or WIDTH if n is more. */
INLINE vfloat vload_first(const float *p, int64_t n) { return n < WIDTH ? vload_lanes(p, first_lanes(n)) : vload(p); }
INLINE void vstore_first(float *p, vfloat x, int64_t n) {
    if (n < WIDTH) vstore_lanes(p, x, first_lanes(n));
    else vstore(p, x);
}

#endif
