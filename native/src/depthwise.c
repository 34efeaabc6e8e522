/* Convolution of groups of one channel each, vectorised over the columns of the output.
 *
 * The chain of a place runs over the kernel's rows, then its columns; taps on padding are left out: rows by the
 * bounds of a loop, columns lane by lane.
 */
#include <errno.h>
#include <stdlib.h>

#include "epilogue.h"
#include "window.h"

enum { PLACES = 64 * WIDTH }; /* of a row that are gone through at a time, so that what is known of them is bounded */

/* What one vector of places of a row reads at one column of the kernel. */
typedef struct {
    int64_t start;             /* of the first; may lie on padding */
    Lanes links, reads, after; /* who has this link; whom to load from the start on, and from WIDTH later */
    int inside;                /* all of these */
    vint at;                   /* of each place, 0 where it is on padding; for strides of more than two */
} Column;

typedef struct {
    Window window;
    int64_t from, end; /* of the places of each row */
    Column *columns;   /* the kernel's for each vector of these */
    const float *x, *weights;
    float *y;
    Epilogue epilogue;
} Depthwise;

INLINE vint within(vint at, int64_t end) { return (at >= 0) & (at < vsplat_int(end)); }

static Column column_of(const Window *w, int64_t across, int64_t tap) {
    Column c = {.start = across * w->stride_across - w->before + tap * w->dilation_across};
    const vint from = vsplat_int(c.start) + vcounting();
    const vint at = vsplat_int(c.start) + vcounting() * vsplat_int(w->stride_across);
    c.links = lanes_of(within(at, w->width));
    c.reads = lanes_of(within(from, w->width));
    c.after = lanes_of(within(from + WIDTH, w->width));
    c.inside = all_lanes(c.links) && all_lanes(c.reads) && (w->stride_across == 1 || all_lanes(c.after));
    c.at = at & within(at, w->width);
    return c;
}

/* `stride` is that across if it is 1 or 2, and otherwise 0. `inside`: nothing that is read lies on padding. */
INLINE vfloat read_places(const float *row, const Column *c, const int stride, const int inside) {
    const float *p = row + c->start;
    if (stride == 1) return inside ? vload(p) : vload_lanes(p, c->reads);
    if (stride == 2 && inside) return veven(vload(p), vload(p + WIDTH));
    if (stride == 2) return veven(vload_lanes(p, c->reads), vload_lanes(p + WIDTH, c->after));
    vfloat x = {0};
    for (int i = 0; i < WIDTH; i++) x[i] = row[c->at[i]];
    return x;
}

INLINE vfloat link(const Column *c, vfloat seen, vfloat factor, vfloat sum, const int inside) {
    return inside ? vfma(seen, factor, sum) : vfma_lanes(c->links, seen, factor, sum);
}

/* One vector of places, from the first row of the output to the last, n of them wanted. */
INLINE void convolve_places(const Window *w, const float *x, const float *weights, const Column *columns, float *y,
                            int64_t n, const int tall, const int wide, const int stride, const int inside) {
    for (int64_t down = 0; down < w->places_down; down++, y += w->places_across) {
        const int64_t top = down * w->stride_down - w->above;
        vfloat sum = {0};
#pragma GCC unroll 3
        for (int64_t i = 0; i < tall; i++) {
            const int64_t row = top + i * w->dilation_down;
            if (row < 0 || row >= w->height) continue;
#pragma GCC unroll 3
            for (int64_t j = 0; j < wide; j++) {
                vfloat seen = read_places(x + row * w->width, &columns[j], stride, inside);
                sum = link(&columns[j], seen, vsplat(weights[i * wide + j]), sum, inside);
            }
        }
        vstore_first(y, sum, n);
    }
}

/* The same for kernels of three by three that go row by row: each row is read once, for the three rows of the
 * output that see it. Of these, `sum[0]` sees its last row, and sum[2] its first. */
