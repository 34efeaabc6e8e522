"""C11 kernels behind ctypes: reproducible operators, bit for bit as `assay.operators` computes them, only faster.

    src/simd.h           vectors, the same on every instruction set; simd/*.h: what differs between them
    src/pool.c           threads; src/kernel.h: what a kernel begins with
    src/….c              kernels, each file compiled once for each instruction set into one library (build.py)
    loader.py            finds that library and the best instruction set of this machine, at run time
    checks.py            of types, shapes and memory, before any pointer goes down
    products.py          matrix products; epilogue.py: what is done to their results in the same go
    sites.py             a node with its arrays, which a binder turns into a call of a kernel
    implementation.py    whole programs, for `assay.program`; following.py: which nodes are one step
    elements.py …        elements, sums, moves, bytes, trees: checked callers, each beside its binders
    binders.py           all of these

To add a kernel: write `KERNEL(name)(…)` in a file in src/ that includes simd.h, taking pointers and int64_t alone
(build.py finds the file); write a function as in products.py, which checks, then calls `kernels.call("name", …)`;
declare a binder of the operator that uses it, as in elements.py; and hold it against its NumPy twin on every
instruction set, in tests/native/.

Work is split over outputs that do not depend on each other, so bits depend on neither threads nor vectors. Where
there is no compiler there is no library: `loader.load()` raises Unavailable, says what to install, and the caller
computes with `assay.operators` instead, slowly.
"""
