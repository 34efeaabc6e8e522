/* Decision trees: the walk from root to leaf, the votes of leaves in the order of the trees (section 7).
 *
 * Several rows go down a tree together. A leaf is its own child, so that who arrives early waits there.
 */
#include "share.h"

enum { LEQ, LT, GTE, GT, EQ, NEQ, MIXED }; /* what nodes ask: sdk/assay/operators/learned/forest.py */
enum { SUM, AVERAGE, LEAST, GREATEST };    /* as in native/forests.py */
enum { ABREAST = 8 };

/* As in native/forests.py. */
typedef struct {
    double threshold;
    int32_t feature, child[2]; /* of what is false, of what is true */
    uint8_t mode, missing;     /* missing: whether a NaN goes where what is true goes */
    uint16_t votes;
    int64_t first; /* vote */
} Node;

typedef struct {
    int64_t features, targets, trees, asked, aggregate;
    const Node *node;
    const int64_t *root, *target;
    const void *x, *weight;
    void *y;
    uint8_t *voted;
} Forest;

INLINE int answer(const int asked, int mode, double value, double threshold) {
    switch (asked == MIXED ? mode : asked) {
    case LEQ: return value <= threshold;
    case LT: return value < threshold;
    case GTE: return value >= threshold;
    case GT: return value > threshold;
    case EQ: return value == threshold;
    default: return value != threshold;
    }
}

/* NaN if either is; of two zeros +0, or −0 for the lesser. */
#define EXTREME(a, b, before, sign)                                                                               \
    ((a) != (a) ? (a) : (b) != (b) ? (b) : (a) == (b) ? (sign ? (b) : (a)) : (a)before(b) ? (a) : (b))

#define FOREST(name, value_type, score_type, sign_of, nan_of)                                                     \
    INLINE void name##_descend(const Forest *f, int64_t root, const value_type *x, const int rows,                \
                               const int asked, int32_t *at) {                                                    \
        for (int i = 0; i < rows; i++) at[i] = (int32_t)root;                                                     \
        for (int32_t moved = 1; moved;) {                                                                         \
            moved = 0;                                                                                            \
            for (int i = 0; i < rows; i++) {                                                                      \
                const Node *node = f->node + at[i];                                                               \
                const double value = (double)x[i * f->features + node->feature];                                  \
                int truth = answer(asked, node->mode, value, node->threshold);                                    \
                int32_t next = node->child[value != value ? node->missing : truth];                               \
                moved |= next ^ at[i];                                                                            \
                at[i] = next;                                                                                     \
            }                                                                                                     \
        }                                                                                                         \
    }                                                                                                             \
    INLINE void name##_ask(const Forest *f, int64_t root, const value_type *x, const int rows, int32_t *at) {     \
        if (f->asked == LEQ) name##_descend(f, root, x, rows, LEQ, at);                                           \
        else if (f->asked == LT) name##_descend(f, root, x, rows, LT, at);                                        \
        else name##_descend(f, root, x, rows, MIXED, at);                                                         \
    }                                                                                                             \
    INLINE void name##_vote(const Forest *f, const Node *leaf, score_type *y, uint8_t *voted) {                   \
        for (int64_t v = leaf->first; v < leaf->first + leaf->votes; v++) {                                       \
            const int64_t target = f->target[v];                                                                  \
            const score_type score = y[target], weight = ((const score_type *)f->weight)[v];                      \
            if (f->aggregate == LEAST) y[target] = EXTREME(score, weight, <, !sign_of(score));                    \
            else if (f->aggregate == GREATEST) y[target] = EXTREME(score, weight, >, sign_of(score));             \
            else y[target] = score + weight;                                                                      \
            voted[target] = 1;                                                                                    \
        }                                                                                                         \
    }                                                                                                             \
    static void name##_rows(const void *job, int64_t from, int64_t to) {                                          \
        const Forest *f = job;                                                                                    \
        score_type *y = (score_type *)f->y + from * f->targets;                                                   \
        uint8_t *voted = f->voted + from * f->targets;                                                            \
        const score_type infinite = (score_type)__builtin_inf();                                                  \
        const score_type start = f->aggregate == LEAST ? infinite : f->aggregate == GREATEST ? -infinite : 0;     \
        const int64_t scores = (to - from) * f->targets;                                                          \
        for (int64_t i = 0; i < scores; i++) y[i] = start, voted[i] = 0;                                          \
        for (int64_t tree = 0; tree < f->trees; tree++)                                                           \
            for (int64_t row = from; row < to; row += ABREAST) {                                                  \
                const value_type *x = (const value_type *)f->x + row * f->features;                               \
                int64_t rows = least_of(ABREAST, to - row);                                                       \
                int32_t at[ABREAST];                                                                              \
                if (rows == ABREAST) name##_ask(f, f->root[tree], x, ABREAST, at);                                \
                else                                                                                              \
                    for (int64_t i = 0; i < rows; i++)                                                            \
                        name##_ask(f, f->root[tree], x + i * f->features, 1, at + i);                             \
                for (int64_t i = 0; i < rows; i++)                                                                \
                    name##_vote(f, f->node + at[i], y + (row - from + i) * f->targets,                            \
                                voted + (row - from + i) * f->targets);                                           \
            }                                                                                                     \
        for (int64_t i = 0; i < scores; i++) {                                                                    \
            if (!voted[i]) y[i] = 0;                                                                              \
            if (f->aggregate == AVERAGE) y[i] = y[i] / (score_type)f->trees;                                      \
            if (y[i] != y[i]) y[i] = nan_of("");                                                                  \
        }                                                                                                         \
    }                                                                                                             \
    KERNEL(name)(int64_t threads, int64_t rows, const int64_t *sizes, const Node *node, const int64_t *root,      \
                 const int64_t *target, const void *weight, const void *x, void *y, uint8_t *voted) {             \
        Forest f = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], node, root, target, x, weight, y, voted};   \
        share(threads, rows, 4096 / greatest_of(f.trees, 1) + 1, name##_rows, &f);                                \
        return 0;                                                                                                 \
    }

FOREST(forest_single, float, float, __builtin_signbit, __builtin_nanf)
FOREST(forest_mixed, float, double, __builtin_signbit, __builtin_nan)
FOREST(forest_double, double, double, __builtin_signbit, __builtin_nan)
