/* Matrix products and convolutions of bytes; integers.h says how. */
#include "integers.h"

#include <errno.h>
#include <stdlib.h>

#include "share.h"
#include "sweep.h"

enum { TALL = 8 * TALLEST }; /* rows of a task */

INLINE int64_t pairs_of(int64_t links) { return (links + 1) / 2; }

static void pack_row(const uint8_t *x, int64_t links, Zero zero, int16_t *to) {
    for (int64_t k = 0; k < links; k++) to[k] = without(zero, x[k]);
    if (links % 2) to[links] = 0;
}

/* The left operand, (rows, links), each row less its zero. */
KERNEL(pack_rows)(int64_t rows, int64_t links, int64_t is_signed, const uint8_t *x, const uint8_t *zero,
                  int64_t zero_stride, int32_t *to) {
    for (int64_t row = 0; row < rows; row++)
        pack_row(x + row * links, links, zero_of(zero ? zero + row * zero_stride : NULL, is_signed),
                 (int16_t *)(to + row * pairs_of(links)));
    return 0;
}

/* n ≤ STRIP columns of the right operand, (links, columns), from b on, each less its zero. */
static void pack_strip(const uint8_t *b, int64_t links, int64_t columns, int64_t n, int64_t is_signed,
                       const uint8_t *zero, int64_t zero_stride, int32_t *strip) {
    vint less[2], flip = vsplat_int(is_signed ? 0x80 : 0);
    int32_t each[STRIP];
    for (int64_t j = 0; j < STRIP; j++)
        each[j] = zero_of(zero && j < n ? zero + j * zero_stride : NULL, is_signed).less;
    memcpy(less, each, sizeof each);
    for (int64_t k = 0; k < links; k += 2)
        for (int64_t half = 0; half < 2; half++) {
            int64_t left = n - half * WIDTH;
            const uint8_t *from = b + k * columns + half * WIDTH;
            vint first = {0}, second = {0};
            if (left > 0) first = (vload_bytes(from, left) ^ flip) - less[half];
            if (left > 0 && k + 1 < links) second = (vload_bytes(from + columns, left) ^ flip) - less[half];
            vstore((float *)strip + k / 2 * STRIP + half * WIDTH,
                   (vfloat)((first & 0xFFFF) | (vint)((vuint)second << 16)));
        }
}

/* All of it, strip after strip. */
KERNEL(pack_strips)(int64_t batch, int64_t links, int64_t columns, int64_t is_signed, const uint8_t *b,
                    const uint8_t *zero, int64_t zero_stride, int32_t *to) {
    for (int64_t matrix = 0; matrix < batch; matrix++)
        for (int64_t j = 0; j < columns; j += STRIP, to += pairs_of(links) * STRIP)
            pack_strip(b + matrix * links * columns + j, links, columns, least_of(STRIP, columns - j), is_signed,
                       zero ? zero + j * zero_stride : NULL, zero_stride, to);
    return 0;
}

KERNEL(strip)(void) { return STRIP; }

/* --- products --- */

typedef struct {
    int64_t batch, rows, columns, links, a_signed, a_zero_stride, b_signed, b_zero_stride;
    int64_t bytes, is_signed, row_stride, column_stride; /* of the result and its scales */
} Sizes;

typedef struct {
    const Sizes *sizes;
    const uint8_t *a, *a_zero, *b, *b_zero;
    const int32_t *strips; /* the right operand packed, or NULL */
    int32_t *left, *strip; /* the left one; one strip for each lane */
    const Finish *finish;
    void *y;
} Product;

static void pack_left(const void *job, int64_t from, int64_t to) {
    const Product *p = job;
    const Sizes *s = p->sizes;
    for (int64_t row = from; row < to; row++) {
        const uint8_t *zero = p->a_zero ? p->a_zero + row * s->a_zero_stride : NULL;
        pack_row(p->a + row * s->links, s->links, zero_of(zero, s->a_signed),
                 (int16_t *)(p->left + row * pairs_of(s->links)));
    }
}

