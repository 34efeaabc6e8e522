/* Elementary functions in double, EACH of several vectors at a time: section 4 of the specification, step by step.
 *
 * The names and the steps are those of sdk/assay/operators/functions.py. Chains of dependent operations keep a
 * processor busy if there are several at once. Include this before anything else.
 */
#ifndef DOUBLES_H
#define DOUBLES_H

#pragma GCC optimize("schedule-insns") /* or each chain would be on its own again */

#include <math.h>

#include "coefficients.h"
#include "simd.h"

enum { CHAINS = WIDTH == 16 ? 8 : 4 }; /* as registers allow */

typedef VECTOR(uint64_t) vulong;
typedef struct {
    vdouble of[CHAINS];
} Doubles;

enum { FLOATS = CHAINS * WIDTH / 2 }; /* as many as Doubles hold */

#define EACH _Pragma("GCC unroll 8") for (int i = 0; i < CHAINS; i++)

/* Adding it to a number of less than 2⁵¹ rounds that to an integer, which is then in the low bits. */
#define INTEGER 0x1.8p52

INLINE vdouble vsplat_d(double x) { return (vdouble){0} + x; }
INLINE vdouble vselect_d(vlong mask, vdouble a, vdouble b) {
    return (vdouble)((mask & (vlong)a) | (~mask & (vlong)b));
}
INLINE vdouble vabs_d(vdouble x) { return (vdouble)((vulong)x & ~(1ULL << 63)); }
INLINE vdouble vcopysign_d(vdouble size, vdouble sign) {
    return (vdouble)(((vulong)size & ~(1ULL << 63)) | ((vulong)sign & 1ULL << 63));
}
/* Between −end and end; a NaN stays. */
INLINE vdouble vwithin_d(vdouble x, double end) { return vleast_d(vmost_d(x, vsplat_d(end)), vsplat_d(-end)); }

/* The first n floats, or FLOATS if n is more; +0 for those that are not there. */
INLINE Doubles load_doubles(const float *p, int64_t n) {
    float some[FLOATS] = {0};
    if (n < FLOATS) p = memcpy(some, p, 4 * (size_t)n);
    Doubles x;
    EACH if (i % 2 == 0) {
        vfloat both = vload(p + i / 2 * WIDTH);
        x.of[i] = vlow(both);
        x.of[i + 1] = vhigh(both);
    }
    return x;
}

/* Rounded to floats, with one NaN. */
INLINE void store_doubles(float *p, Doubles x, int64_t n) {
    float some[FLOATS], *to = n < FLOATS ? some : p;
    EACH if (i % 2 == 0) vstore(to + i / 2 * WIDTH, vcanonical(vnarrow(x.of[i], x.of[i + 1])));
    if (n < FLOATS) memcpy(p, some, 4 * (size_t)n);
}

/* Horner's scheme over coefficients `from` … `count` − 1. */
INLINE Doubles polynomial_from(const double *c, const int from, const int count, Doubles x) {
    Doubles value;
    EACH value.of[i] = vsplat_d(c[count - 1]);
#pragma GCC unroll 24
    for (int k = count - 2; k >= from; k--) EACH value.of[i] = value.of[i] * x.of[i] + c[k];
    return value;
}
#define POLYNOMIAL(c, x) polynomial_from(c, 0, sizeof(c) / sizeof *(c), x)

/* 2ⁿ × p: the integer n goes into the exponent, where there is room. A NaN has no such bits: it stays one. */
INLINE Doubles exp_d(Doubles x) {
    Doubles n, r;
    EACH {
        vdouble within = vwithin_d(x.of[i], FARTHEST);
        n.of[i] = within * LOG2_E + INTEGER;
        vdouble whole = n.of[i] - INTEGER;
        r.of[i] = within - whole * LN2;
    }
    Doubles p = POLYNOMIAL(EXP, r);
    EACH p.of[i] = (vdouble)((vulong)p.of[i] + ((vulong)n.of[i] << 52));
    return p;
}

