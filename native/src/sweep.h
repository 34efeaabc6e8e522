/* A window that goes over three axes, of which the first may be 1 long. native/pools.py describes it. */
#ifndef SWEEP_H
#define SWEEP_H

#include "kernel.h"

typedef struct {
    int64_t size[3], places[3], kernel[3], strides[3], dilations[3], before[3];
} Sweep;

/* Where tap k of an axis falls on for place o; −1 beyond the input. */
INLINE int64_t tap(const Sweep *s, int axis, int64_t o, int64_t k) {
    int64_t at = o * s->strides[axis] + k * s->dilations[axis] - s->before[axis];
    return at >= 0 && at < s->size[axis] ? at : -1;
}

#endif
