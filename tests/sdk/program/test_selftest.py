"""What the self-test refuses: machines that round otherwise, hashes that are damaged or of another version."""

import json
import subprocess
import sys

import pytest

from assay.operators import VERSION
from assay.program import selftest
from assay.program.running import Reference
from tests import disturbing

ASK = """
import ctypes, sys
from assay.program import selftest
ctypes.CDLL(sys.argv[1])
try:
    selftest.require()
except selftest.WrongMachine as error:
    print(error.code, error)
"""


def said(library):
    """In a process of its own, which stays as it was made."""
    return subprocess.run(
        [sys.executable, "-c", ASK, library], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.mark.parametrize("disturbance", disturbing.DISTURBANCES)
def test_a_processor_that_was_told_otherwise_is_refused(disturbance, tmp_path):
    told = said(disturbing.compiled(tmp_path, disturbance))
    assert told.startswith("not-reproducible-here ")
    if "flushed" in disturbance:
        assert "flushes subnormal numbers to zero" in told
        assert "-ffast-math" in told
    else:
        assert "does not round to the nearest" in told


def test_a_machine_that_does_as_the_specification_says_is_not():
    selftest.require()


@pytest.fixture
def file(monkeypatch, tmp_path):
    """The known hashes, to be damaged."""
    copy = tmp_path / "selftest.json"
    copy.write_bytes(selftest.FILE.read_bytes())
    monkeypatch.setattr(selftest, "FILE", copy)
    selftest.known.cache_clear()
    yield copy
    selftest.known.cache_clear()


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"{}", b"\xff", b'{"version": 1}', b'{"version": 1, "cases": [7]}']
)
def test_a_damaged_file_is_refused(file, damaged):
    file.write_bytes(damaged)
    with pytest.raises(selftest.WrongMachine, match="cannot be read"):
        selftest.require()


def test_a_file_that_was_cut_short_is_refused(file):
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(selftest.WrongMachine, match="cannot be read"):
        selftest.require()


def test_no_file_is_refused(file):
    file.unlink()
    with pytest.raises(selftest.WrongMachine, match="cannot be read"):
        selftest.require()


def test_a_file_of_another_version_is_refused(file):
    document = json.loads(file.read_bytes()) | {"version": VERSION + 1}
    file.write_text(json.dumps(document))
    with pytest.raises(selftest.WrongMachine, match=f"another version.*expected {VERSION}, got {VERSION + 1}"):
        selftest.require()


def test_a_file_without_one_of_the_cases_is_refused(file):
    document = json.loads(file.read_bytes())
    gone = document["cases"].pop()
    file.write_text(json.dumps(document))
    with pytest.raises(selftest.WrongMachine, match=f"^/{gone['name']}: .*expected nothing"):
        selftest.require()


def test_one_wrong_digit_of_one_hash_is_refused(file):
    document = json.loads(file.read_bytes())
    last = document["cases"][-1]
    last["sha256"][0] = ("0" if last["sha256"][0][0] != "0" else "1") + last["sha256"][0][1:]
    file.write_text(json.dumps(document))
    with pytest.raises(selftest.WrongMachine, match=f"^/{last['name']}: an operator gives other bits"):
        selftest.require()


class Careless(Reference):
    """Gives −0 for +0 in everything that `Mul` makes."""

    def bind(self, group, tensors, constants):
        call = super().bind(group, tensors, constants)

        def wrong():
            call()
            if group[-1].operator.name == "Mul":
                made = tensors[group[-1].outputs[0]]
                made[made == 0] = -0.0

        return wrong


def test_an_implementation_whose_zeros_have_another_sign_is_refused():
    with pytest.raises(selftest.WrongMachine, match=r"^/Mul-14 of everything: "):
        selftest.require(Careless)
