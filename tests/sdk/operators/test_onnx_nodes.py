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
    reasons = {case.name: hold(case) for case in cases()[name]}
    listed = refused_cases()
    assert {case: reason for case, reason in reasons.items() if reason} == {
        case: listed[case] for case in reasons if case in listed
    }


def hold(case):
    """Holds the outputs against ONNX's; or gives the reason why it is refused before it runs."""
    try:
        every = list(runs(case))
    except Unsupported as error:
        return str(error).partition(": ")[2]
    for runner, inputs, wanted in every:
        got = runner.run(inputs)
        for each, expected in zip(runner.program.outputs, wanted, strict=True):
            assert (got[each].dtype, got[each].shape) == (expected.dtype, expected.shape), case.name
            np.testing.assert_allclose(got[each], expected, rtol=case.rtol, atol=case.atol, err_msg=case.name)
    return ""


def refused_cases():
    lines = LIST.read_text("utf-8").splitlines()
    return dict(line.split(" | ", 1) for line in lines if line)


def test_no_case_is_listed_that_does_not_exist():
    every = {case.name for some in cases().values() for case in some}
    assert refused_cases().keys() <= every
