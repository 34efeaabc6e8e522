"""The runner over public signature vectors notices a vector that is judged otherwise than it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.digest import Tag, sha256
from assay.keys import PrivateKey

SCRIPT = Path(__file__).parents[1] / "conformance" / "ed25519.py"
KEY = PrivateKey(sha256(b"seed"))
DIGEST = sha256(b"")
MESSAGE = Tag.TENSOR.prefix + DIGEST
GOOD, BAD = KEY.sign(Tag.TENSOR, DIGEST).hex(), bytes(64).hex()


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, f"DATA={folder}"], capture_output=True, text=True, check=False)


def write(folder: Path, *, results=("valid", "invalid"), accepted=(3,)) -> None:
    tests = [
        {"tcId": i, "comment": "", "msg": MESSAGE.hex(), "sig": signature, "result": result}
        for i, (signature, result) in enumerate(zip((GOOD, BAD), results, strict=True))
    ]
    groups = {"testGroups": [{"publicKey": {"pk": KEY.public.raw.hex()}, "tests": tests}]}
    cases = [
        {"message": MESSAGE.hex(), "pub_key": KEY.public.raw.hex(), "signature": GOOD if i in accepted else BAD}
        for i in range(12)
    ]
    (folder / "ed25519-wycheproof.json").write_text(json.dumps(groups))
    (folder / "ed25519-speccheck.json").write_text(json.dumps(cases))


@pytest.mark.parametrize(
    ("options", "code", "counted"),
    [
        ({}, 0, "14 of 14"),
        ({"results": ("invalid", "invalid")}, 1, "13 of 14"),
        ({"results": ("valid", "valid")}, 1, "13 of 14"),
        ({"accepted": (3, 4)}, 1, "13 of 14"),
        ({"accepted": ()}, 1, "13 of 14"),
    ],
)
def test_the_runner_counts_what_is_judged_as_it_should_be(tmp_path, options, code, counted):
    write(tmp_path, **options)
    result = run(tmp_path)
    assert (result.returncode, counted in result.stdout) == (code, True)


def test_missing_files_are_named(tmp_path):
    result = run(tmp_path)
    assert result.returncode == 2
    assert "ed25519-wycheproof.json and ed25519-speccheck.json missing" in result.stderr
