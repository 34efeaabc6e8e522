/* A block of a matrix product: rows by panels of columns, the chains cut into blocks of links.
 *
 * Between two blocks the sums rest in the output, which keeps every bit: no chain is broken. The right operand
 * comes panel by panel from a source, so that a product and a convolution are the same.
 */
#ifndef PRODUCT_H
#define PRODUCT_H

#include <stddef.h>

#include "epilogue.h"
#include "tile.h"

enum { LINKS = 256 }; /* of a block: a panel of them is to stay in the first cache */

/* What one thread needs beside the operands. */
typedef struct {
    float panel[4][LINKS * PANEL] __attribute__((aligned(64)));
    float before[MOST_ROWS * 4 * PANEL] __attribute__((aligned(64)));
    float after[MOST_ROWS * 4 * PANEL] __attribute__((aligned(64)));
    vint full[2]; /* of one panel: −1 for lanes that have every link */
    Lanes lanes[2 * LINKS] __attribute__((aligned(64)));
} Scratch;

/* One panel at one block of links: in place, or brought together in `scratch`, which is that of panel `nth`. */
typedef struct {
    const float *b;
    int64_t b_row;
    const Lanes *lanes; /* two for each link: who has it. NULL: everybody */
} Strip;
typedef Strip (*Panel)(const void *source, int64_t j, int64_t first, int64_t links, Scratch *scratch, int64_t nth);

typedef struct {
    int64_t columns, links;
    const float *a; /* its rows are a_row apart */
    int64_t a_row;
    Panel panel;
    const void *source;
    float *c; /* its rows are `columns` apart */
    const Epilogue *epilogue;
    int64_t matrix; /* for the epilogue: which one this is */
    int64_t top;    /* and which of its rows is row 0 here */
} Product;

/* Whether all the sums of lanes that are not full are numbers other than 0. */
INLINE int certain(const Tile *t, int64_t rows, const vint full[2]) {
    vint all[2] = {~(vint){0}, ~(vint){0}};
    for (int64_t i = 0; i < rows; i++) {
        for (int v = 0; v < 2; v++) {
            vfloat x = vload(t->c + i * t->c_row + v * WIDTH);
            all[v] &= (x < 0) | (x > 0);
        }
    }
    return all_lanes(lanes_of(all[0] | full[0])) && all_lanes(lanes_of(all[1] | full[1]));
}

/* Choosing lanes costs time, so at first they are not chosen: who lacks a link is given +0 for it. That changes a
 * sum of −0 to +0, which can only last until a link that is not 0, and makes NaN of an infinite factor: whoever
 * ends with another number has the right one. The others begin again, choosing. */
static void multiply_tile(const Tile *t, int64_t rows, int64_t panels, const vint full[2]) {
    if (panels == 4) by_four[rows](t);
    else if (panels == 2) by_two[rows](t);
    else if (!t->lanes) by_one[rows](t);
    else {
        by_one[rows](t);
        if (!certain(t, rows, full)) choosy[rows](t);
    }
}

INLINE void copy_rows(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows, int64_t width) {
    for (int64_t i = 0; i < rows; i++, to += to_row, from += from_row) memcpy(to, from, 4 * (size_t)width);
}

/* Rows top … bottom, `panels` panels from `j` on, at one block of links. */
static void multiply_panels(const Product *p, int64_t top, int64_t bottom, int64_t j, int64_t panels, int64_t first,
                            Scratch *scratch) {
    const int64_t links = least_of(LINKS, p->links - first), at = j * PANEL, tiles = ceiling(bottom - top, MOST_ROWS);
    const int64_t width = least_of(panels * PANEL, p->columns - at);
    Tile t = {.a_row = p->a_row, .links = links};
    for (int64_t q = 0; q < panels; q++) {
        const Strip strip = p->panel(p->source, j + q, first, links, scratch, q);
        t.panel[q] = strip.b;
        t.panel_row = strip.b_row;
        t.lanes = strip.lanes;
    }
    const int in_place = width == panels * PANEL && !t.lanes;
    t.c_row = in_place ? p->columns : panels * PANEL;
    for (int64_t n = 0; n < tiles; n++) {
        const int64_t row = top + piece(bottom - top, tiles, n), rows = top + piece(bottom - top, tiles, n + 1) - row;
        float *c = p->c + row * p->columns + at;
        t.a = p->a + row * p->a_row + first;
        t.c = in_place ? c : scratch->after;
        t.from = !first ? NULL : in_place ? c : scratch->before;
        if (!in_place && first) copy_rows(scratch->before, t.c_row, c, p->columns, rows, width);
        multiply_tile(&t, rows, panels, scratch->full);
        if (!in_place) copy_rows(c, p->columns, scratch->after, t.c_row, rows, width);
        if (first + links == p->links) {
            const Part part = {p->matrix, p->top + row, rows, at, width, c, p->columns};
            finish(p->epilogue, &part);
        }
    }
}

/* A right operand whose rows are `columns` apart. Panels that are used `often` enough are brought together first. */
typedef struct {
    const float *b;
    int64_t columns, often;
} Rows;

static Strip panel_of_rows(const void *source, int64_t j, int64_t first, int64_t links, Scratch *scratch, int64_t nth) {
    const Rows *rows = source;
    const float *b = rows->b + first * rows->columns + j * PANEL;
    const int64_t width = least_of(PANEL, rows->columns - j * PANEL);
    if (!rows->often && width == PANEL) return (Strip){b, rows->columns, NULL};
    float *line = scratch->panel[nth];
    for (int64_t k = 0; k < links; k++, b += rows->columns, line += PANEL) {
        vstore(line, vload_first(b, width));
        vstore(line + WIDTH, width > WIDTH ? vload_first(b + WIDTH, width - WIDTH) : (vfloat){0});
    }
    return (Strip){scratch->panel[nth], PANEL, NULL};
}

/* Few rows go by several panels at once, so that there are chains enough to hide how long a link takes; a panel that
 * is not full goes alone. */
static void multiply(const Product *p, int64_t top, int64_t bottom, int64_t j, int64_t end, int64_t most_panels,
                     Scratch *scratch) {
    int64_t panels = least_of(most_panels, 4 * (bottom - top) <= MOST_ROWS ? 4 : 2 * (bottom - top) <= MOST_ROWS ? 2 : 1);
    const int64_t full = least_of(end, p->columns / PANEL);
    int64_t first = 0;
    do {
        for (int64_t at = j, n; at < end; at += n) {
            for (n = panels; n > 1 && n > full - at; n /= 2) {}
            multiply_panels(p, top, bottom, at, n, first, scratch);
        }
        first += LINKS;
    } while (first < p->links);
}

#endif
