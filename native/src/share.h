/* One range of elements, or of rows, shared among threads in pieces that are worth a thread each. */
#ifndef SHARE_H
#define SHARE_H

#include "kernel.h"

typedef void (*Range)(const void *job, int64_t from, int64_t to);

typedef struct {
    Range range;
    const void *job;
    int64_t count, pieces;
} Share;

static void share_piece(void *context, int64_t task, int64_t lane) {
    const Share *s = context;
    (void)lane;
    s->range(s->job, piece(s->count, s->pieces, task), piece(s->count, s->pieces, task + 1));
}

/* range(job, from, to) for pieces of 0 … count, of at least `worth` each. */
INLINE void share(int64_t threads, int64_t count, int64_t worth, Range range, const void *job) {
    if (count <= 0) return;
    int64_t pieces = least_of(threads == 1 ? 1 : 4 * threads, count / greatest_of(worth, 1));
    Share s = {range, job, count, greatest_of(pieces, 1)};
    parallel(threads, s.pieces, share_piece, &s);
}

#endif
