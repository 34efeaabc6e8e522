/* AVX2 with FMA: see simd.h. */
#include <immintrin.h>

#define WIDTH 8
#define MOST_ROWS 6
typedef VECTOR(float) vfloat;
typedef VECTOR(double) vdouble;
typedef VECTOR(int32_t) vint;
typedef VECTOR(int64_t) vlong;
typedef vint Lanes;

INLINE vfloat vsplat(float x) { return _mm256_set1_ps(x); }
INLINE vfloat vload(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vstore(float *p, vfloat x) { _mm256_storeu_ps(p, x); }
INLINE vfloat vfma(vfloat a, vfloat b, vfloat c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vfloat vsqrt(vfloat x) { return _mm256_sqrt_ps(x); }
INLINE vdouble vsqrt_d(vdouble x) { return _mm256_sqrt_pd(x); }
INLINE vint vmadd(vint a, vint b) { return (vint)_mm256_madd_epi16((__m256i)a, (__m256i)b); }
INLINE vdouble vmost_d(vdouble x, vdouble end) { return _mm256_min_pd(end, x); }
INLINE vdouble vleast_d(vdouble x, vdouble end) { return _mm256_max_pd(end, x); }
INLINE vdouble vlow(vfloat x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
INLINE vdouble vhigh(vfloat x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
INLINE vfloat vnarrow(vdouble low, vdouble high) { return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)); }
INLINE vfloat vselect(vint mask, vfloat a, vfloat b) { return _mm256_blendv_ps(b, a, (__m256)mask); }
INLINE vfloat vcanonical(vfloat x) {
    return _mm256_blendv_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(NAN_BITS)), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
/* Of two zeros, or with a NaN, MAXPS and MINPS give the second; a + b is that NaN. */
INLINE vfloat vgreatest(vfloat a, vfloat b) {
    __m256 number = _mm256_and_ps(_mm256_max_ps(a, b), _mm256_max_ps(b, a));
    return _mm256_blendv_ps(number, _mm256_add_ps(a, b), _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
}
INLINE vfloat vleast(vfloat a, vfloat b) {
    __m256 number = _mm256_or_ps(_mm256_min_ps(a, b), _mm256_min_ps(b, a));
    return _mm256_blendv_ps(number, _mm256_add_ps(a, b), _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
}
INLINE Lanes lanes_of(vint mask) { return mask; }
INLINE int all_lanes(Lanes lanes) { return _mm256_movemask_ps((__m256)lanes) == 0xFF; }
INLINE vfloat vload_lanes(const float *p, Lanes lanes) { return _mm256_maskload_ps(p, (__m256i)lanes); }
INLINE void vstore_lanes(float *p, vfloat x, Lanes lanes) { _mm256_maskstore_ps(p, (__m256i)lanes, x); }
INLINE vfloat vfma_lanes(Lanes lanes, vfloat a, vfloat b, vfloat c) {
    return _mm256_blendv_ps(c, vfma(a, b, c), (__m256)lanes);
}
