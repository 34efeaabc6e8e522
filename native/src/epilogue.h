/* What is done to products before they are stored for good: the steps that follow a product in a network.
 *
 * Every step is one operator, rounded as it would be on its own; one NaN for all at the end.
 */
#ifndef EPILOGUE_H
#define EPILOGUE_H

#include "simd.h"

enum { ADD, NORMALISE, CLIP };
enum { MOST_STEPS = 16 };

/* Its operands for row i, column j of the n-th matrix are at n × matrix + i × row + j × column, column being 0
 * or 1. ADD: x + [0]. NORMALISE: fma(x − [0], [1], [2]). CLIP: between [0] and [1], NULL being no bound. */
typedef struct {
    int64_t kind, matrix, row, column;
} Step;

typedef struct {
    int64_t steps;
    const Step *step;
    const float *const *operands; /* three for each step */
} Epilogue;

/* `vectors` vectors of row `row` from `column` on, at c; the last one has n elements, the others WIDTH. */
INLINE void finish_vectors(const Epilogue *e, int64_t matrix, int64_t row, int64_t column, float *c, const int vectors,
                           int64_t n) {
#define EACH _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)
#define LENGTH (v < vectors - 1 ? WIDTH : n)
    vfloat x[4], operand[3][4] = {0};
    EACH x[v] = vload_first(c + v * WIDTH, LENGTH);
    for (int64_t s = 0; s < e->steps; s++) {
        const Step *step = &e->step[s];
        const float *const *given = &e->operands[3 * s];
        const int64_t at = matrix * step->matrix + row * step->row + column * step->column;
        for (int i = 0; i < 3; i++) {
            if (given[i] && step->column) EACH operand[i][v] = vload_first(given[i] + at + v * WIDTH, LENGTH);
            else if (given[i]) EACH operand[i][v] = vsplat(given[i][at]);
        }
        switch (step->kind) {
        case ADD:
            EACH x[v] = x[v] + operand[0][v];
            break;
        case NORMALISE:
            EACH x[v] = vfma(x[v] - operand[0][v], operand[1][v], operand[2][v]);
            break;
        case CLIP:
            if (given[0]) EACH x[v] = vgreatest(x[v], operand[0][v]);
            if (given[1]) EACH x[v] = vleast(x[v], operand[1][v]);
            break;
        }
    }
    EACH vstore_first(c + v * WIDTH, vcanonical(x[v]), LENGTH);
#undef EACH
#undef LENGTH
}

/* n elements of row `row` of matrix `matrix` from `column` on, at c. */
static void finish_row(const Epilogue *e, int64_t matrix, int64_t row, int64_t column, float *c, int64_t n) {
    int64_t j = 0;
    for (; j + 4 * WIDTH <= n; j += 4 * WIDTH) finish_vectors(e, matrix, row, column + j, c + j, 4, WIDTH);
    for (; j + 2 * WIDTH <= n; j += 2 * WIDTH) finish_vectors(e, matrix, row, column + j, c + j, 2, WIDTH);
    for (; j < n; j += WIDTH) finish_vectors(e, matrix, row, column + j, c + j, 1, least_of(n - j, WIDTH));
}

#endif
