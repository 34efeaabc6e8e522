"""The self-test by the kernels: every case on every instruction set, by one thread and by several."""

import platform
import subprocess
import sys

import numpy as np
import pytest

from assay.program import selftest
from assay.program.cases import CASES
from native import build, loader
from native.implementation import Native
from native.sites import BINDERS
from tests import disturbing


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_the_kernels_give_the_known_hashes(kernels, threads):
    wrong = [case.name for case in CASES if selftest.hashes(case, Native(kernels, threads)) != known(case)]
    assert wrong == []


def known(case):
    return selftest.known()[case.name]


class Recording:
    """Kernels that remember which of them were bound or called."""

    def __init__(self):
        self.kernels = loader.load()
        self.isa = self.kernels.isa
        self.asked = set()

    def bind(self, name, *arguments):
        self.asked.add(name)
        return self.kernels.bind(name, *arguments)

    def call(self, name, *arguments):
        self.asked.add(name)
        return self.kernels.call(name, *arguments)


def test_every_kernel_is_asked_by_some_case():
    recording = Recording()
    for case in CASES:
        selftest.hashes(case, Native(recording))
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", build.path_of(platform.machine())],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    symbols = [line.split()[-1] for line in listed.stdout.splitlines()]
    suffix = f"_{recording.isa}"
    assert {each.removesuffix(suffix) for each in symbols if each.endswith(suffix)} == recording.asked


@pytest.mark.parametrize(("domain", "name"), sorted(BINDERS), ids=lambda part: part or "onnx")
def test_a_kernel_that_is_wrong_in_one_bit_is_found(domain, name, monkeypatch):
    bind = BINDERS[domain, name]

    def careless(site):
        call = bind(site)
        return call and (lambda: (call(), _flip(site)))

    monkeypatch.setitem(BINDERS, (domain, name), careless)
    monkeypatch.setattr(
        selftest, "CASES", [each for each in CASES if (each.domain, each.operator) == (domain, name)]
    )
    with pytest.raises(selftest.WrongMachine, match=f"^/{name}-.*other bits"):
        selftest.require(lambda: Native(loader.load()))


def _flip(site):
    """The last bit of the last output."""
    made = next(each for each in reversed(site.writes) if each is not None)
    made.reshape(-1).view(np.uint8)[-1:] ^= 1


LATER = """
import ctypes, sys, os
import numpy as np
from native import build, loader
from native.products import matmul
ctypes.CDLL(sys.argv[1])  # threads are born as the one that starts them is
kernels = loader.load(sys.argv[2])
tiny = np.full((500, 1), 3, np.uint32).view(np.float32)
before = len(os.listdir("/proc/self/task"))
for threads in (8, 1, 3):
    made = matmul(kernels, tiny, np.ones((1, 500), np.float32), threads=threads)
    assert (made.view(np.uint32) == 3).all(), "flushed"
assert len(os.listdir("/proc/self/task")) == before + 7
"""


@pytest.mark.parametrize("disturbance", ["both are flushed", "towards zero"])
def test_threads_that_are_started_by_one_who_flushes_or_rounds_otherwise_compute_right(disturbance, tmp_path):
    made = disturbing.compiled(tmp_path, disturbance)
    for isa in loader.supported():
        subprocess.run([sys.executable, "-c", LATER, made, isa], check=True)


SHARED = """
import os
from assay.program import selftest
from native import build, loader
from native.implementation import Native
before = len(os.listdir("/proc/self/task"))
selftest.require(lambda: Native(loader.load(), 4))
assert len(os.listdir("/proc/self/task")) == before + 3
"""


def test_the_self_test_asks_the_threads_of_the_pool_too():
    subprocess.run([sys.executable, "-c", SHARED], check=True)
