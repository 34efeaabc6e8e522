/* Matrix products, and the packing of their right operands. */
#include <errno.h>
#include <stdlib.h>

#include "product.h"

/* How wide a panel is: what `pack` and its caller have to agree on. */
KERNEL(panel)(void) { return PANEL; }

/* b, of `links` rows and `columns` columns whose elements are `row` and `column` apart, in panels; the last one
 * filled up with zeros. */
KERNEL(pack)(int64_t links, int64_t columns, const float *b, int64_t row, int64_t column, float *packed) {
    for (int64_t from = 0; from < columns; from += PANEL) {
        int64_t width = least_of(PANEL, columns - from);
        for (int64_t k = 0; k < links; k++, packed += PANEL) {
            for (int64_t j = 0; j < PANEL; j++) packed[j] = j < width ? b[k * row + (from + j) * column] : 0;
        }
    }
    return 0;
}

typedef struct {
    const float *b;
    int64_t links;
} Packed;

static Strip packed_panel(const void *source, int64_t j, int64_t first, int64_t links, Scratch *scratch, int64_t nth) {
    const Packed *packed = source;
    (void)links, (void)scratch, (void)nth;
    return (Strip){packed->b + (j * packed->links + first) * PANEL, PANEL, NULL};
}

typedef struct {
    int64_t rows, columns, links, row_blocks, column_blocks, packed;
    const float *a, *b;
    float *c;
    const int64_t *a_at, *b_at;
    Epilogue epilogue;
    Scratch *scratch;
} Matmul;

static void multiply_block(void *context, int64_t task, int64_t lane) {
    const Matmul *m = context;
    int64_t block = task % m->column_blocks, stripe = task / m->column_blocks % m->row_blocks;
    int64_t matrix = task / m->column_blocks / m->row_blocks, panels = ceiling(m->columns, PANEL);
    const Packed packed = {m->b, m->links};
    const Rows rows = {m->b + m->b_at[matrix], m->columns, m->rows > 2 * MOST_ROWS};
    Product p = {.columns = m->columns, .links = m->links, .a = m->a + m->a_at[matrix], .a_row = m->links};
    p.panel = m->packed ? packed_panel : panel_of_rows;
    p.source = m->packed ? (const void *)&packed : &rows;
    p.c = m->c + matrix * m->rows * m->columns;
    p.epilogue = &m->epilogue;
    p.matrix = matrix;
    multiply(&p, piece(m->rows, m->row_blocks, stripe), piece(m->rows, m->row_blocks, stripe + 1),
             piece(panels, m->column_blocks, block), piece(panels, m->column_blocks, block + 1), 4, &m->scratch[lane]);
}

/* matrices × (rows, links) times (links, columns): (rows, columns) each. The n-th left operand is at a + a_at[n],
 * the right one at b + b_at[n]; or `packed`, and then it is the same for all. */
KERNEL(matmul)(int64_t threads, int64_t matrices, int64_t rows, int64_t columns, int64_t links, const float *a,
               const int64_t *a_at, const float *b, const int64_t *b_at, int64_t packed, float *c, int64_t steps,
               const Step *step, const float *const *operands) {
    enum { ROWS = 20 * MOST_ROWS, PANELS = 8 }; /* of a task: what of a and c is to stay in the second cache */
    Matmul m = {.rows = rows, .columns = columns, .links = links, .packed = packed, .a = a, .b = b, .c = c};
    if (!matrices || !rows || !columns) return 0;
    m.row_blocks = ceiling(rows, ROWS);
    const int64_t panels = ceiling(columns, PANEL);
    m.column_blocks = greatest_of(ceiling(panels, PANELS), least_of(panels, ceiling(threads, matrices * m.row_blocks)));
    m.a_at = a_at;
    m.b_at = b_at;
    m.epilogue = (Epilogue){steps, step, operands};
    int64_t tasks = matrices * m.row_blocks * m.column_blocks, lanes = least_of(threads, tasks);
    m.scratch = aligned_alloc(64, sizeof(Scratch) * (size_t)lanes);
    if (!m.scratch) return -ENOMEM;
    parallel(threads, tasks, multiply_block, &m);
    free(m.scratch);
    return 0;
}
