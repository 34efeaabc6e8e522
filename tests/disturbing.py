"""Libraries that change how this processor rounds as soon as they are loaded, as careless ones do."""

import platform
import subprocess

SOURCE = """
#if defined(__x86_64__)
#include <xmmintrin.h>
__attribute__((constructor)) static void disturb(void) { _mm_setcsr(_mm_getcsr() | BITS); }
#else
__attribute__((constructor)) static void disturb(void) {
    unsigned long before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | BITS));
}
#endif
"""
MXCSR = {
    "results are flushed": 0x8000,
    "operands are flushed": 0x0040,
    "both are flushed": 0x8040,
    "down": 0x2000,
    "up": 0x4000,
    "towards zero": 0x6000,
}
FPCR = {"both are flushed": 1 << 24, "down": 2 << 22, "up": 1 << 22, "towards zero": 3 << 22}
DISTURBANCES = {"x86_64": MXCSR, "aarch64": FPCR}[platform.machine()]


def compiled(folder, disturbance):
    """The path of one that does this."""
    source = folder / f"{disturbance.replace(' ', '-')}.c"
    source.write_text(f"#define BITS {DISTURBANCES[disturbance]}ul\n{SOURCE}")
    made = source.with_suffix(".so")
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", made], check=True)
    return made
