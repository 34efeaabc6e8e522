/* Two floats to one, shapes brought together: sections 1 and 4 of the specification. */
#include "doubles.h"

#include "broadcast.h"

INLINE vfloat added(vfloat a, vfloat b) { return vcanonical(a + b); }
INLINE vfloat subtracted(vfloat a, vfloat b) { return vcanonical(a - b); }
INLINE vfloat multiplied(vfloat a, vfloat b) { return vcanonical(a * b); }
INLINE vfloat divided(vfloat a, vfloat b) { return vcanonical(a / b); }
INLINE vfloat maximum(vfloat a, vfloat b) { return vcanonical(vgreatest(a, b)); }
INLINE vfloat minimum(vfloat a, vfloat b) { return vcanonical(vleast(a, b)); }
INLINE vfloat sloped(vfloat x, vfloat slope) { return vcanonical(vselect(x < 0, x * slope, x)); }

INLINE vfloat load_some(const float *p, const int stride, int64_t n) {
    if (!stride) return vsplat(*p);
    return n < WIDTH ? vload_first(p, n) : vload(p);
}

/* The strides are constants once this is inlined. */
#define BINARY(name, of)                                                                                          \
    INLINE void name##_row(const float *a, const int a_stride, const float *b, const int b_stride, float *y,      \
                           int64_t n) {                                                                           \
        int64_t i = 0;                                                                                            \
        for (; i + WIDTH <= n; i += WIDTH)                                                                        \
            vstore(y + i, of(load_some(a + i * a_stride, a_stride, WIDTH),                                        \
                             load_some(b + i * b_stride, b_stride, WIDTH)));                                      \
        if (i < n)                                                                                                \
            vstore_first(                                                                                         \
                y + i,                                                                                            \
                of(load_some(a + i * a_stride, a_stride, n - i), load_some(b + i * b_stride, b_stride, n - i)),   \
                n - i);                                                                                           \
    }                                                                                                             \
    static void name##_range(const void *job, int64_t from, int64_t to) {                                         \
        const Broadcast *all = job;                                                                               \
        const int64_t a_stride = last_stride(all->plan, 0), b_stride = last_stride(all->plan, 1);                 \
        FOR_ROWS(all, from, to, {                                                                                 \
            const float *a = (const float *)all->operand[0] + row.at[0] + column * a_stride;                      \
            const float *b = (const float *)all->operand[1] + row.at[1] + column * b_stride;                      \
            float *y = (float *)all->result + first;                                                              \
            if (!b_stride) name##_row(a, 1, b, 0, y, n);                                                          \
            else if (!a_stride) name##_row(a, 0, b, 1, y, n);                                                     \
            else name##_row(a, 1, b, 1, y, n);                                                                    \
        });                                                                                                       \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t count, const int64_t *plan, const float *a, const float *b, float *y) { \
        share(threads, count, WORTH, name##_range, &(Broadcast){.plan = plan, .operand = {a, b}, .result = y});   \
        return 0;                                                                                                 \
    }

enum { WORTH = 32768 }; /* elements for a thread */

BINARY(add, added)
BINARY(subtract, subtracted)
BINARY(multiply, multiplied)
BINARY(divide, divided)
BINARY(maximum, maximum)
BINARY(minimum, minimum)
BINARY(prelu, sloped)

/* exp(y × log|x|) and a sign; what is left out is where y is 2. */
INLINE Doubles power_d(Doubles x, Doubles y) {
    Doubles size, power;
    EACH size.of[i] = vabs_d(x.of[i]);
    power = log_d(size);
    EACH power.of[i] = vselect_d(size.of[i] == 1, vsplat_d(0.0), y.of[i] * power.of[i]);
    power = exp_d(power);
    EACH {
        vdouble base = x.of[i], exponent = y.of[i], large = vabs_d(exponent), it = power.of[i];
        vdouble shifted = exponent + INTEGER;
        vlong is_large = large >= 0x1p24, whole = is_large | (shifted - INTEGER == exponent);
        vlong odd = ~is_large & whole & (((vlong)shifted & 1) != 0), negative = (vlong)base < 0;
        it = vselect_d(negative & odd, -it, it);
        it = vselect_d(negative & ~whole & (size.of[i] < INFINITY) & (base != 0), vsplat_d(NAN), it);
        it = vselect_d((base == base) & (exponent == exponent), it, vsplat_d(NAN));
        power.of[i] = vselect_d((exponent == 0) | (base == 1), vsplat_d(1.0), it);
    }
    return power;
}

INLINE void power_row(const float *a, const int64_t a_stride, const float *b, const int64_t b_stride, float *y,
                      int64_t n) {
    for (int64_t at = 0; at < n; at += FLOATS) {
        float x[FLOATS] = {0}, to[FLOATS] = {0}, made[FLOATS];
        int64_t some = least_of(FLOATS, n - at);
        for (int64_t i = 0; i < some; i++) {
            x[i] = a[(at + i) * a_stride];
            to[i] = b[(at + i) * b_stride];
        }
        store_doubles(made, power_d(load_doubles(x, FLOATS), load_doubles(to, FLOATS)), FLOATS);
        for (int64_t i = 0; i < FLOATS; i += WIDTH) {
            vfloat base = vload(x + i);
            vstore(made + i, vselect(vload(to + i) == 2, multiplied(base, base), vload(made + i)));
        }
        memcpy(y + at, made, 4 * (size_t)some);
    }
}

/* Most powers are squares. */
INLINE void square_row(const float *a, float *y, int64_t n) { multiply_row(a, 1, a, 1, y, n); }

static void power_range(const void *job, int64_t from, int64_t to) {
    const Broadcast *all = job;
    const int64_t a_stride = last_stride(all->plan, 0), b_stride = last_stride(all->plan, 1);
    FOR_ROWS(all, from, to, {
        const float *a = (const float *)all->operand[0] + row.at[0] + column * a_stride;
        const float *b = (const float *)all->operand[1] + row.at[1] + column * b_stride;
        float *y = (float *)all->result + first;
        if (a_stride && !b_stride && *b == 2) square_row(a, y, n);
        else power_row(a, a_stride, b, b_stride, y, n);
    });
}

KERNEL(power)(int64_t threads, int64_t count, const int64_t *plan, const float *a, const float *b, float *y) {
    share(threads, count, 4096, power_range, &(Broadcast){.plan = plan, .operand = {a, b}, .result = y});
    return 0;
}
