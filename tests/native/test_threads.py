"""Kernels called from several threads, from a forked child, and by who flushes subnormals."""

import ctypes
import os
import platform
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assay.operators import products
from native.products import matmul
from tests.native.comparing import numbers, same_bits

FLUSHING = """
#if defined(__x86_64__)
#include <xmmintrin.h>
void flush(int on) { _mm_setcsr(on ? 0x9FC0 : 0x1F80); }
#else
void flush(int on) { __asm__ volatile("msr fpcr, %0" : : "r"((long)on << 24)); }
#endif
"""


@pytest.fixture(scope="module")
def flush(tmp_path_factory):
    """Switches the flushing of subnormals to zero on, as careless libraries leave it, and off."""
    assert platform.machine() in {"x86_64", "aarch64"}
    source = tmp_path_factory.mktemp("flushing") / "flushing.c"
    source.write_text(FLUSHING)
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", source.with_suffix(".so")], check=True)
    return ctypes.CDLL(str(source.with_suffix(".so"))).flush


def test_a_caller_that_flushes_subnormals_gets_the_same_bits_and_goes_on_flushing(kernels, flush):
    tiny = np.uint32([[1, 2, 0x80000003]]).view(np.float32)
    one = np.ones((1, 1), np.float32)
    column = np.ascontiguousarray(tiny.T)
    flush(1)
    try:
        flushed = float(np.float32(1e-40) * np.float32(1)) == 0
        got = matmul(kernels, column, one, threads=2)
    finally:
        flush(0)
    assert flushed, "the test's own premise"
    same_bits(got, column)


def test_many_callers_at_once(kernels):
    rng = np.random.default_rng(4)
    a, b = numbers(rng, 100, 40), numbers(rng, 40, 600)
    wanted = products.matmul(a, b)
    with ThreadPoolExecutor(6) as callers:
        for got in callers.map(lambda threads: matmul(kernels, a, b, threads=threads), [1, 2, 3, 8, 64] * 20):
            same_bits(got, wanted)


def test_a_child_of_a_fork_has_threads_of_its_own(kernels):
    rng = np.random.default_rng(5)
    a, b = numbers(rng, 50, 30), numbers(rng, 30, 600)
    wanted = matmul(kernels, a, b, threads=3)
    child = os.fork()
    if not child:  # whatever happens, the child must not go on as a second pytest
        same = False
        try:
            same = bool((matmul(kernels, a, b, threads=3) == wanted).all())
        finally:
            os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    same_bits(matmul(kernels, a, b, threads=3), wanted)
