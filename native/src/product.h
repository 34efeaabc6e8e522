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
    float edge[MOST_ROWS * 4 * PANEL] __attribute__((aligned(64)));
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

/* Rows top … bottom, `panels` panels from `j` on, at one block of links. */
static void multiply_panels(const Product *p, int64_t top, int64_t bottom, int64_t j, int64_t panels, int64_t first,
                            Scratch *scratch) {
    const int64_t links = least_of(LINKS, p->links - first), from = j * PANEL;
    const int64_t width = least_of(panels * PANEL, p->columns - from), tiles = ceiling(bottom - top, MOST_ROWS);
    const int whole = width == panels * PANEL, ends = first + links == p->links;
    Tile t = {.a_row = p->a_row, .links = links, .begins = !first, .c_row = whole ? p->columns : panels * PANEL};
    for (int64_t q = 0; q < panels; q++) {
        Strip strip = p->panel(p->source, j + q, first, links, scratch, q);
        t.panel[q] = strip.b;
        t.panel_row = strip.b_row;
        t.lanes = strip.lanes;
    }
    const Multiply *by_rows = panels == 4 ? by_four : panels == 2 ? by_two : t.lanes ? choosy : by_one;
    for (int64_t n = 0; n < tiles; n++) {
        int64_t row = top + piece(bottom - top, tiles, n), rows = top + piece(bottom - top, tiles, n + 1) - row;
        float *c = p->c + row * p->columns + from;
        t.a = p->a + row * p->a_row + first;
        t.c = whole ? c : scratch->edge;
        if (!whole && first)
            for (int64_t i = 0; i < rows; i++) memcpy(t.c + i * t.c_row, c + i * p->columns, 4 * (size_t)width);
        by_rows[rows](&t);
        for (int64_t i = 0; i < rows; i++) {
            if (!whole) memcpy(c + i * p->columns, t.c + i * t.c_row, 4 * (size_t)width);
            if (ends) finish_row(p->epilogue, p->matrix, p->top + row + i, from, c + i * p->columns, width);
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
