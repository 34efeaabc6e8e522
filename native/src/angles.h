/* Sines and cosines in double, as sdk/assay/operators/angles.py has them. */
#ifndef ANGLES_H
#define ANGLES_H

#include "doubles.h"

/* n modulo 4 and r, where x = n π/2 + r, by integers: for finite x from 2²⁰ on. */
static void far_quadrant(double x, int64_t *n, double *r) {
    uint64_t bits, digits[9], carry = 0;
    memcpy(&bits, &x, 8);
    uint64_t mantissa = (bits & 0x000FFFFFFFFFFFFF) >> 29 | 1 << 23; /* of a float */
    int64_t down = 194 - ((int64_t)(bits >> 52 & 0x7FF) - 1023 - 23);
    for (int i = 0; i < 8; i++) {
        carry += mantissa * TWO_OVER_PI_DIGITS[i];
        digits[i] = carry & 0xFFFFFFFF;
        carry >>= 32;
    }
    digits[8] = carry;
    const uint64_t *at = digits + down / 32;
    uint64_t by = (uint64_t)down % 32, turns = (at[2] << 32 | at[1]) << (32 - by) | at[0] >> by;
    int64_t quadrant = (int64_t)(turns >> 62), rest = (int64_t)(turns & ((1ULL << 62) - 1));
    if (rest >= 1LL << 61) {
        quadrant++;
        rest -= 1LL << 62;
    }
    double angle = ((double)rest * 0x1p-62) * HALF_PI;
    *n = x < 0 ? -quadrant : quadrant;
    *r = x < 0 ? -angle : angle;
}

INLINE int any_of(vlong a) {
    int64_t found = 0;
    for (int i = 0; i < WIDTH / 2; i++) found |= a[i];
    return found != 0;
}

/* The sine of x + quarters × π/2. */
INLINE Doubles sine_d(Doubles x, const int quarters) {
    Doubles r, square, value;
    vlong n[CHAINS], any = {0};
    EACH {
        vlong is_near = vabs_d(x.of[i]) < EXACT_QUADRANTS, finite = vabs_d(x.of[i]) < INFINITY;
        vdouble near = vselect_d(is_near, x.of[i], vsplat_d(0.0));
        vdouble shifted = near * TWO_OVER_PI + INTEGER, whole = shifted - INTEGER;
        n[i] = (vlong)shifted;
        r.of[i] =
            vselect_d(finite, ((near - whole * HALF_PI_1) - whole * HALF_PI_2) - whole * HALF_PI_3, vsplat_d(NAN));
        any |= finite & ~is_near;
    }
    if (__builtin_expect(any_of(any), 0))
        for (int i = 0; i < CHAINS; i++)
            for (int j = 0; j < WIDTH / 2; j++) {
                int64_t quadrant;
                double rest, angle = x.of[i][j];
                if (!(fabs(angle) >= EXACT_QUADRANTS && fabs(angle) < INFINITY)) continue;
                far_quadrant(angle, &quadrant, &rest);
                n[i][j] = quadrant;
                r.of[i][j] = rest;
            }
    EACH square.of[i] = r.of[i] * r.of[i];
    Doubles sine = POLYNOMIAL(SIN, square), cosine = POLYNOMIAL(COS, square);
    EACH {
        vlong turned = n[i] + quarters, odd = (turned & 1) != 0, half = (turned & 2) != 0;
        vdouble chosen = vselect_d(odd, cosine.of[i], r.of[i] * sine.of[i]);
        value.of[i] = vselect_d(half, -chosen, chosen);
    }
    return value;
}

#endif
