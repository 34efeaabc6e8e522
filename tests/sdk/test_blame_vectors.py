"""The published evidence: each piece judged as blame.json says, by the check and through the command."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pycddl
import pytest
from click.testing import CliRunner

from assay import cbor
from assay.agreement.blame import transcript
from assay.agreement.blame.evidence import parse
from assay.agreement.blame.guilt import require_guilt
from assay.cli import main
from assay.errors import AssayError
from assay.fields import plain
from assay.verify.audit import audit, read
from docs.vectors import blamed, defects

FOLDER = Path(blamed.__file__).parent
SCHEMAS = "".join((FOLDER.parent / f"{name}.cddl").read_text() for name in ("blame", "certificate"))
INDEX = json.loads((FOLDER / "blame.json").read_text())
KINDS = {type(each).__name__ for each in blamed.good().values()}


def test_there_is_one_of_each_kind():
    assert len(blamed.good()) == 12
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


@pytest.mark.parametrize("vector", INDEX["transcripts"], ids=lambda each: each["file"])
def test_an_audit_finds_in_a_transcript_what_the_index_says(vector):
    found = audit(read((FOLDER / vector["file"]).read_bytes()))
    assert [{"kind": each.kind, "sha256": each.id.hex()} for each in found.evidence] == vector["found"]
    assert (len(vector["found"]), found.unproven) == (2, 0)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("blame/*.cbor")), ids=lambda path: path.name)
def test_what_is_published_satisfies_the_schema(path):
    schema_of(path.stem).validate_cbor(path.read_bytes())


@pytest.mark.parametrize("name", [*blamed.good(), "transcript"])
def test_the_schema_and_the_reader_refuse_every_missing_and_every_unknown_field(name):
    whole = blamed.good().get(name) or blamed.transcript()
    reader = transcript.parse if name == "transcript" else parse
    seen = 0
    for defect, document, _ in defects.misshapen(SimpleNamespace(certificate=whole)):
        with pytest.raises(AssayError):
            reader(document)
        # pycddl overlooks further keys of maps in arrays, and keys missing in one of a choice of them
        in_a_list = any(part.isdigit() for part in defect.split("-"))
        if not in_a_list:
            assert not satisfies(name, document), defect
            seen += 1
    assert seen > 5


@pytest.mark.parametrize("name", [*blamed.good(), "transcript"])
def test_the_schema_refuses_values_of_another_type_and_size(name):
    """Also within lists, where missing fields are overlooked."""
    whole = plain(blamed.good().get(name) or blamed.transcript())
    for path, value in defects._walk(whole):
        if isinstance(value, bytes) and len(value) in (32, 64):
            wrong = cbor.encode(defects._with(whole, path, value[:-1]))
            assert not satisfies(name, wrong), path
    assert not satisfies(name, cbor.encode(whole | {"format": "assay-blame/2"}))


@cache
def schema_of(name: str) -> pycddl.Schema:
    """Of a file by its name."""
    root = "root = transcript\n" if name == "transcript" else "root = blame\n"
    return pycddl.Schema(root + SCHEMAS)


def satisfies(name: str, document: bytes) -> bool:
    try:
        schema_of(name).validate_cbor(document)
    except pycddl.ValidationError:
        return False
    return True


def test_the_command_gives_the_same_exit_codes():
    """One for each kind and way to be wrong: the rest is covered above."""
    chosen = {(each["exit"], each["file"].split("/")[1]): each for each in INDEX["vectors"]}.values()
    for vector in chosen:
        options = [word for each in vector["groups"] for word in ("--group", each)]
        result = CliRunner().invoke(main, ["audit", "--check", str(FOLDER / vector["file"]), *options])
        assert (vector["file"], result.exit_code) == (vector["file"], vector["exit"])
