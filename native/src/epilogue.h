/* What is done to products before they are stored for good: the steps that follow a product in a network.
 *
 * Every step is one operator, rounded as it would be on its own; one NaN for all at the end.
 */
#ifndef EPILOGUE_H
#define EPILOGUE_H

#include "simd.h"

enum { ADD, NORMALISE, CLIP, NOTHING };
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

/* A part of a result: some rows of one matrix, n of their elements. */
typedef struct {
    int64_t matrix, row, rows, column, n;
    float *c;
    int64_t c_row;
} Part;

/* One step; `ends`: the last one, after which there is one NaN for all. */
INLINE void finish_step(const Part *part, const Step *step, const float *const *given, const int kind, const int ends) {
    for (int64_t i = 0; i < part->rows; i++) {
        float *c = part->c + i * part->c_row;
        const int64_t at = part->matrix * step->matrix + (part->row + i) * step->row + part->column * step->column;
        const float *operand[3];
        vfloat y[3] = {0};
        for (int k = 0; k < 3; k++) {
            operand[k] = given[k] ? given[k] + at : NULL;
            if (operand[k]) y[k] = vsplat(*operand[k]);
        }
        for (int64_t j = 0; j < part->n; j += WIDTH) {
            const int64_t n = part->n - j;
            vfloat x = vload_first(c + j, n);
            if (step->column)
                for (int k = 0; k < 3; k++)
                    if (operand[k]) y[k] = vload_first(operand[k] + j, n);
            if (kind == ADD) x = x + y[0];
            if (kind == NORMALISE) x = vfma(x - y[0], y[1], y[2]);
            if (kind == CLIP && operand[0]) x = vgreatest(x, y[0]);
            if (kind == CLIP && operand[1]) x = vleast(x, y[1]);
            vstore_first(c + j, ends ? vcanonical(x) : x, n);
        }
    }
}

static void finish(const Epilogue *e, const Part *part) {
    static const Step nothing = {.kind = NOTHING};
    static const float *const none[3];
    if (!e->steps) finish_step(part, &nothing, none, NOTHING, 1);
    for (int64_t s = 0; s < e->steps; s++) {
        const Step *step = &e->step[s];
        const float *const *given = &e->operands[3 * s];
        const int ends = s + 1 == e->steps;
#define CASE(kind) \
    case kind: \
        if (ends) finish_step(part, step, given, kind, 1); \
        else finish_step(part, step, given, kind, 0); \
        break
        switch (step->kind) {
            CASE(ADD);
            CASE(NORMALISE);
            CASE(CLIP);
        }
#undef CASE
    }
}

#endif
