"""Hostile uploads: each is refused by a finding, within the limits, and never by an exception."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from assay.digest import sha256
from assay.modelfile.examining import check, read
from inference.validation import Limits, Report, validate_sync
from tests.inference.attacks import ATTACKS, Attack

QUICK = Limits(cpu_s=2, wall_s=30.0)
SAMPLE = 9  # one in so many of the attacks that need no run goes through the whole as well


def examined(folder: Path, data: bytes, limits: Limits = QUICK) -> Report:
    file = folder / "upload.onnx"
    file.write_bytes(data)
    return validate_sync(file, limits)


def without_a_run(data: bytes) -> list[str]:
    """Codes of the errors found before anything is run; empty if it takes a run."""
    model, facts = read(data, QUICK)
    if model is not None and not facts.refused:
        facts = check(model, facts, QUICK)
    return [finding.code for finding in facts.findings if finding.level == "error"]


@pytest.mark.parametrize(("number", "attack"), list(enumerate(ATTACKS)), ids=[attack.name for attack in ATTACKS])
def test_refused(tmp_path, number: int, attack: Attack):
    data = attack.data()
    errors = without_a_run(data)
    if errors:
        assert attack.code in errors
    if errors and number % SAMPLE:
        return  # the whole, in its process, differs only by what follows
    report = examined(tmp_path, data)
    assert attack.code in [finding.code for finding in report.findings if finding.level == "error"]
    assert not report.accepted
    assert (report.digest, report.size) == (sha256(data), len(data))
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