static void product_task(void *context, int64_t task, int64_t lane) {
    const Product *p = context;
    const Sizes *s = p->sizes;
    const int64_t strips = ceiling(s->columns, STRIP), blocks = ceiling(s->rows, TALL), pairs = pairs_of(s->links);
    int64_t matrix = task / (strips * blocks), strip = task / blocks % strips, row = task % blocks * TALL;
    int64_t j = strip * STRIP, n = least_of(STRIP, s->columns - j);
    const int32_t *right = p->strips + (matrix * strips + strip) * pairs * STRIP;
    if (!p->strips) {
        right = p->strip + lane * pairs * STRIP;
        pack_strip(p->b + matrix * s->links * s->columns + j, s->links, s->columns, n, s->b_signed,
                   p->b_zero ? p->b_zero + j * s->b_zero_stride : NULL, s->b_zero_stride, (int32_t *)right);
    }
    integer_strip(p->left + (matrix * s->rows + row) * pairs, right, pairs, least_of(TALL, s->rows - row),
                  p->finish, row, j, p->y, (matrix * s->rows + row) * s->columns + j, s->columns, n);
}

KERNEL(integer_product)(int64_t threads, const int64_t *sizes, const uint8_t *a, const uint8_t *a_zero,
                        const uint8_t *b, const uint8_t *b_zero, const int32_t *strips, const float *row_scale,
                        const float *column_scale, const float *scale, const uint8_t *zero, void *y) {
    const Sizes *s = (const Sizes *)sizes;
    Finish f = {
        .bytes = s->bytes, .is_signed = s->is_signed, .row_scale = row_scale, .column_scale = column_scale};
    f.row_stride = s->row_stride, f.column_stride = s->column_stride, f.scale = scale, f.zero = zero;
    Product p = {s, a, a_zero, b, b_zero, strips, NULL, NULL, &f, y};
    int64_t tasks = s->batch * ceiling(s->columns, STRIP) * ceiling(s->rows, TALL), pairs = pairs_of(s->links);
    if (!tasks) return 0;
    if (s->rows * s->columns * s->links * s->batch < 1 << 18) threads = 1;
    threads = least_of(threads, tasks);
    p.left = malloc((size_t)(s->batch * s->rows * pairs + threads * pairs * STRIP) * 4 + 1);
    if (!p.left) return -ENOMEM;
    p.strip = p.left + s->batch * s->rows * pairs;
    share(threads, s->batch * s->rows, (1 << 16) / greatest_of(s->links, 1), pack_left, &p);
    parallel(threads, tasks, product_task, &p);
    free(p.left);
    return 0;
}

/* --- convolutions --- */

typedef struct {
    int64_t images, groups, channels, made; /* channels, in and out, of a group */
    int64_t x_signed, bytes, is_signed, row_stride;
    Sweep sweep;
} Images;

typedef struct {
    const Images *images;
    const uint8_t *x, *x_zero;
    const int32_t *weights;
    int32_t *strip;
    const Finish *finish;
    void *y;
} Convolution;

/* Some places of a strip that lie next to each other: `n` from `across` on in one line, at `column` of the strip.
 */
typedef struct {
    int64_t column, n, deep, down, across;
} Segment;

static int64_t segments_of(const Sweep *s, int64_t place, int64_t n, Segment *found) {
    int64_t count = 0;
    for (int64_t column = 0; column < n; count++) {
        int64_t at = place + column, line = at / s->places[2], across = at % s->places[2];
        int64_t some = least_of(n - column, s->places[2] - across);
        found[count] = (Segment){column, some, line / s->places[1], line % s->places[1], across};
        column += some;
    }
    return count;
}

/* One link of places next to each other, from a line of the input; every other int16 of `to`. */
static void fill_segment(const Sweep *s, const uint8_t *line, Zero zero, int64_t across, int64_t k, int64_t n,
                         int16_t *to) {
    const int64_t stride = s->strides[2], begin = across * stride + k * s->dilations[2] - s->before[2];
    int64_t first = begin < 0 ? least_of(n, ceiling(-begin, stride)) : 0;
    int64_t end = begin < s->size[2] ? least_of(n, (s->size[2] - 1 - begin) / stride + 1) : 0;
    for (int64_t i = 0; i < first; i++) to[2 * i] = 0;
    for (int64_t i = first; i < end; i++) to[2 * i] = without(zero, line[begin + i * stride]);
    for (int64_t i = greatest_of(first, end); i < n; i++) to[2 * i] = 0;
}

