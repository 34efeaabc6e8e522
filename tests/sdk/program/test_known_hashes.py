"""The cases of the self-test: that they are all there, nasty enough, and what docs/vectors/operators.json says."""

import numpy as np
import pytest

from assay.operators.registry import find, operators
from assay.program.cases import CASES
from assay.program.cases.making import Made, special
from assay.program.selftest import hashes, known, sha256
from docs.vectors import operators as vectors
from tests.sdk.operators.operating import operate
from tests.sdk.program import vectors as reader

ENOUGH = 200  # values of any kind among which each special one must be


def test_every_definition_of_every_operator_has_a_case():
    tried = {find(case.domain, case.operator, case.version) for case in CASES}
    assert [each for versions in operators().values() for each in versions.values() if each not in tried] == []


def test_every_case_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_file_is_what_the_script_writes():
    assert vectors.FILE.read_text("utf-8") == vectors.build()


def test_every_case_gives_the_known_hashes_by_the_plain_operators():
    assert [case.name for case in CASES if hashes(case) != known()[case.name]] == []


def test_inputs_of_any_kind_hold_every_special_value():
    pairs = [(case.name, *pair) for case in CASES for pair in zip(case.inputs, case.values(), strict=True)]
    of_any = [(name, x) for name, given, x in pairs if isinstance(given, Made) and given.kind == "any"]
    large = [(name, x) for name, x in of_any if x.size >= ENOUGH and x.dtype != np.bool_]
    assert len(large) > len(of_any) // 3
    for name, x in large:
        assert set(special(x.dtype)) <= set(x.ravel().view(f"u{x.dtype.itemsize}").tolist()), name


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_special_floats_are_of_every_kind(dtype):
    value = np.array(special(np.dtype(dtype)), f"u{np.dtype(dtype).itemsize}").view(dtype)
    zero, tiny = value == 0, (value != 0) & (np.abs(value) < np.finfo(dtype).smallest_normal)
    for kind in (zero, tiny, np.isinf(value)):
        assert {bool(sign) for sign in np.signbit(value[kind])} == {False, True}
    assert len(set(value.view(f"u{value.itemsize}")[np.isnan(value)].tolist())) == 3
    assert np.finfo(dtype).max in value


def test_whoever_reads_the_file_alone_comes_to_its_hashes():
    assert [case["name"] for case in reader.DOCUMENT["cases"] if tried(case) != case["sha256"]] == []


def tried(case):
    made = operate(
        case["operator"],
        *reader.inputs(case),
        version=case["version"],
        domain=case.get("domain", ""),
        outputs=len(case["sha256"]),
        constant=reader.constants(case),
        **reader.attributes(case),
    )
    return [sha256(each) for each in (made if isinstance(made, tuple) else (made,))]


def test_a_case_that_would_change_is_named(monkeypatch, tmp_path):
    file = tmp_path / "operators.json"
    built = vectors.build()
    file.write_text(built.replace('"low":-9,', '"low":-8,', 1), "utf-8")
    monkeypatch.setattr(vectors, "FILE", file)
    monkeypatch.setattr("sys.argv", ["operators.py"])
    with pytest.raises(SystemExit, match="nothing written, for 1 would change: Exp-13"):
        vectors.main()
    assert file.read_text("utf-8") != built
