"""The kernels that tests run on: for every instruction set of this machine or, if asked to, for NEON, emulated."""

import os
from functools import lru_cache

from native import loader
from tests.native.emulated import Emulated

EMULATE = "TEST_NEON"  # `make test-neon` sets it


@lru_cache
def every():
    if os.environ.get(EMULATE):
        return (Emulated(),)
    return tuple(loader.load(isa) for isa in loader.supported())
