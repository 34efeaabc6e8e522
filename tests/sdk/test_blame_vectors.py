"""The published evidence: each piece judged as blame.json says, by the check and through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.agreement.blame.evidence import parse
from assay.agreement.blame.guilt import require_guilt
from assay.cli import main
from assay.errors import AssayError
from docs.vectors import blamed

FOLDER = Path(blamed.__file__).parent
INDEX = json.loads((FOLDER / "blame.json").read_text())
KINDS = {type(each).__name__ for each in blamed.good().values()}


def test_there_is_one_of_each_kind():
    assert len(blamed.good()) == 10
    assert len(KINDS) == 8


@pytest.mark.parametrize("vector", INDEX["vectors"], ids=lambda each: f"{each['file']}-{each['exit']}")
def test_a_piece_is_judged_as_the_index_says(vector):
    if vector["exit"] != 1:
        assert judged(vector) == vector["accused"]
        return
    with pytest.raises(AssayError) as refusal:
        judged(vector)
    assert refusal.value.code == vector["finding"]


def judged(vector) -> list[str]:
    """The keys of the guilty."""
    evidence = parse((FOLDER / vector["file"]).read_bytes())
    pin = bytes.fromhex(vector["groups"][0]) if vector["groups"] else evidence.group
    return [str(each.key) for each in require_guilt(evidence, pin)]


def test_the_command_gives_the_same_exit_codes():
    """One for each kind and way to be wrong: the rest is covered above."""
    chosen = {(each["exit"], each["file"].split("/")[1]): each for each in INDEX["vectors"]}.values()
    for vector in chosen:
        options = [word for each in vector["groups"] for word in ("--group", each)]
        result = CliRunner().invoke(main, ["audit", "--check", str(FOLDER / vector["file"]), *options])
        assert (vector["file"], result.exit_code) == (vector["file"], vector["exit"])