INLINE Doubles expm1_d(Doubles x) {
    Doubles small, far = exp_d(x);
    EACH small.of[i] = vwithin_d(x.of[i], EXPM1_NEAR);
    Doubles p = polynomial_from(EXP, 1, sizeof EXP / sizeof *EXP, small);
    EACH p.of[i] = vselect_d(vabs_d(x.of[i]) < EXPM1_NEAR, small.of[i] * p.of[i], far.of[i] - 1.0);
    return p;
}

/* For |s| ≤ 1/3. */
INLINE Doubles atanh_d(Doubles s) {
    Doubles square;
    EACH square.of[i] = s.of[i] * s.of[i];
    Doubles p = POLYNOMIAL(ATANH, square);
    EACH p.of[i] = s.of[i] * p.of[i];
    return p;
}

INLINE Doubles log_d(Doubles x) {
    Doubles s, e;
    EACH {
        vlong inside = (x.of[i] > 0) & (x.of[i] < INFINITY);
        vulong bits = (vulong)vselect_d(inside, x.of[i], vsplat_d(1.0));
        vdouble m = (vdouble)((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FE0000000000000ULL);
        vdouble exponent = (vdouble)(bits >> 52 | 0x4330000000000000ULL) - (0x1p52 + 1022); /* m × 2ᵉ, ½ ≤ m < 1 */
        vlong low = m < SQRT_HALF;
        m = vselect_d(low, m + m, m);
        e.of[i] = vselect_d(low, exponent - 1.0, exponent);
        s.of[i] = (m - 1.0) / (m + 1.0);
    }
    Doubles p = atanh_d(s);
    EACH {
        vdouble finite = e.of[i] * LN2_HIGH + (2.0 * p.of[i] + e.of[i] * LN2_LOW), it = x.of[i];
        vdouble beyond = vselect_d(it == INFINITY, vsplat_d(INFINITY), vsplat_d(NAN));
        vdouble within = vselect_d(it > 0, finite, vsplat_d(NAN));
        p.of[i] = vselect_d(it == 0, vsplat_d(-INFINITY), vselect_d(it < INFINITY, within, beyond));
    }
    return p;
}

/* log(1 + t), for 0 ≤ t ≤ 1. */
INLINE Doubles log1p_d(Doubles t) {
    EACH t.of[i] = t.of[i] / (2.0 + t.of[i]);
    t = atanh_d(t);
    EACH t.of[i] = 2.0 * t.of[i];
    return t;
}

INLINE Doubles tanh_d(Doubles x) {
    Doubles t, square;
    EACH {
        t.of[i] = -2.0 * vabs_d(x.of[i]);
        square.of[i] = x.of[i] * x.of[i];
    }
    t = exp_d(t);
    Doubles p = POLYNOMIAL(TANH, square);
    EACH {
        vdouble far = vcopysign_d((1.0 - t.of[i]) / (1.0 + t.of[i]), x.of[i]);
        p.of[i] = vselect_d(vabs_d(x.of[i]) < TANH_NEAR, x.of[i] * p.of[i], far);
    }
    return p;
}

INLINE Doubles erf_d(Doubles x) {
    Doubles near, square;
    EACH {
        near.of[i] = vwithin_d(x.of[i], ERF_END);
        square.of[i] = near.of[i] * near.of[i] - ERF_CENTRE;
    }
    Doubles p = POLYNOMIAL(ERF, square);
    EACH {
        vdouble one = vcopysign_d(vsplat_d(1.0), x.of[i]);
        p.of[i] = vselect_d(vabs_d(x.of[i]) >= ERF_END, one, near.of[i] * p.of[i]);
    }
    return p;
}

INLINE Doubles softplus_d(Doubles x) {
    Doubles t;
    EACH t.of[i] = -vabs_d(x.of[i]);
    t = log1p_d(exp_d(t));
    EACH t.of[i] = vselect_d(x.of[i] > 0, x.of[i], vsplat_d(0.0)) + t.of[i];
    return t;
}

INLINE Doubles logistic_d(Doubles x) {
    EACH x.of[i] = -x.of[i];
    x = exp_d(x);
    EACH x.of[i] = 1.0 / (1.0 + x.of[i]);
    return x;
}

#endif
