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

/* Whether each place sees its own pixel alone: then the image is the right operand as it lies. */
INLINE int is_product(const Window *w) {
    return w->kernel_height * w->kernel_width == 1 && w->stride_down == 1 && w->stride_across == 1 &&
           w->places_down == w->height && w->places_across == w->width;
}

/* What one vector of places reads at one tap. */
typedef struct {
    enum { IN_A_ROW, EVERY_SECOND, SCATTERED } how;
    int64_t start;             /* of the first place, in the channel or before it */
    Lanes reads, after;        /* whom to load from the start on, and from WIDTH later */
    int whole;                 /* all of these */
    vint at, inside;           /* of each place, 0 where there is none; and where there is one */
} Reading;

/* The places from `place` on: the row and the column where they read at the first tap. What is beyond the last
 * place is as if its row went on. */
INLINE void first_tap(const Window *w, int64_t place, vint *row, vint *column) {
    const vint counting = vcounting() + vsplat_int(place % w->places_across), width = vsplat_int(w->places_across);
    vint across = counting, down = vsplat_int(place / w->places_across);
    const vint last = vsplat_int(w->places_down - 1);
    for (int64_t begins = w->places_across; begins < place % w->places_across + WIDTH; begins += w->places_across) {
        vint wraps = (across >= width) & (down < last);
        across -= wraps & width;
        down -= wraps;
    }
    *row = down * vsplat_int(w->stride_down) - vsplat_int(w->above);
    *column = across * vsplat_int(w->stride_across) - vsplat_int(w->before);
}

INLINE vint within(vint at, int64_t end) { return (at >= 0) & (at < vsplat_int(end)); }

INLINE Reading reading(const Window *w, vint row, vint column) {
    const vint rows = within(row, w->height), inside = rows & within(column, w->width);
    const vint at = row * vsplat_int(w->width) + column;
    const int64_t reach = at[WIDTH - 1] - at[0];
    Reading r = {.how = SCATTERED, .start = at[0], .at = at & inside, .inside = inside};
    if (w->stride_across == 1 && reach == WIDTH - 1) {
        r.how = IN_A_ROW;
        r.reads = lanes_of(inside);
        r.whole = all_lanes(r.reads);
    } else if (w->stride_across == 2 && reach == 2 * (WIDTH - 1) && row[0] == row[WIDTH - 1]) {
        const vint from = vcounting() + column[0];
        r.how = EVERY_SECOND;
        r.reads = lanes_of(rows & within(from, w->width));
        r.after = lanes_of(rows & within(from + WIDTH, w->width));
        r.whole = all_lanes(r.reads) && all_lanes(r.after);
    }
    return r;
}

INLINE void read_places(const Reading *r, const float *x, float *line) {
    const float *start = x + r->start;
    if (r->how == IN_A_ROW) vstore(line, r->whole ? vload(start) : vload_lanes(start, r->reads));
    else if (r->how == EVERY_SECOND && r->whole) vstore(line, veven(vload(start), vload(start + WIDTH)));
    else if (r->how == EVERY_SECOND)
        vstore(line, veven(vload_lanes(start, r->reads), vload_lanes(start + WIDTH, r->after)));
    else
        for (int i = 0; i < WIDTH; i++) line[i] = r->inside[i] ? x[r->at[i]] : 0;
}

static Strip panel_of_places(const void *source, int64_t j, int64_t first, int64_t links, Scratch *scratch, int64_t nth) {
    const Seen *seen = source;
    const Window *w = seen->window;
    const int64_t taps = w->kernel_height * w->kernel_width, size = w->height * w->width;
    const vint all = ~(vint){0};
    vint row[2], column[2], beyond[2], full[2] = {all, all};
    float *panel = scratch->panel[nth];
    Lanes *lanes = scratch->lanes;
    for (int v = 0; v < 2; v++) {
        int64_t place = j * PANEL + v * WIDTH;
        first_tap(w, place, &row[v], &column[v]);
        beyond[v] = vcounting() >= vsplat_int(w->places_down * w->places_across - place);
    }
    for (int64_t k = first; k < least_of(first + taps, first + links); k++) {
        const int64_t tap = k % taps;
        const vint down = vsplat_int(tap / w->kernel_width * w->dilation_down);
        const vint across = vsplat_int(tap % w->kernel_width * w->dilation_across);
        const Reading one = reading(w, row[0] + down, column[0] + across);
        const Reading two = reading(w, row[1] + down, column[1] + across);
        const vint has[2] = {one.inside | beyond[0], two.inside | beyond[1]};
        full[0] &= has[0];
        full[1] &= has[1];
        const Lanes links_of[2] = {lanes_of(has[0]), lanes_of(has[1])};
        const float *x = seen->x + k / taps * size;
        for (int64_t link = k - first; link < links; link += taps, x += size) {
            read_places(&one, x, panel + link * PANEL);
            read_places(&two, x, panel + link * PANEL + WIDTH);
            memcpy(lanes + 2 * link, links_of, sizeof links_of);
        }
    }
    memcpy(scratch->full, full, sizeof full);
    return (Strip){panel, PANEL, all_lanes(lanes_of(full[0] & full[1])) ? NULL : lanes};
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
    const Seen seen = {w, c->x + nth * w->channels * w->height * w->width};
    const Rows rows = {seen.x, places, w->made > 2 * MOST_ROWS};
    Product p = {.columns = places, .links = c->links, .a_row = c->links, .panel = panel_of_places, .source = &seen};
    if (is_product(w)) p.panel = panel_of_rows, p.source = &rows;
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
