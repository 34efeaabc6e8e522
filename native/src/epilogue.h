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

INLINE vfloat operand(const float *p, const Step *step, int64_t column, int64_t n) {
    if (!step->column) return vsplat(*p);
    return vload_first(p + column, n);
}

/* Row `row` of matrix `matrix` from `column` on: n elements at c, n ≤ WIDTH. */
INLINE void finish_vector(const Epilogue *e, int64_t matrix, int64_t row, int64_t column, float *c, int64_t n) {
    vfloat x = vload_first(c, n);
    for (int64_t s = 0; s < e->steps; s++) {
        const Step *step = &e->step[s];
        const float *const *given = &e->operands[3 * s];
        int64_t offset = matrix * step->matrix + row * step->row;
        switch (step->kind) {
        case ADD:
            x = x + operand(given[0] + offset, step, column, n);
            break;
        case NORMALISE:
            x = vfma(x - operand(given[0] + offset, step, column, n), operand(given[1] + offset, step, column, n),
                     operand(given[2] + offset, step, column, n));
            break;
        case CLIP:
            if (given[0]) x = vgreatest(x, operand(given[0] + offset, step, column, n));
            if (given[1]) x = vleast(x, operand(given[1] + offset, step, column, n));
            break;
        }
    }
    vstore_first(c, vcanonical(x), n);
}

INLINE void finish_row(const Epilogue *e, int64_t matrix, int64_t row, int64_t column, float *c, int64_t n) {
    for (int64_t j = 0; j < n; j += WIDTH) finish_vector(e, matrix, row, column + j, c + j, least_of(n - j, WIDTH));
}

#endif
