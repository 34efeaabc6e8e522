/* What every kernel begins with: its name, and the sharing of its work among threads.
 *
 * A kernel is compiled once for each instruction set; KERNEL(matmul) is `matmul_avx2` in one of the objects. It
 * takes pointers and int64_t alone, trusts its caller (native/products.py) for shapes, and returns 0 or more, or −ENOMEM.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#define JOIN_(name, set) name##_##set
#define JOIN(name, set) JOIN_(name, set)
#define KERNEL(name) EXPORT int64_t JOIN(name, ISA)

/* Runs body(context, task, lane) for each task from 0, on at most `threads` threads, this one included, in IEEE
 * 754's default environment (nearest, nothing flushed). No two that run at once have the same lane; lanes are
 * fewer than `threads` and than `tasks`. A task must depend on nothing that another one writes. */
typedef void (*Body)(void *context, int64_t task, int64_t lane);
void parallel(int64_t threads, int64_t tasks, Body body, void *context);

INLINE int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t greatest_of(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Where the `part`-th of `parts` nearly equal pieces of 0 … total begins. */
INLINE int64_t piece(int64_t total, int64_t parts, int64_t part) {
    return total / parts * part + least_of(part, total % parts);
}

#endif
