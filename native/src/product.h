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

/* Links `first` … `first` + `links` of panel `j`: in place, or written to `panel`. Where some lanes lack some
 * links, those are left as they are, and *lanes is set. */
typedef const float *(*Panel)(const void *source, int64_t j, int64_t first, int64_t links, float *panel, Lanes **lanes);

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
    Lanes *lanes = panels == 1 ? scratch->lanes : NULL;
    for (int64_t q = 0; q < panels; q++)
        t.panel[q] = p->panel(p->source, j + q, first, links, scratch->panel[q], &lanes);
    t.lanes = lanes;
    const Multiply *by_rows = panels == 4 ? by_four : panels == 2 ? by_two : lanes ? choosy : by_one;
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

/* Few rows go by several panels at once, so that there are chains enough to hide how long a link takes. */
static void multiply(const Product *p, int64_t top, int64_t bottom, int64_t j, int64_t end, int64_t most_panels,
                     Scratch *scratch) {
    int64_t panels = least_of(most_panels, 4 * (bottom - top) <= MOST_ROWS ? 4 : 2 * (bottom - top) <= MOST_ROWS ? 2 : 1);
    int64_t first = 0;
    do {
        for (int64_t at = j, n; at < end; at += n) {
            for (n = panels; n > end - at; n /= 2) {}
            multiply_panels(p, top, bottom, at, n, first, scratch);
        }
        first += LINKS;
    } while (first < p->links);
}

#endif
