"""The published vectors: made again byte for byte, and each judged as its index says, through the command too."""

from __future__ import annotations

import json
from pathlib import Path

import pycddl
import pytest
from click.testing import CliRunner

from assay import receipt
from assay.cli import main
from assay.errors import Refused
from assay.verify import Trust, check, unreadable, verify
from docs.vectors import chains, defects, group, make, sample

FOLDER = Path(make.__file__).parent
INDEX = json.loads((FOLDER / "index.json").read_text())
OPTIONS = ("providers", "groups", "models", "input", "salt")
SCHEMA = pycddl.Schema((FOLDER.parent / "certificate.cddl").read_text())


OTHERS = ("README.md", "operators.json")  # written by hand, and by operators.py


def test_a_second_run_gives_the_same_bytes_and_no_file_is_left_over():
    made = make.build()
    committed = {
        str(path.relative_to(FOLDER)): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name not in OTHERS
    }
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


@pytest.mark.parametrize("vector", INDEX["vectors"], ids=lambda v: v["file"])
def test_a_vector_is_judged_as_the_index_says(vector):
    trust = Trust.of(vector["providers"], vector.get("groups", ()), vector.get("models", ()))
    report = judged(vector, trust)
    assert report.exit_code == vector["exit"]
    assert ("finding" in vector) == bool(report.findings)
    if "finding" in vector:
        assert vector["finding"] in [finding.code for finding in report.findings]


def judged(vector, trust):
    """As the command does, with the index's clock."""
    try:
        certificate, salt = receipt.read((FOLDER / vector["file"]).read_bytes())
    except Refused as refusal:
        return unreadable(refusal)
    if "input" not in vector:
        return check(certificate, trust, now=INDEX["now"])
    salt = bytes.fromhex(vector["salt"]) if "salt" in vector else salt
    from assay.cli.verify import checked_with_input

    return checked_with_input(certificate, trust, str(FOLDER / vector["input"]), salt)


def test_the_command_gives_the_same_exit_codes():
    """One run for each finding and set of options: the rest is covered above, without the command's set-up."""
    chosen = {
        (vector.get("finding"), vector["exit"], *(name for name in OPTIONS if vector.get(name))): vector
        for vector in INDEX["vectors"]
    }
    assert {vector["exit"] for vector in chosen.values()} == {vector["exit"] for vector in INDEX["vectors"]}
    for vector in chosen.values():
        arguments = [str(FOLDER / vector["file"])]
        for option in ("provider", "group", "model"):
            arguments += [word for each in vector.get(f"{option}s", ()) for word in (f"--{option}", each)]
        arguments += ["--input", str(FOLDER / vector["input"])] if "input" in vector else []
        arguments += ["--salt", vector["salt"]] if "salt" in vector else []
        result = CliRunner().invoke(main, ["verify", *arguments])
        assert (vector["file"], result.exit_code) == (vector["file"], vector["exit"])


@pytest.mark.parametrize("one", [sample.digit(), sample.row(), sample.tensors()], ids=["digit", "row", "tensors"])
def test_every_field_altered_in_turn_is_refused(one):
    """Walks the structure, so a field added later is covered. Pins play no part: the evidence itself must fail."""
    seen = 0
    for name, document, _ in [*defects.altered(one), *defects.misshapen(one)]:
        try:
            certificate, _ = receipt.read(document)
        except Refused:
            continue
        report = check(certificate, Trust(), now=INDEX["now"])
        assert not report.valid, name
        assert {finding.code for finding in report.findings} & {"bad-signature", "bad-path"}, name
        seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    "case",
    [
        *(group.GOOD[f"group-{name}"] for name in ("rows", "median", "failed-unheard")),
        *(chains.GOOD[f"chain-{name}"] for name in ("of-three", "key-rotated")),
    ],
    ids=lambda case: f"{case.group.slug}, epoch {case.group.configuration.epoch}",
)
def test_every_field_of_a_groups_certificate_altered_in_turn_is_refused(case):
    """Here every member and every model of every epoch is walked; pins play no part."""
    seen = 0
    for defect, document, _ in [*defects.altered(case), *defects.misshapen(case)]:
        report = verify(document, Trust(), now=INDEX["now"])
        assert not report.valid, defect
        seen += report.certificate is not None
    assert seen > 100


GOOD = sorted(FOLDER.glob("good/*.cbor"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_real_certificates_satisfy_the_schema(path):
    SCHEMA.validate_cbor(path.read_bytes())


@pytest.mark.parametrize(
    "one",
    [
        *(sample.digit(), sample.row(), sample.tensors()),
        *(group.GOOD["group-failed"], group.GOOD["group-median"], chains.TWO),
    ],
    ids=["digit", "row", "tensors", "group", "group of values", "a later epoch"],
)
def test_the_schema_refuses_every_missing_and_every_unknown_field(one):
    for name, document, _ in defects.misshapen(one):
        # pycddl overlooks further keys of maps in arrays, and keys missing in one of a choice of them
        in_a_list = name.startswith("unknown-field") and name[-1].isdigit()
        in_a_list |= name.startswith("missing-evidence-ended-said-")
        of_the_mode = name.startswith("missing-statement-params")  # what they are is the mode's
        assert in_a_list or of_the_mode or not satisfies_schema(document), name


def satisfies_schema(document: bytes) -> bool:
    try:
        SCHEMA.validate_cbor(document)
    except pycddl.ValidationError:
        return False
    return True
