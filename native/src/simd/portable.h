/* For any processor, in C alone: see simd.h. libm's fmaf is not asked. */
#include <math.h>

#define WIDTH 4
#define MOST_ROWS 6
typedef VECTOR(float) vfloat;
typedef VECTOR(double) vdouble;
typedef VECTOR(int32_t) vint;
typedef VECTOR(int64_t) vlong;
typedef vint Lanes;
typedef float loose __attribute__((vector_size(4 * WIDTH), may_alias, aligned(4)));

INLINE vfloat vsplat(float x) { return (vfloat){x, x, x, x}; }
INLINE vfloat vload(const float *p) { return *(const loose *)p; }
INLINE void vstore(float *p, vfloat x) { *(loose *)p = x; }
INLINE vdouble vlow(vfloat x) { return (vdouble){(double)x[0], (double)x[1]}; }
INLINE vdouble vhigh(vfloat x) { return (vdouble){(double)x[2], (double)x[3]}; }
INLINE vfloat vnarrow(vdouble low, vdouble high) {
    return (vfloat){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}
INLINE vfloat vsqrt(vfloat x) { return (vfloat){sqrtf(x[0]), sqrtf(x[1]), sqrtf(x[2]), sqrtf(x[3])}; }
INLINE vdouble vsqrt_d(vdouble x) { return (vdouble){sqrt(x[0]), sqrt(x[1])}; }
INLINE vint vmadd(vint a, vint b) {
    VECTOR(uint32_t) low_a = (VECTOR(uint32_t))a << 16, low_b = (VECTOR(uint32_t))b << 16;
    return ((vint)low_a >> 16) * ((vint)low_b >> 16) + (a >> 16) * (b >> 16);
}
INLINE vdouble vmost_d(vdouble x, vdouble end) {
    vlong beyond = x > end;
    return (vdouble)((beyond & (vlong)end) | (~beyond & (vlong)x));
}
INLINE vdouble vleast_d(vdouble x, vdouble end) {
    vlong beyond = x < end;
    return (vdouble)((beyond & (vlong)end) | (~beyond & (vlong)x));
}

/* a × b + c of values of floats, rounded to odd: rounding that to float rounds the exact value. As `fma` in
 * sdk/assay/operators/arithmetic.py, which says why. */
INLINE vdouble rounded_to_odd(vdouble a, vdouble b, vdouble c) {
    vdouble product = a * b, total = product + c, back = total - product;
    vdouble error = (product - (total - back)) + (c - back);
    vlong bits = (vlong)total, infinite = (vlong){0} + 0x7FF0000000000000;
    vlong between = (error != 0) & ((bits & 1) == 0) & ((bits & infinite) != infinite);
    vlong outwards = ~((error > 0) ^ (total > 0));
    return (vdouble)(bits + (between & ((outwards & 2) - 1)));
}
INLINE vfloat vfma(vfloat a, vfloat b, vfloat c) {
    return vnarrow(rounded_to_odd(vlow(a), vlow(b), vlow(c)), rounded_to_odd(vhigh(a), vhigh(b), vhigh(c)));
}

INLINE vfloat vselect(vint mask, vfloat a, vfloat b) { return (vfloat)((mask & (vint)a) | (~mask & (vint)b)); }
INLINE vfloat vcanonical(vfloat x) { return vselect(x == x, x, (vfloat)((vint){0} + NAN_BITS)); }
INLINE vfloat vgreatest(vfloat a, vfloat b) {
    vfloat number = vselect(a > b, a, vselect(a == b, (vfloat)((vint)a & (vint)b), b));
    return vselect(a == a, number, a);
}
INLINE vfloat vleast(vfloat a, vfloat b) {
    vfloat number = vselect(a < b, a, vselect(a == b, (vfloat)((vint)a | (vint)b), b));
    return vselect(a == a, number, a);
}

INLINE Lanes lanes_of(vint mask) { return mask; }
INLINE int all_lanes(Lanes lanes) { return (lanes[0] & lanes[1] & lanes[2] & lanes[3]) != 0; }
INLINE vfloat vload_lanes(const float *p, Lanes lanes) {
    vfloat x = {0};
    for (int i = 0; i < WIDTH; i++)
        if (lanes[i]) x[i] = p[i];
    return x;
}
INLINE void vstore_lanes(float *p, vfloat x, Lanes lanes) {
    for (int i = 0; i < WIDTH; i++)
        if (lanes[i]) p[i] = x[i];
}
INLINE vfloat vfma_lanes(Lanes lanes, vfloat a, vfloat b, vfloat c) {
    return vselect(lanes, vfma(a, b, c), c);
}
