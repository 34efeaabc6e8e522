/* Elements of operands whose shapes are brought together, row by row: a row is the last axis, along which each
 * operand has a stride of 0 or 1.
 *
 * A plan is integers, from native/broadcasting.py: how many axes, MOST_AXES at most; their lengths; and the
 * strides of each operand along each of them, in elements. The result is row-major.
 */
#ifndef BROADCAST_H
#define BROADCAST_H

#include "share.h"

enum { MOST_AXES = 8, MOST_OPERANDS = 3 };

typedef struct {
    const int64_t *plan;
    const void *operand[MOST_OPERANDS];
    void *result;
    const void *given;
} Broadcast;

typedef struct {
    int64_t index[MOST_AXES], at[MOST_OPERANDS]; /* of the axes but the last; where a row of each operand begins */
} Row;

INLINE int64_t row_length(const int64_t *plan) { return plan[plan[0]]; }
INLINE int64_t stride_of(const int64_t *plan, int64_t operand, int64_t axis) {
    return plan[1 + (1 + operand) * plan[0] + axis];
}
INLINE int64_t last_stride(const int64_t *plan, int64_t operand) { return stride_of(plan, operand, plan[0] - 1); }

INLINE Row find_row(const int64_t *plan, int64_t number) {
    Row row = {0};
    for (int64_t axis = plan[0] - 2; axis >= 0; axis--) {
        row.index[axis] = number % plan[1 + axis];
        number /= plan[1 + axis];
        for (int64_t o = 0; o < MOST_OPERANDS; o++) row.at[o] += row.index[axis] * stride_of(plan, o, axis);
    }
    return row;
}

INLINE void next_row(const int64_t *plan, Row *row) {
    for (int64_t axis = plan[0] - 2; axis >= 0; axis--) {
        for (int64_t o = 0; o < MOST_OPERANDS; o++) row->at[o] += stride_of(plan, o, axis);
        if (++row->index[axis] < plan[1 + axis]) return;
        row->index[axis] = 0;
        for (int64_t o = 0; o < MOST_OPERANDS; o++) row->at[o] -= plan[1 + axis] * stride_of(plan, o, axis);
    }
}

/* Runs `body` for each row, or part of one, of elements from … to: its `n` elements begin at `first` in the
 * result, at `row.at[o] + column × last stride` in operand o. */
#define FOR_ROWS(b, from, to, body)                                                                               \
    do {                                                                                                          \
        const int64_t *plan_ = (b)->plan, length_ = row_length(plan_);                                            \
        Row row = find_row(plan_, (from) / length_);                                                              \
        for (int64_t first = (from), column = (from) % length_, n; first < (to); first += n, column = 0) {        \
            n = least_of(length_ - column, (to) - first);                                                         \
            body;                                                                                                 \
            next_row(plan_, &row);                                                                                \
        }                                                                                                         \
    } while (0)

#endif
