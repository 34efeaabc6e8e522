/* Rows brought to a common mean, variance or length: section 5 of the specification. */
#include "lanes.h"
#include "share.h"

enum { WORTH = 16384 }; /* elements for a thread */

/* Row r has n elements. Their scales and biases are n numbers, the same for all rows; or, with a `segment` more
 * than 0, one for each segment of so many elements, of which there are `channels` before they begin anew. */
typedef struct {
    int64_t n, segment, channels;
    const float *x, *mean, *scale, *bias; /* the bias may be NULL */
    float *y, *means, *inverses;          /* the last two may be NULL */
    float epsilon;
} Norm;

/* Where in the row each part begins that has scales of its own, and which they are. */
#define FOR_PARTS(norm, row, body)                                                                                \
    do {                                                                                                          \
        const int64_t parts_ = (norm)->segment ? (norm)->n / (norm)->segment : 1;                                 \
        for (int64_t part_ = 0; part_ < parts_; part_++) {                                                        \
            const int64_t begin = part_ * (norm)->segment, count = (norm)->segment ? (norm)->segment : (norm)->n; \
            const int64_t channel = (norm)->segment ? ((row) * parts_ + part_) % (norm)->channels : 0;            \
            body;                                                                                                 \
        }                                                                                                         \
    } while (0)

INLINE vfloat of_channel(const float *p, const int each, int64_t channel, int64_t i, int64_t left) {
    return each ? vload_first(p + i, left) : vsplat(p[channel]);
}

INLINE void standardise(const Norm *norm, int64_t channel, const float *x, float *y, int64_t n, float mean,
                        float inverse, const int each, const int biased) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        vfloat d = (vload_first(x + i, n - i) - vsplat(mean)) * vsplat(inverse);
        vfloat scale = of_channel(norm->scale, each, channel, i, n - i);
        if (biased) d = vfma(d, scale, of_channel(norm->bias, each, channel, i, n - i));
        else d = d * scale;
        vstore_first(y + i, vcanonical(d), n - i);
    }
}

static void standardised(const void *job, int64_t from, int64_t to) {
    const Norm *norm = job;
    for (int64_t row = from; row < to; row++) {
        const float *x = norm->x + row * norm->n;
        float *y = norm->y + row * norm->n, all = (float)norm->n;
        float mean = sum_row(ITSELF, x, norm->n, 0) / all, variance = sum_row(DEVIATION, x, norm->n, mean) / all;
        float inverse = 1.0f / vsqrt(vsplat(variance + norm->epsilon))[0];
        if (norm->means) norm->means[row] = vcanonical(vsplat(mean))[0];
        if (norm->inverses) norm->inverses[row] = vcanonical(vsplat(inverse))[0];
        FOR_PARTS(norm, row, {
            if (norm->segment) standardise(norm, channel, x + begin, y + begin, count, mean, inverse, 0, 1);
            else if (norm->bias) standardise(norm, channel, x, y, count, mean, inverse, 1, 1);
            else standardise(norm, channel, x, y, count, mean, inverse, 1, 0);
        });
    }
}

KERNEL(standardise)(int64_t threads, int64_t rows, int64_t n, int64_t segment, int64_t channels, const float *x,
                    const float *scale, const float *bias, const float *epsilon, float *y, float *means,
                    float *inverses) {
    Norm norm = {.n = n, .segment = segment, .channels = channels, .x = x, .scale = scale, .bias = bias};
    norm.y = y, norm.means = means, norm.inverses = inverses, norm.epsilon = *epsilon;
    share(threads, rows, WORTH / greatest_of(n, 1), standardised, &norm);
    return 0;
}

static void of_length_one(const void *job, int64_t from, int64_t to) {
    const Norm *norm = job;
    for (int64_t row = from; row < to; row++) {
        const float *x = norm->x + row * norm->n;
        float variance = sum_row(SQUARE, x, norm->n, 0) / (float)norm->n;
        vfloat root = vsqrt(vsplat(variance + norm->epsilon));
        for (int64_t i = 0, n = norm->n; i < n; i += WIDTH) {
            vfloat made = (vload_first(x + i, n - i) / root) * vload_first(norm->scale + i, n - i);
            vstore_first(norm->y + row * n + i, vcanonical(made), n - i);
        }
    }
}

KERNEL(root_mean_square)(int64_t threads, int64_t rows, int64_t n, const float *x, const float *scale,
                         const float *epsilon, float *y) {
    Norm norm = {.n = n, .x = x, .scale = scale, .y = y, .epsilon = *epsilon};
    share(threads, rows, WORTH / greatest_of(n, 1), of_length_one, &norm);
    return 0;
}

INLINE void shift(const Norm *norm, int64_t channel, const float *x, float *y, int64_t n, const int each) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        vfloat d = vload_first(x + i, n - i) - of_channel(norm->mean, each, channel, i, n - i);
        d = vfma(d, of_channel(norm->scale, each, channel, i, n - i),
                 of_channel(norm->bias, each, channel, i, n - i));
        vstore_first(y + i, vcanonical(d), n - i);
    }
}

static void shifted(const void *job, int64_t from, int64_t to) {
    const Norm *norm = job;
    for (int64_t row = from; row < to; row++)
        FOR_PARTS(norm, row, {
            const int64_t at = row * norm->n + begin;
            if (norm->segment) shift(norm, channel, norm->x + at, norm->y + at, count, 0);
            else shift(norm, channel, norm->x + at, norm->y + at, count, 1);
        });
}

/* fma(x − mean, scale, bias). */
KERNEL(shift)(int64_t threads, int64_t rows, int64_t n, int64_t segment, int64_t channels, const float *x,
              const float *mean, const float *scale, const float *bias, float *y) {
    Norm norm = {.n = n, .segment = segment, .channels = channels, .x = x, .mean = mean, .scale = scale};
    norm.bias = bias, norm.y = y;
    share(threads, rows, WORTH / greatest_of(n, 1), shifted, &norm);
    return 0;
}
