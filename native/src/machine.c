/* Which instruction sets this processor has, and its operating system lets programs use. */
#include <string.h>

#include "kernel.h"

EXPORT int64_t supports(const char *set) {
    if (!strcmp(set, "portable")) return 1;
#if defined(__x86_64__)
    if (!strcmp(set, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!strcmp(set, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#elif defined(__aarch64__)
    if (!strcmp(set, "neon")) return 1;
#endif
    return 0;
}

/* What this library was made from: native/build.py writes it, and native/loader.py compares it. */
EXPORT const char made_from[] = MADE_FROM;
