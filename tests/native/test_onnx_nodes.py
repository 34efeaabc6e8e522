"""ONNX's node tests once more: the kernels give the bits of the plain operators."""

import pytest

from assay.operators.registry import operators
from assay.program.graph import Unsupported
from assay.program.running import Runner
from native import loader
from native.implementation import Native
from tests.native.comparing import same_bits
from tests.sdk.operators.onnx_nodes import cases, runs


@pytest.mark.parametrize("name", [*sorted(operators()), "expanded"], ids=str)
def test_cases_of(name):
    for case in cases()[name]:
        try:
            every = list(runs(case))
        except Unsupported:
            continue  # as tests/sdk/operators/refused_onnx_nodes.txt has it
        for plain, inputs, _ in every:
            wanted = plain.run(inputs)
            compiled = Runner(plain.program, Native(loader.load())).run(inputs)
            for output in wanted:
                same_bits(compiled[output], wanted[output])
