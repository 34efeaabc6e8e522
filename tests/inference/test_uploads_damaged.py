"""Files cut short or with bytes changed: the answer is a report, whatever the damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.digest import sha256
from inference.validation import Limits, Report, validate_sync
from tests.inference import models

MODEL = models.affine(opset_imports=[models.helper.make_opsetid("", models.OPSET)]).SerializeToString()
SMALL = Limits(memory_bytes=2**30, cpu_s=2, wall_s=30.0)
flips = st.lists(st.tuples(st.integers(0, len(MODEL) - 1), st.integers(0, 255)), min_size=1, max_size=8)


def damaged(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(MODEL)
    for position, byte in changes:
        data[position] = byte
    return bytes(data)


@pytest.fixture(scope="module")
def upload(tmp_path_factory):
    def examined(data: bytes) -> Report:
        file = tmp_path_factory.mktemp("upload") / "m.onnx"
        file.write_bytes(data)
        return validate_sync(file, SMALL)

    return examined


def test_cut_short_at_intervals_is_refused_by_the_whole(upload):
    for end in range(0, len(MODEL), len(MODEL) // 3):
        report = upload(MODEL[:end])
        assert not report.accepted
        assert report.digest == sha256(MODEL[:end])


@settings(max_examples=6, deadline=None)
@given(flips)
def test_changed_bytes_always_end_in_a_report(upload, changes):
    data = damaged(changes)
    report = upload(data)
    assert (report.digest, report.size) == (sha256(data), len(data))
    assert report.accepted or report.findings
