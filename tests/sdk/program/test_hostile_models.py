"""Nodes of ONNX's tests, changed at random and followed by others, are refused, or all that run them give the same
bits. `make fuzz-operators` tries many more.
"""

import pytest

from native import loader
from tests.fuzz.executing import execute
from tests.fuzz.models import hostile

KERNELS = [loader.load(isa) for isa in loader.supported()]
MODELS = 100  # of each part


@pytest.mark.parametrize("part", range(4))
def test_a_changed_model_is_refused_or_gives_the_same_bits_everywhere(part):
    done = [
        execute(hostile(seed), [KERNELS[seed % len(KERNELS)]], (1 + seed % 8,))
        for seed in range(part * MODELS, (part + 1) * MODELS)
    ]
    assert sum(each.compared for each in done) > MODELS
    assert sum(bool(each.refused) for each in done) > MODELS // 10
