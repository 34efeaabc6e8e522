"""Files cut short, changed, or of any bytes: the reader answers with a report, whatever the damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.modelfile.examining import examine, read
from assay.modelfile.report import Report
from tests.sdk.program.building import model, node, tensor

NODES = [node("Mul", "x two", "h", name="double"), node("Add", "h one", "y")]
MODEL = model(
    NODES, [tensor("x", "n", 4)], [tensor("y", "n", 4)], two=np.float32(2), one=np.float32(1)
).SerializeToString()
flips = st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.integers(0, 255)), min_size=1, max_size=8)


def damaged(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(MODEL)
    for position, byte in changes:
        data[position] = byte
    return bytes(data)


def test_whole_it_is_accepted():
    assert examine(MODEL).accepted


@pytest.mark.parametrize("end", range(len(MODEL)))
def test_cut_short_anywhere_is_refused(end):
    _, facts = read(MODEL[:end])
    assert facts.refused


@settings(max_examples=300, deadline=None)
@given(flips)
def test_changed_bytes_never_make_the_examination_fail(changes):
    assert isinstance(examine(damaged(changes)), Report)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_never_make_the_examination_fail(data):
    assert isinstance(examine(data), Report)
