/* Convolution as a product: weights times what each place of the kernel sees, brought together panel by panel.
 *
 * Links run over channels, then the kernel's rows, then its columns. Where a tap falls on padding, the lane of
 * that place lacks the link: it is left out, not multiplied by zero.
 */
#include <errno.h>
#include <stdlib.h>

#include "product.h"
#include "window.h"

typedef struct {
    const Window *window;
    const float *x; /* the first channel of the group, of one image */
} Seen;

/* Where the elements of one vector of places read, at one tap. */
typedef struct {
    vint at;            /* within a channel; 0 where they read nothing */
    Lanes reads, links; /* who reads; who has this link, and all that are beyond the last place */
    int64_t start;      /* of the first, on a channel or not */
    int in_a_row, whole, complete;
} Reading;

/* The places from `place` on: the row and the column where they read at the first tap. What is beyond the last
 * place is as if its row went on. */
INLINE void first_tap(const Window *w, int64_t place, vint *row, vint *column) {
    int64_t down = place / w->places_across, across = place % w->places_across;
    for (int i = 0; i < WIDTH; i++) {
        (*row)[i] = (int32_t)(down * w->stride_down - w->above);
        (*column)[i] = (int32_t)(across * w->stride_across - w->before);
        if (++across == w->places_across && down + 1 < w->places_down) across = 0, down++;
    }
}

INLINE Reading reading(const Window *w, vint row, vint column, vint real) {
    vint inside = (row >= 0) & (row < vsplat_int(w->height)) & (column >= 0) & (column < vsplat_int(w->width));
    vint at = row * vsplat_int(w->width) + column;
    Reading r = {.at = at & inside, .reads = lanes_of(inside), .links = lanes_of(inside | ~real), .start = at[0]};
    r.in_a_row = w->stride_across == 1 && at[WIDTH - 1] - at[0] == WIDTH - 1;
    r.whole = all_lanes(r.reads);
    r.complete = all_lanes(r.links);
    return r;
}

INLINE void read_places(const Reading *r, const float *x, float *line) {
    if (r->in_a_row && r->whole) vstore(line, vload(x + r->start));
    else if (r->in_a_row) vstore(line, vload_lanes(x + r->start, r->reads));
    else
        for (int i = 0; i < WIDTH; i++) line[i] = x[r->at[i]];
}

static const float *panel_of_places(const void *source, int64_t j, int64_t first, int64_t links, float *panel, Lanes **lanes) {
    const Seen *seen = source;
    const Window *w = seen->window;
    const int64_t taps = w->kernel_height * w->kernel_width, size = w->height * w->width;
    vint row[2], column[2], real[2];
    Lanes *has = *lanes;
    int complete = 1;
    for (int v = 0; v < 2; v++) {
        int64_t place = j * PANEL + v * WIDTH;
        first_tap(w, place, &row[v], &column[v]);
        real[v] = vcounting() < vsplat_int(w->places_down * w->places_across - place);
    }
    for (int64_t k = first; k < least_of(first + taps, first + links); k++) {
        int64_t tap = k % taps;
        vint down = vsplat_int(tap / w->kernel_width * w->dilation_down);
        vint across = vsplat_int(tap % w->kernel_width * w->dilation_across);
        Reading one = reading(w, row[0] + down, column[0] + across, real[0]);
        Reading two = reading(w, row[1] + down, column[1] + across, real[1]);
        complete &= one.complete && two.complete;
        const float *x = seen->x + k / taps * size;
        for (int64_t link = k - first; link < links; link += taps, x += size) {
            read_places(&one, x, panel + link * PANEL);
            read_places(&two, x, panel + link * PANEL + WIDTH);
            has[2 * link] = one.links;
            has[2 * link + 1] = two.links;
        }
    }
    if (complete) *lanes = NULL;
    return panel;
}

typedef struct {
    Window window;
    int64_t links, row_blocks, place_blocks;
    const float *x, *weights;
    float *y;
    Epilogue epilogue;
    Scratch *scratch;
} Convolution;

static void convolve_block(void *context, int64_t task, int64_t lane) {
    const Convolution *c = context;
    const Window *w = &c->window;
    int64_t block = task % c->place_blocks, stripe = task / c->place_blocks % c->row_blocks;
    int64_t group = task / c->place_blocks / c->row_blocks % w->groups;
    int64_t image = task / c->place_blocks / c->row_blocks / w->groups, nth = image * w->groups + group;
    int64_t places = w->places_down * w->places_across, panels = ceiling(places, PANEL);
    Seen seen = {w, c->x + nth * w->channels * w->height * w->width};
    Product p = {.columns = places, .links = c->links, .a_row = c->links, .panel = panel_of_places, .source = &seen};
    p.a = c->weights + group * w->made * c->links;
    p.c = c->y + nth * w->made * places;
    p.epilogue = &c->epilogue;
    p.matrix = image;
    p.top = group * w->made;
    multiply(&p, piece(w->made, c->row_blocks, stripe), piece(w->made, c->row_blocks, stripe + 1),
             piece(panels, c->place_blocks, block), piece(panels, c->place_blocks, block + 1), 1, &c->scratch[lane]);
}

/* x: (images, groups × channels, height, width); weights: (groups × made, channels, kernel); y: (images,
 * groups × made, places). */
KERNEL(convolution)(int64_t threads, const Window *window, const float *x, const float *weights, float *y, int64_t steps,
                    const Step *step, const float *const *operands) {
    enum { ROWS = 40 * MOST_ROWS, PANELS = 8 }; /* of a task: what of the weights and of y is to stay in the second cache */
    const Window *w = window;
    Convolution c = {.window = *w, .x = x, .weights = weights, .y = y, .epilogue = {steps, step, operands}};
    const int64_t panels = ceiling(w->places_down * w->places_across, PANEL);
    if (!w->images || !w->groups || !w->made || !panels) return 0;
    /* on an image without pixels every tap falls on padding */
    c.links = w->height && w->width ? w->channels * w->kernel_height * w->kernel_width : 0;
    c.row_blocks = ceiling(w->made, ROWS);
    c.place_blocks = ceiling(panels, PANELS);
    int64_t each = w->images * w->groups;
    if (each * c.place_blocks < threads) c.place_blocks = least_of(panels, ceiling(threads, each));
    if (each * c.place_blocks * c.row_blocks < threads)
        c.row_blocks = least_of(ceiling(w->made, MOST_ROWS), ceiling(threads, each * c.place_blocks));
    int64_t tasks = each * c.row_blocks * c.place_blocks;
    c.scratch = aligned_alloc(64, sizeof(Scratch) * (size_t)least_of(threads, tasks));
    if (!c.scratch) return -ENOMEM;
    parallel(threads, tasks, convolve_block, &c);
    free(c.scratch);
    return 0;
}
