"""C11 kernels behind ctypes: reproducible operators and the prover."""