/* What n places from `place` on are linked with: channel by channel, tap by tap. Padding is 0. */
static void fill_strip(const Images *c, const uint8_t *x, Zero zero, int64_t place, int64_t n, int32_t *strip) {
    const Sweep *s = &c->sweep;
    Segment segments[STRIP];
    int64_t count = segments_of(s, place, n, segments), link = 0;
    for (int64_t channel = 0; channel < c->channels; channel++, x += s->size[0] * s->size[1] * s->size[2])
        for (int64_t d = 0; d < s->kernel[0]; d++)
            for (int64_t h = 0; h < s->kernel[1]; h++)
                for (int64_t w = 0; w < s->kernel[2]; w++, link++)
                    for (int64_t i = 0; i < count; i++) {
                        const Segment *each = &segments[i];
                        int16_t *to = (int16_t *)(strip + link / 2 * STRIP + each->column) + link % 2;
                        int64_t z = tap(s, 0, each->deep, d), y = tap(s, 1, each->down, h);
                        if (z >= 0 && y >= 0)
                            fill_segment(s, x + (z * s->size[1] + y) * s->size[2], zero, each->across, w, each->n,
                                         to);
                        else
                            for (int64_t j = 0; j < each->n; j++) to[2 * j] = 0;
                    }
}

static void convolution_task(void *context, int64_t task, int64_t lane) {
    const Convolution *c = context;
    const Images *s = c->images;
    const Sweep *w = &s->sweep;
    const int64_t places = w->places[0] * w->places[1] * w->places[2], strips = ceiling(places, STRIP);
    const int64_t pairs = pairs_of(s->channels * w->kernel[0] * w->kernel[1] * w->kernel[2]);
    int64_t part = task / strips, group = part % s->groups,
            place = task % strips * STRIP; /* part: image and group */
    int64_t n = least_of(STRIP, places - place);
    int32_t *strip = c->strip + lane * pairs * STRIP;
    memset(strip + (pairs - 1) * STRIP, 0, 4 * STRIP); /* the last link may be half of a pair */
    fill_strip(s, c->x + part * s->channels * w->size[0] * w->size[1] * w->size[2],
               zero_of(c->x_zero, s->x_signed), place, n, strip);
    integer_strip(c->weights + group * s->made * pairs, strip, pairs, s->made, c->finish, group * s->made, 0, c->y,
                  part * s->made * places + place, places, n);
}

KERNEL(integer_convolution)(int64_t threads, const int64_t *sizes, const uint8_t *x, const uint8_t *x_zero,
                            const int32_t *weights, const int32_t *bias, const float *w_scale,
                            const float *x_scale, const float *scale, const uint8_t *zero, void *y) {
    const Images *s = (const Images *)sizes;
    const Sweep *w = &s->sweep;
    Finish f = {.bytes = s->bytes, .is_signed = s->is_signed, .row_scale = w_scale, .column_scale = x_scale};
    f.row_stride = s->row_stride, f.scale = scale, f.zero = zero, f.bias = bias;
    Convolution c = {s, x, x_zero, weights, NULL, &f, y};
    int64_t tasks = s->images * s->groups * ceiling(w->places[0] * w->places[1] * w->places[2], STRIP);
    int64_t pairs = pairs_of(s->channels * w->kernel[0] * w->kernel[1] * w->kernel[2]);
    if (!tasks || !s->made) return 0;
    if (tasks * STRIP * s->made * pairs < 1 << 17) threads = 1;
    threads = least_of(threads, tasks);
    c.strip = calloc((size_t)(threads * pairs * STRIP) + 1, 4);
    if (!c.strip) return -ENOMEM;
    parallel(threads, tasks, convolution_task, &c);
    free(c.strip);
    return 0;
}
