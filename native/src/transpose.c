/* Axes in another order. The axis that was last goes elsewhere (else it is copying, which needs no kernel).
 *
 * x and y are seen as planes of two axes: `across`, which lies next to each other in x, and `down`, which does in
 * y. Squares of them are turned that fit into the nearest cache.
 */
#include <string.h>

#include "share.h"

enum { MOST_AXES = 8, SQUARE = 32, WORTH = 32768 };

typedef uint32_t Four __attribute__((vector_size(16)));

typedef struct {
    const void *x;
    void *y;
    int64_t across, down, x_down, y_across; /* lengths; strides, in elements, those of the other two being 1 */
    int64_t axes, length[MOST_AXES], x_stride[MOST_AXES], y_stride[MOST_AXES]; /* of the planes */
} Transpose;

#define TURN(type)                                                                                                \
    INLINE void turn_##type(const type *x, int64_t x_down, type *restrict y, int64_t y_across, int64_t across,    \
                            int64_t down) {                                                                       \
        for (int64_t a = 0; a < across; a++)                                                                      \
            for (int64_t d = 0; d < down; d++) y[a * y_across + d] = x[d * x_down + a];                           \
    }
TURN(uint8_t)
TURN(uint16_t)
TURN(uint32_t)
TURN(uint64_t)

INLINE Four load_four(const uint32_t *p) {
    Four x;
    memcpy(&x, p, 16);
    return x;
}

/* Sixteen at a time in registers. */
INLINE void turn_fours(const uint32_t *x, int64_t x_down, uint32_t *y, int64_t y_across, int64_t across,
                       int64_t down) {
    const Four low = {0, 4, 1, 5}, high = {2, 6, 3, 7}, left = {0, 1, 4, 5}, right = {2, 3, 6, 7};
    int64_t a = 0;
    for (; a + 4 <= across; a += 4) {
        int64_t d = 0;
        for (; d + 4 <= down; d += 4) {
            const uint32_t *from = x + d * x_down + a;
            Four r0 = load_four(from), r1 = load_four(from + x_down);
            Four r2 = load_four(from + 2 * x_down), r3 = load_four(from + 3 * x_down);
            Four a0 = __builtin_shuffle(r0, r1, low), a1 = __builtin_shuffle(r0, r1, high);
            Four b0 = __builtin_shuffle(r2, r3, low), b1 = __builtin_shuffle(r2, r3, high);
            const Four made[4] = {__builtin_shuffle(a0, b0, left), __builtin_shuffle(a0, b0, right),
                                  __builtin_shuffle(a1, b1, left), __builtin_shuffle(a1, b1, right)};
            for (int i = 0; i < 4; i++) memcpy(y + (a + i) * y_across + d, &made[i], 16);
        }
        turn_uint32_t(x + d * x_down + a, x_down, y + a * y_across + d, y_across, 4, down - d);
    }
    turn_uint32_t(x + a, x_down, y + a * y_across, y_across, across - a, down);
}

#define TRANSPOSE(type, turn)                                                                                     \
    static void type##_strips(const void *job, int64_t from, int64_t to) {                                        \
        const Transpose *t = job;                                                                                 \
        const int64_t strips = ceiling(t->across, SQUARE);                                                        \
        for (int64_t strip = from; strip < to; strip++) {                                                         \
            const type *x = t->x;                                                                                 \
            type *y = t->y;                                                                                       \
            int64_t plane = strip / strips, a = strip % strips * SQUARE;                                          \
            for (int64_t axis = t->axes - 1; axis >= 0; axis--) {                                                 \
                x += plane % t->length[axis] * t->x_stride[axis];                                                 \
                y += plane % t->length[axis] * t->y_stride[axis];                                                 \
                plane /= t->length[axis];                                                                         \
            }                                                                                                     \
            for (int64_t d = 0; d < t->down; d += SQUARE)                                                         \
                turn(x + d * t->x_down + a, t->x_down, y + a * t->y_across + d, t->y_across,                      \
                     least_of(SQUARE, t->across - a), least_of(SQUARE, t->down - d));                             \
        }                                                                                                         \
    }
TRANSPOSE(uint8_t, turn_uint8_t)
TRANSPOSE(uint16_t, turn_uint16_t)
TRANSPOSE(uint32_t, turn_fours)
TRANSPOSE(uint64_t, turn_uint64_t)

/* `table`: across, down, x_down, y_across; how many axes the planes have; length, stride in x and in y of each. */
KERNEL(transpose)(int64_t threads, int64_t bytes, const int64_t *table, const void *x, void *y) {
    Transpose t = {x, y, table[0], table[1], table[2], table[3], table[4], {0}, {0}, {0}};
    int64_t planes = 1;
    for (int64_t axis = 0; axis < t.axes; axis++) {
        t.length[axis] = table[5 + 3 * axis];
        t.x_stride[axis] = table[6 + 3 * axis];
        t.y_stride[axis] = table[7 + 3 * axis];
        planes *= t.length[axis];
    }
    Range strips = bytes == 1   ? uint8_t_strips
                   : bytes == 2 ? uint16_t_strips
                   : bytes == 4 ? uint32_t_strips
                                : uint64_t_strips;
    share(threads, planes * ceiling(t.across, SQUARE), WORTH / SQUARE / greatest_of(t.down, 1), strips, &t);
    return 0;
}
