/* A tile of a matrix product in registers: some rows by one, two or four panels of columns.
 *
 * A panel is PANEL columns of the right operand, row after row. Each element of the tile is a chain of fused
 * multiply-adds that begins at +0 or goes on from where it was left, and is left in c.
 */
#ifndef TILE_H
#define TILE_H

#include <stddef.h>

#include "simd.h"

enum { PANEL = 2 * WIDTH };

typedef struct {
    const float *a; /* rows of it are `a_row` apart */
    int64_t a_row;
    const float *panel[4]; /* rows of each are `panel_row` apart */
    int64_t panel_row;
    const Lanes *lanes; /* two for each link, of one panel: who has it. NULL: everybody */
    int64_t links;
    const float *from; /* the sums so far, or NULL: +0 */
    float *c;          /* where the sums go; rows of both are c_row apart */
    int64_t c_row;
} Tile;

INLINE void tile(const Tile *t, const int rows, const int panels, const int choosy) {
    const int vectors = 2 * panels;
    vfloat sum[MOST_ROWS][8];
    float *c = t->c;
    const float *a = t->a, *from = t->from, *panel[4] = {t->panel[0], t->panel[1], t->panel[2], t->panel[3]};
    const Lanes *lanes = t->lanes;
    const int64_t a_row = t->a_row, c_row = t->c_row, links = t->links, b_row = t->panel_row;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[i][v] = from ? vload(from + i * c_row + v * WIDTH) : (vfloat){0};
    for (int64_t k = 0; k < links; k++) {
        vfloat b[8];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) b[v] = vload(panel[v / 2] + k * b_row + v % 2 * WIDTH);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            vfloat x = vsplat(a[i * a_row + k]);
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++)
                sum[i][v] = choosy ? vfma_lanes(lanes[2 * k + v], x, b[v], sum[i][v]) : vfma(x, b[v], sum[i][v]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) vstore(c + i * c_row + v * WIDTH, sum[i][v]);
}

/* Each shape is compiled on its own, so that its sums stay in registers. */
#if MOST_ROWS == 12
#define FULL(of) HALF(of) of(7) of(8) of(9) of(10) of(11) of(12)
#define HALF(of) QUARTER(of) of(4) of(5) of(6)
#define QUARTER(of) of(1) of(2) of(3)
#elif MOST_ROWS == 6
#define FULL(of) HALF(of) of(4) of(5) of(6)
#define HALF(of) QUARTER(of) of(2) of(3)
#define QUARTER(of) of(1)
#endif

#define SHAPE(name, rows, panels, choosy) \
    static void tile_##name##_##rows(const Tile *t) { tile(t, rows, panels, choosy); }
#define ONE(rows) SHAPE(one, rows, 1, 0)
#define TWO(rows) SHAPE(two, rows, 2, 0)
#define FOUR(rows) SHAPE(four, rows, 4, 0)
#define CHOOSY(rows) SHAPE(choosy, rows, 1, 1)
FULL(ONE) HALF(TWO) QUARTER(FOUR) FULL(CHOOSY)

#define NAME_ONE(rows) tile_one_##rows,
#define NAME_TWO(rows) tile_two_##rows,
#define NAME_FOUR(rows) tile_four_##rows,
#define NAME_CHOOSY(rows) tile_choosy_##rows,
typedef void (*Multiply)(const Tile *); /* by the number of rows */
static const Multiply by_one[] = {NULL, FULL(NAME_ONE)}, by_two[] = {NULL, HALF(NAME_TWO)};
static const Multiply by_four[] = {NULL, QUARTER(NAME_FOUR)}, choosy[] = {NULL, FULL(NAME_CHOOSY)};

#endif
