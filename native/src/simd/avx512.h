/* AVX-512 with F, VL, DQ and BW: see simd.h. */
#include <immintrin.h>

#define WIDTH 16
#define MOST_ROWS 12
typedef VECTOR(float) vfloat;
typedef VECTOR(double) vdouble;
typedef VECTOR(int32_t) vint;
typedef VECTOR(int64_t) vlong;
typedef __mmask16 Lanes;

INLINE vfloat vsplat(float x) { return _mm512_set1_ps(x); }
INLINE vfloat vload(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vstore(float *p, vfloat x) { _mm512_storeu_ps(p, x); }
INLINE vfloat vfma(vfloat a, vfloat b, vfloat c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vfloat vsqrt(vfloat x) { return _mm512_sqrt_ps(x); }
INLINE vdouble vsqrt_d(vdouble x) { return _mm512_sqrt_pd(x); }
INLINE vint vmadd(vint a, vint b) { return (vint)_mm512_madd_epi16((__m512i)a, (__m512i)b); }
INLINE vdouble vmost_d(vdouble x, vdouble end) { return _mm512_min_pd(end, x); }
INLINE vdouble vleast_d(vdouble x, vdouble end) { return _mm512_max_pd(end, x); }
INLINE vdouble vlow(vfloat x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
INLINE vdouble vhigh(vfloat x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
INLINE vfloat vnarrow(vdouble low, vdouble high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
INLINE vfloat vselect(vint mask, vfloat a, vfloat b) { return _mm512_mask_mov_ps(b, _mm512_movepi32_mask((__m512i)mask), a); }
INLINE vfloat vcanonical(vfloat x) {
    return _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), _mm512_castsi512_ps(_mm512_set1_epi32(NAN_BITS)));
}
/* VRANGEPS orders zeros, but takes a number for the greater of it and a NaN; a + b is that NaN. */
INLINE vfloat vgreatest(vfloat a, vfloat b) {
    return _mm512_mask_add_ps(_mm512_range_ps(a, b, 5), _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q), a, b);
}
INLINE vfloat vleast(vfloat a, vfloat b) {
    return _mm512_mask_add_ps(_mm512_range_ps(a, b, 4), _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q), a, b);
}
INLINE Lanes lanes_of(vint mask) { return _mm512_movepi32_mask((__m512i)mask); }
INLINE int all_lanes(Lanes lanes) { return lanes == 0xFFFF; }
INLINE vfloat vload_lanes(const float *p, Lanes lanes) { return _mm512_maskz_loadu_ps(lanes, p); }
INLINE void vstore_lanes(float *p, vfloat x, Lanes lanes) { _mm512_mask_storeu_ps(p, lanes, x); }
INLINE vfloat vfma_lanes(Lanes lanes, vfloat a, vfloat b, vfloat c) { return _mm512_mask3_fmadd_ps(a, b, c, lanes); }
