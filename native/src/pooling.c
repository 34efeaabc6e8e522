/* Windows over images, of three spatial axes (the first ones may be 1 long): sections 3 and 5 of the
 * specification.
 *
 * Row by row of the output: rows of the input are copied to a padded one, or the greatest of several are, and then
 * the taps of the last axis are taken from that.
 */
#include <errno.h>
#include <stdlib.h>

#include "lanes.h"
#include "share.h"
#include "sweep.h"

typedef struct {
    const Sweep *window;
    const float *x, *counts; /* one number for each place */
    float *y, *scratch;
    int64_t padded, row; /* lengths of the padded row, and of one of results, in scratch */
} Pool;

/* Elements 0, stride, 2 × stride …; what is read beyond them is in memory. */
INLINE vfloat vload_strided(const float *p, int64_t stride) {
    if (stride == 1) return vload(p);
    if (stride == 2) return veven(vload(p), vload(p + WIDTH));
    float some[WIDTH];
    for (int i = 0; i < WIDTH; i++) some[i] = p[i * stride];
    return vload(some);
}

static void fill(float *p, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) p[i] = value;
}

typedef struct {
    const float *image;
    float *padded, *result, *y;
    int64_t depth, height;
    const float *counts;
} Line;

static void greatest_line(const Pool *pool, const Line *line) {
    const Sweep *w = pool->window;
    fill(line->padded, pool->padded, -__builtin_inff());
    for (int64_t d = 0; d < w->kernel[0]; d++)
        for (int64_t h = 0; h < w->kernel[1]; h++) {
            int64_t z = tap(w, 0, line->depth, d), y = tap(w, 1, line->height, h);
            if (z < 0 || y < 0) continue;
            const float *from = line->image + (z * w->size[1] + y) * w->size[2];
            float *to = line->padded + w->before[2];
            for (int64_t i = 0, n = w->size[2]; i < n; i += WIDTH)
                vstore_first(to + i, vgreatest(vload(to + i), vload_first(from + i, n - i)), n - i);
        }
    for (int64_t i = 0, n = w->places[2]; i < n; i += WIDTH) {
        vfloat made = extreme_of_none(0);
        for (int64_t k = 0; k < w->kernel[2]; k++)
            made = vgreatest(made,
                             vload_strided(line->padded + i * w->strides[2] + k * w->dilations[2], w->strides[2]));
        vstore_first(line->y + i, vcanonical(made), n - i);
    }
}

static void average_line(const Pool *pool, const Line *line) {
    const Sweep *w = pool->window;
    const int64_t used =
        least_of(LANES, w->kernel[0] * w->kernel[1] * w->kernel[2]); /* lanes; the others stay +0 */
    fill(line->result, used * pool->row, 0);
    for (int64_t d = 0; d < w->kernel[0]; d++)
        for (int64_t h = 0; h < w->kernel[1]; h++) {
            int64_t z = tap(w, 0, line->depth, d), y = tap(w, 1, line->height, h);
            if (z < 0 || y < 0) continue;
            memcpy(line->padded + w->before[2], line->image + (z * w->size[1] + y) * w->size[2],
                   4 * (size_t)w->size[2]);
            for (int64_t k = 0; k < w->kernel[2]; k++) {
                float *lane = line->result + ((d * w->kernel[1] + h) * w->kernel[2] + k) % LANES * pool->row;
                for (int64_t i = 0; i < w->places[2]; i += WIDTH)
                    vstore(lane + i,
                           vload(lane + i) + vload_strided(line->padded + i * w->strides[2] + k * w->dilations[2],
                                                           w->strides[2]));
            }
        }
    for (int64_t i = 0, n = w->places[2]; i < n; i += WIDTH) {
        vfloat s[LANES];
        for (int64_t j = 0; j < used; j++) s[j] = vload(line->result + j * pool->row + i);
        for (int64_t width = LANES / 2; width; width /= 2)
            for (int64_t j = 0; j < least_of(width, used - width); j++) s[j] = s[j] + s[j + width];
        vstore_first(line->y + i, vcanonical(s[0] / vload_first(line->counts + i, n - i)), n - i);
    }
}

/* A task is an image and a place along the first two axes. */
#define POOL(name, line_of, rows_of_results)                                                                      \
    static void name##_task(void *context, int64_t task, int64_t lane) {                                          \
        const Pool *pool = context;                                                                               \
        const Sweep *w = pool->window;                                                                            \
        int64_t lines = w->places[0] * w->places[1], image = task / lines, at = task % lines;                     \
        int64_t each = pool->padded + (rows_of_results) * pool->row;                                              \
        Line line = {.image = pool->x + image * w->size[0] * w->size[1] * w->size[2]};                            \
        line.padded = pool->scratch + lane * each;                                                                \
        line.result = line.padded + pool->padded;                                                                 \
        line.y = pool->y + task * w->places[2];                                                                   \
        line.depth = at / w->places[1], line.height = at % w->places[1];                                          \
        line.counts = pool->counts ? pool->counts + at * w->places[2] : NULL;                                     \
        line_of(pool, &line);                                                                                     \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t images, const int64_t *window, const float *x, const float *counts,     \
                 float *y) {                                                                                      \
        Pool pool = {.window = (const Sweep *)window, .x = x, .counts = counts, .y = y};                          \
        const Sweep *w = pool.window;                                                                             \
        int64_t lines = images * w->places[0] * w->places[1];                                                     \
        int64_t reach = (w->places[2] - 1) * w->strides[2] + (w->kernel[2] - 1) * w->dilations[2] + 1;            \
        if (!lines) return 0;                                                                                     \
        pool.padded = greatest_of(reach, w->before[2] + w->size[2]) + (w->strides[2] + 2) * WIDTH;                \
        pool.row = ceiling(w->places[2], WIDTH) * WIDTH;                                                          \
        threads = least_of(threads, lines);                                                                       \
        pool.scratch = calloc((size_t)(threads * (pool.padded + (rows_of_results) * pool.row)), 4);               \
        if (!pool.scratch) return -ENOMEM;                                                                        \
        parallel(threads, lines, name##_task, &pool);                                                             \
        free(pool.scratch);                                                                                       \
        return 0;                                                                                                 \
    }

POOL(greatest_pool, greatest_line, 0)
POOL(average_pool, average_line, LANES)
