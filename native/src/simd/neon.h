/* Advanced SIMD of AArch64: see simd.h. */
#include <arm_neon.h>

#define WIDTH 4
#define MOST_ROWS 12
typedef VECTOR(float) vfloat;
typedef VECTOR(double) vdouble;
typedef VECTOR(int32_t) vint;
typedef VECTOR(int64_t) vlong;
typedef vint Lanes;

INLINE vfloat vsplat(float x) { return (vfloat)vdupq_n_f32(x); }
INLINE vfloat vload(const float *p) { return (vfloat)vld1q_f32(p); }
INLINE void vstore(float *p, vfloat x) { vst1q_f32(p, (float32x4_t)x); }
INLINE vfloat vfma(vfloat a, vfloat b, vfloat c) {
    return (vfloat)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
INLINE vfloat vsqrt(vfloat x) { return (vfloat)vsqrtq_f32((float32x4_t)x); }
INLINE vdouble vsqrt_d(vdouble x) { return (vdouble)vsqrtq_f64((float64x2_t)x); }
INLINE vint vmadd(vint a, vint b) {
    int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    return (vint)vpaddq_s32(low, vmull_high_s16((int16x8_t)a, (int16x8_t)b));
}
INLINE vdouble vmost_d(vdouble x, vdouble end) { return (vdouble)vminq_f64((float64x2_t)x, (float64x2_t)end); }
INLINE vdouble vleast_d(vdouble x, vdouble end) { return (vdouble)vmaxq_f64((float64x2_t)x, (float64x2_t)end); }
INLINE vdouble vlow(vfloat x) { return (vdouble)vcvt_f64_f32(vget_low_f32((float32x4_t)x)); }
INLINE vdouble vhigh(vfloat x) { return (vdouble)vcvt_high_f64_f32((float32x4_t)x); }
INLINE vfloat vnarrow(vdouble low, vdouble high) {
    return (vfloat)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)low), (float64x2_t)high);
}
INLINE vfloat vselect(vint mask, vfloat a, vfloat b) {
    return (vfloat)vbslq_f32((uint32x4_t)mask, (float32x4_t)a, (float32x4_t)b);
}
INLINE vfloat vcanonical(vfloat x) {
    return (vfloat)vbslq_f32(vceqq_f32((float32x4_t)x, (float32x4_t)x), (float32x4_t)x, vreinterpretq_f32_u32(vdupq_n_u32(NAN_BITS)));
}
INLINE vfloat vgreatest(vfloat a, vfloat b) { return (vfloat)vmaxq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE vfloat vleast(vfloat a, vfloat b) { return (vfloat)vminq_f32((float32x4_t)a, (float32x4_t)b); }
INLINE Lanes lanes_of(vint mask) { return mask; }
INLINE int all_lanes(Lanes lanes) { return vminvq_u32((uint32x4_t)lanes) != 0; }
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
    return (vfloat)vbslq_f32((uint32x4_t)lanes, (float32x4_t)vfma(a, b, c), (float32x4_t)c);
}
