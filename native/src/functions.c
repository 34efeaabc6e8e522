/* Functions of one float each: evaluated in double, rounded once, with one NaN (section 4 of the specification).
 */
#include "doubles.h"

#include "angles.h"
#include "share.h"

enum { WORTH = 4096 }; /* elements for a thread */

typedef struct {
    const float *x;
    float *y;
    const double *given; /* what the operator's attributes say */
} Map;

/* `value` is of x, Doubles, and given. */
#define FUNCTION(name, value)                                                                                     \
    static void name##_range(const void *job, int64_t from, int64_t to) {                                         \
        const Map *map = job;                                                                                     \
        const double *given = map->given;                                                                         \
        (void)given;                                                                                              \
        for (int64_t at = from; at < to; at += FLOATS) {                                                          \
            Doubles x = load_doubles(map->x + at, to - at);                                                       \
            store_doubles(map->y + at, value, to - at);                                                           \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t count, const float *x, float *y, const double *given) {                 \
        share(threads, count, WORTH, name##_range, &(Map){x, y, given});                                          \
        return 0;                                                                                                 \
    }

INLINE Doubles elu_d(Doubles x, double alpha) {
    Doubles below = expm1_d(x);
    EACH x.of[i] = vselect_d(x.of[i] < 0, alpha * below.of[i], x.of[i]);
    return x;
}

INLINE Doubles selu_d(Doubles x, double alpha, double gamma) {
    Doubles below = expm1_d(x);
    EACH x.of[i] = gamma * vselect_d(x.of[i] > 0, x.of[i], alpha * below.of[i]);
    return x;
}

INLINE Doubles celu_d(Doubles x, double alpha) {
    Doubles below;
    EACH below.of[i] = x.of[i] / alpha;
    below = expm1_d(below);
    EACH x.of[i] = vselect_d(x.of[i] > 0, x.of[i], alpha * below.of[i]);
    return x;
}

INLINE Doubles gelu_d(Doubles x, Doubles share) {
    EACH x.of[i] = x.of[i] * (0.5 * (1.0 + share.of[i]));
    return x;
}

INLINE Doubles scaled(Doubles x, double by) {
    EACH x.of[i] = x.of[i] * by;
    return x;
}

INLINE Doubles cubic(Doubles x) {
    EACH x.of[i] = SQRT_TWO_OVER_PI * (x.of[i] + CUBIC * ((x.of[i] * x.of[i]) * x.of[i]));
    return x;
}

/* NaN for −∞, as ∞ × 0 is. */
INLINE Doubles mish_d(Doubles x) {
    Doubles share = tanh_d(softplus_d(x));
    EACH x.of[i] = vselect_d(x.of[i] == -INFINITY, vsplat_d(NAN), x.of[i] * share.of[i]);
    return x;
}

/* NaN where x is infinite and its share 0 or NaN. */
INLINE Doubles swish_d(Doubles x, double alpha) {
    Doubles share = logistic_d(scaled(x, alpha));
    EACH {
        vlong lost = (vabs_d(x.of[i]) == INFINITY) & ~(alpha * x.of[i] > 0);
        x.of[i] = vselect_d(lost, vsplat_d(NAN), x.of[i] * share.of[i]);
    }
    return x;
}

FUNCTION(exp, exp_d(x))
FUNCTION(log, log_d(x))
FUNCTION(sin, sine_d(x, 0))
FUNCTION(cos, sine_d(x, 1))
FUNCTION(tanh, tanh_d(x))
FUNCTION(erf, erf_d(x))
FUNCTION(sigmoid, logistic_d(x))
FUNCTION(softplus, softplus_d(x))
FUNCTION(elu, elu_d(x, given[0]))
FUNCTION(selu, selu_d(x, given[0], given[1]))
FUNCTION(celu, celu_d(x, given[0]))
FUNCTION(gelu, gelu_d(x, erf_d(scaled(x, SQRT_HALF))))
FUNCTION(gelu_tanh, gelu_d(x, tanh_d(cubic(x))))
FUNCTION(mish, mish_d(x))
FUNCTION(swish, swish_d(x, given[0]))
