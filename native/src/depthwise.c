/* Convolution of groups of one channel each, vectorised over the columns of the output.
 *
 * The chain of a place runs over the kernel's rows, then its columns; taps on padding are left out: rows by the
 * bounds of a loop, columns lane by lane.
 */
#include "epilogue.h"
#include "window.h"

enum { WIDEST = 32 }; /* kernel: native/products.py does not send a wider one */

/* What one vector of columns reads at one column of the kernel. */
typedef struct {
    int64_t start;             /* of the first; may lie on padding */
    Lanes links, reads, after; /* who has this link; who of WIDTH pixels from the start is in the row, and of the next */
    vint at;                   /* of each, 0 where it is on padding; for strides of more than two */
} Column;

INLINE Lanes within(vint at, int64_t width) { return lanes_of((at >= 0) & (at < vsplat_int(width))); }

INLINE Column column_of(const Window *w, int64_t across, int64_t tap) {
    Column c = {.start = across * w->stride_across - w->before + tap * w->dilation_across};
    vint from = vsplat_int(c.start) + vcounting(), at = vsplat_int(c.start) + vcounting() * vsplat_int(w->stride_across);
    c.links = within(at, w->width);
    c.reads = within(from, w->width);
    c.after = within(from + vsplat_int(WIDTH), w->width);
    c.at = at & (at >= 0) & (at < vsplat_int(w->width));
    return c;
}

/* `stride` is that across if it is 1 or 2, and otherwise 0. `inside`: nothing here lies on padding. */
INLINE vfloat read_columns(const float *row, const Column *c, const int stride, const int inside) {
    const float *p = row + c->start;
    if (stride == 1) return inside ? vload(p) : vload_lanes(p, c->reads);
    if (stride == 2) {
        vfloat one = inside ? vload(p) : vload_lanes(p, c->reads);
        return veven(one, inside ? vload(p + WIDTH) : vload_lanes(p + WIDTH, c->after));
    }
    vfloat x;
    for (int i = 0; i < WIDTH; i++) x[i] = row[c->at[i]];
    return x;
}

/* One vector of columns, from the first row of the output to the last. */
INLINE void convolve_columns(const Window *w, const float *x, const float *weights, const Column *columns, float *y,
                             int64_t n, const int tall, const int wide, const int stride, const int inside) {
    for (int64_t down = 0; down < w->places_down; down++, y += w->places_across) {
        int64_t top = down * w->stride_down - w->above;
        vfloat sum = {0};
        for (int64_t i = 0; i < tall; i++) {
            int64_t row = top + i * w->dilation_down;
            if (row < 0 || row >= w->height) continue;
            for (int64_t j = 0; j < wide; j++) {
                vfloat factor = vsplat(weights[i * wide + j]);
                vfloat seen = read_columns(x + row * w->width, &columns[j], stride, inside);
                sum = inside ? vfma(seen, factor, sum) : vfma_lanes(columns[j].links, seen, factor, sum);
            }
        }
        vstore_first(y, sum, n);
    }
}

INLINE void convolve_channel(const Window *w, const float *x, const float *weights, float *y, const int tall,
                             const int wide, const int stride) {
    Column columns[WIDEST];
    for (int64_t across = 0; across < w->places_across; across += WIDTH) {
        for (int64_t j = 0; j < wide; j++) columns[j] = column_of(w, across, j);
        int64_t n = least_of(w->places_across - across, WIDTH), end = columns[wide - 1].start + (stride ? stride : 1) * WIDTH;
        if (stride && n == WIDTH && columns[0].start >= 0 && end <= w->width)
            convolve_columns(w, x, weights, columns, y + across, n, tall, wide, stride, 1);
        else convolve_columns(w, x, weights, columns, y + across, n, tall, wide, stride, 0);
    }
}

typedef struct {
    const Window *window;
    const float *x, *weights;
    float *y;
    Epilogue epilogue;
} Depthwise;

static void convolve_one(void *context, int64_t task, int64_t lane) {
    const Depthwise *d = context;
    const Window *w = d->window;
    const int64_t channels = w->groups * w->made, image = task / channels, channel = task % channels;
    const int64_t places = w->places_down * w->places_across, tall = w->kernel_height, wide = w->kernel_width;
    const float *x = d->x + (image * w->groups + channel / w->made) * w->height * w->width;
    const float *weights = d->weights + channel * tall * wide;
    float *y = d->y + task * places;
    (void)lane;
    if (tall == 3 && wide == 3 && w->stride_across == 1) convolve_channel(w, x, weights, y, 3, 3, 1);
    else if (tall == 3 && wide == 3 && w->stride_across == 2) convolve_channel(w, x, weights, y, 3, 3, 2);
    else if (w->stride_across == 1) convolve_channel(w, x, weights, y, (int)tall, (int)wide, 1);
    else convolve_channel(w, x, weights, y, (int)tall, (int)wide, 0);
    finish_row(&d->epilogue, image, channel, 0, y, places);
}

/* x: (images, groups, height, width); weights: (groups × made, 1, kernel); y: (images, groups × made, places). */
KERNEL(depthwise)(int64_t threads, const Window *window, const float *x, const float *weights, float *y, int64_t steps,
                  const Step *step, const float *const *operands) {
    Depthwise d = {window, x, weights, y, {steps, step, operands}};
    parallel(threads, window->images * window->groups * window->made, convolve_one, &d);
    return 0;
}