INLINE void convolve_rows(const Window *w, const float *x, const float *weights, const Column *columns, float *y,
                          int64_t n, const int inside) {
    vfloat factor[9], sum[3] = {0};
#pragma GCC unroll 9
    for (int i = 0; i < 9; i++) factor[i] = vsplat(weights[i]);
    int64_t down = least_of(0, w->above - 2); /* the row of the output that sum[0] is */
    for (int64_t row = down - w->above + 2; down < w->places_down; row++, down++) {
        if (row >= 0 && row < w->height) {
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                vfloat seen = read_places(x + row * w->width, &columns[j], 1, inside);
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++) sum[i] = link(&columns[j], seen, factor[6 - 3 * i + j], sum[i], inside);
            }
        }
        if (down >= 0) vstore_first(y + down * w->places_across, sum[0], n);
        sum[0] = sum[1];
        sum[1] = sum[2];
        sum[2] = (vfloat){0};
    }
}

static void convolve_channel(void *context, int64_t task, int64_t lane) {
    const Depthwise *d = context;
    const Window *w = &d->window;
    const int64_t channels = w->groups * w->made, image = task / channels, channel = task % channels;
    const int64_t places = w->places_down * w->places_across, stride = w->stride_across;
    const int64_t tall = w->kernel_height, wide = w->kernel_width;
    const int three = tall == 3 && wide == 3, row_by_row = three && w->stride_down == 1 && w->dilation_down == 1;
    const float *x = d->x + (image * w->groups + channel / w->made) * w->height * w->width;
    const float *weights = d->weights + channel * tall * wide;
    const Column *columns = d->columns;
    float *y = d->y + task * places;
    (void)lane;
    for (int64_t across = d->from; across < d->end; across += WIDTH, columns += wide) {
        const int64_t n = least_of(d->end - across, WIDTH);
        const int inside = columns[0].inside && columns[wide - 1].inside;
#define CONVOLVE(tall, wide, stride, inside) \
    convolve_places(w, x, weights, columns, y + across, n, (int)(tall), (int)(wide), stride, inside)
        if (row_by_row && stride == 1) {
            if (inside) convolve_rows(w, x, weights, columns, y + across, n, 1);
            else convolve_rows(w, x, weights, columns, y + across, n, 0);
        } else if (three && stride == 2) {
            if (inside) CONVOLVE(3, 3, 2, 1);
            else CONVOLVE(3, 3, 2, 0);
        } else if (stride == 1) {
            if (inside) CONVOLVE(tall, wide, 1, 1);
            else CONVOLVE(tall, wide, 1, 0);
        } else CONVOLVE(tall, wide, 0, 0);
#undef CONVOLVE
    }
    /* whole rows lie in one row of memory, which is finished while it is in the first cache */
    const int64_t n = d->end - d->from, whole = n == w->places_across;
    for (int64_t place = d->from; place < places; place += whole ? PLACES : w->places_across) {
        const int64_t length = whole ? least_of(PLACES, places - place) : n;
        const Part part = {image, channel, 1, place, length, y + place, 0};
        finish(&d->epilogue, &part);
    }
}

/* x: (images, groups, height, width); weights: (groups × made, 1, kernel); y: (images, groups × made, places). */
KERNEL(depthwise)(int64_t threads, const Window *window, const float *x, const float *weights, float *y, int64_t steps,
                  const Step *step, const float *const *operands) {
    Depthwise d = {.window = *window, .x = x, .weights = weights, .y = y, .epilogue = {steps, step, operands}};
    const int64_t wide = window->kernel_width;
    d.columns = aligned_alloc(64, sizeof(Column) * (size_t)(PLACES / WIDTH * wide));
    if (!d.columns) return -ENOMEM;
    for (; d.from < window->places_across; d.from = d.end) {
        d.end = least_of(d.from + PLACES, window->places_across);
        for (int64_t i = 0; i < ceiling(d.end - d.from, WIDTH) * wide; i++)
            d.columns[i] = column_of(window, d.from + i / wide * WIDTH, i % wide);
        parallel(threads, window->images * window->groups * window->made, convolve_channel, &d);
    }
    free(d.columns);
    return 0;
}
