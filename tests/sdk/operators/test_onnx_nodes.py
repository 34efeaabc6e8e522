"""Every case of ONNX's node tests that the operators take in gives what ONNX says, within its tolerance.

`refused_onnx_nodes.txt` lists the cases that are refused before they run, with the reason; it is exact.
"""

from pathlib import Path

import numpy as np
import pytest

from assay.operators.registry import operators
from assay.program.graph import Unsupported
from tests.sdk.operators.onnx_nodes import cases, runs

LIST = Path(__file__).with_name("refused_onnx_nodes.txt")


@pytest.mark.parametrize("name", [*sorted(operators()), "expanded"], ids=str)
def test_cases_of(name):
    refused = refused_cases()
    for case in cases()[name]:
        try:
            every = list(runs(case))
        except Unsupported as error:
            assert refused.get(case.name) == str(error).partition(": ")[2], case.name
            continue
        assert case.name not in refused
        for runner, inputs, wanted in every:
            got = runner.run(inputs)
            for each, expected in zip(runner.program.outputs, wanted, strict=True):
                assert (got[each].dtype, got[each].shape) == (expected.dtype, expected.shape), case.name
                np.testing.assert_allclose(got[each], expected, rtol=case.rtol, atol=case.atol, err_msg=case.name)


def refused_cases():
    lines = LIST.read_text("utf-8").splitlines()
    return dict(line.split(" | ", 1) for line in lines if line)


def test_no_case_is_listed_that_does_not_exist():
    every = {case.name for some in cases().values() for case in some}
    assert refused_cases().keys() <= every
