"""A group's certificate: issued from the evidence alone, and refused if any part of it says anything else."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from assay import cbor
from assay.agreement.aggregate import AGGREGATORS, HIGHEST, LOWEST
from assay.agreement.group import Labels, Values
from assay.agreement.issue import issue
from assay.agreement.votes import Absent, Abstained, Erred, Withheld
from assay.answer import answers
from assay.certificate import parse
from assay.cli import main
from assay.errors import NotVerified, Refused
from assay.fields import plain
from assay.preprocessing import PNG, preprocess
from assay.verify import Trust, check, verify
from assay.verify.votes import failure
from docs.vectors import defects
from docs.vectors.group import CERTIFIED, DIGITS, GOOD, HORIZON, STRANGERS, TOWERS, TRIMMED, Case, Group
from docs.vectors.sample import DIGIT, ROW, TIME

change = msgspec.structs.replace
NOW = TIME + 1000
EVIDENCE = CERTIFIED.evidence
PINNED = Trust(groups=frozenset([EVIDENCE.group]))
GROUPS = [
    Group(
        f"of-{n}-by-{name}",
        DIGIT if labels else ROW,
        Labels(DIGIT.interface.labels) if labels else Values(10),
        name,
        n,
    )
    for n in (4, 7)
    for name, labels in ((name, name == "plurality") for name in AGGREGATORS)
]


def judged(document, trust=None):
    return verify(document, trust or Trust(), now=NOW)


# --- issuing ----------------------------------------------------------------------------------------------


def test_the_statement_is_written_from_the_evidence():
    statement = CERTIFIED.certificate.statement
    asked = EVIDENCE.asked
    assert (statement.request, statement.input, statement.params) == (asked.id, asked.input, {"votes": 0})
    assert (statement.target, statement.outcome, statement.time) == ("group:digits", "certified", TIME)
    assert [tensor.array().tolist() for tensor in statement.outputs] == [[1], [True], [False]]
    assert statement.models == tuple(member.model for member in DIGITS.configuration.members[:3])


def test_models_are_named_once_by_who_first_answered_with_them():
    common = DIGITS.model("chidi", 2)
    case = Case(DIGITS, (1, Absent(), 1, 1), models={2: common, 3: common})
    expected = (DIGITS.configuration.members[0].model, common)
    assert issue(case.evidence, [common]).statement.models == expected


def test_where_none_answered_the_models_are_those_of_the_genesis():
    models = GOOD["group-failed-unheard"].certificate.statement.models
    assert models == tuple(member.model for member in DIGITS.configuration.members)


def test_models_that_did_not_vote_may_be_offered_and_are_left_out():
    others = [DIGITS.model("dana", version) for version in range(5)]
    assert issue(EVIDENCE, others) == CERTIFIED.certificate


@pytest.mark.parametrize(
    ("evidence", "models", "code"),
    [
        (change(EVIDENCE, commits=EVIDENCE.commits[:2]), (), "wrong-quorum"),
        (GOOD["group-updated-model"].evidence, (), "wrong-statement"),
        (Case(DIGITS, (1, 1, 2, 0), outcome="contested").evidence, (), "wrong-outcome"),
        (Case(DIGITS, (1, 1, 2, 0), deadline=TIME - 1, outcome="certified").evidence, (), "wrong-outcome"),
        (Case(DIGITS, (1, 1, 3, 0), outcome="certified").evidence, (), "wrong-vote"),
    ],
    ids=["too few have committed", "a model is missing", "another outcome", "too late", "a vote for nothing"],
)
def test_what_is_not_so_is_not_issued(evidence, models, code):
    with pytest.raises(NotVerified) as refusal:
        issue(evidence, models)
    assert refusal.value.code == code


def test_a_model_that_could_not_have_voted_is_not_named():
    other = DIGITS.model("bruno", 2, labels=("one", "two", "zero"))
    case = Case(DIGITS, (1, 1, 2, 0), models={1: other})
    with pytest.raises(Refused, match="labels"):
        issue(case.evidence, [other])


# --- checking ---------------------------------------------------------------------------------------------


def votes_of(group):
    return (
        st.integers(0, 2)
        if isinstance(group.answer, Labels)
        else st.integers(-30, 30) | st.sampled_from([LOWEST, HIGHEST])
    )


@st.composite
def cases(draw):
    group = draw(st.sampled_from(GROUPS))
    rows = draw(st.integers(1, 3))
    word = st.lists(votes_of(group), min_size=rows, max_size=rows) | st.sampled_from(
        [Abstained(), Erred(), Absent()]
    )
    said = draw(st.tuples(*[st.one_of(st.lists(votes_of(group), min_size=rows, max_size=rows), word)] * group.n))
    members = range(group.n)
    committing = draw(st.sets(st.sampled_from(members), min_size=group.configuration.quorum))
    batch = draw(st.integers(1, 9))
    return Case(
        group,
        said,
        rows=rows,
        least=draw(st.integers(0, group.n)),
        committing=tuple(sorted(committing)),
        at=draw(st.integers(0, batch - 1)),
        batch=batch,
        deadline=TIME + draw(st.sampled_from([-1, 0, HORIZON])),
        models={draw(st.sampled_from(members)): group.model("anew", 2)},
    )


@given(cases())
def test_what_a_group_commits_to_is_issued_and_found_right(case):
    certificate = case.certificate
    for document in (certificate.to_cbor(), certificate.to_json().encode()):
        assert parse(document) == certificate
        report = judged(document, Trust(groups=frozenset([case.group.configuration.digest])))
        assert (report.exit_code, report.findings) == (0, ())
    assert len(report.claims) > case.group.n
    given = answers(certificate.interface, certificate.statement.outputs)
    decided = [row.value is not None for row in case.evidence.tally.decisions]
    assert [not answer.contested for answer in given] == decided


@given(cases(), st.data())
def test_no_field_of_it_can_be_altered(case, data):
    whole = plain(case.certificate)
    path, value = data.draw(st.sampled_from(list(defects._walk(whole))))
    others = [other for _, other in defects._others(value)]
    assume(others)
    try:
        document = cbor.encode(defects._with(whole, path, data.draw(st.sampled_from(others))))
    except Refused:  # a vote beyond what there is
        assume(False)
    report = judged(document)
    assert not report.valid
    assert len(report.claims) >= (report.certificate is not None)  # and words are found for it, whatever it holds


@given(data=st.data())
def test_no_damaged_byte_is_overlooked(data):
    right = CERTIFIED.certificate.to_cbor()
    document = bytearray(right)
    for _ in range(data.draw(st.integers(1, 3))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    assume(bytes(document) != right)
    assert not judged(bytes(document)).valid


def test_a_genesis_found_right_once_is_not_taken_for_another():
    certificate = CERTIFIED.certificate
    assert check(certificate, PINNED, now=NOW).exit_code == 0
    (genesis,) = EVIDENCE.epochs
    other = change(genesis, consents=(genesis.consents[0], *genesis.consents[:3]))
    forged = change(certificate, evidence=change(EVIDENCE, epochs=(other,)))
    for _ in range(2):
        assert [each.code for each in check(forged, PINNED, now=NOW).findings] == ["bad-signature"]
    assert check(certificate, PINNED, now=NOW).exit_code == 0


def test_several_faults_are_all_reported():
    certificate = CERTIFIED.certificate
    broken = change(
        certificate,
        statement=change(certificate.statement, time=0, target="group:letters", caveats=()),
        evidence=change(EVIDENCE, commits=EVIDENCE.commits[::-1]),
    )
    found = {
        finding.pointer for finding in judged(broken.to_cbor(), Trust(groups=frozenset([bytes(32)]))).findings
    }
    assert found == {
        "/statement/time",
        "/evidence/commits",
        "/statement/target",
        "/statement/caveats",
        "/evidence",
    }


def test_the_input_is_made_into_tensors_by_the_groups_own_interface():
    certificate = CERTIFIED.certificate
    inputs = preprocess(certificate.interface, CERTIFIED.content, PNG)
    assert check(certificate, PINNED, inputs=inputs, salt=CERTIFIED.salt, now=NOW).input_matches
    assert not check(certificate, PINNED, inputs=inputs, salt=bytes(32), now=NOW).input_matches


# --- in words ---------------------------------------------------------------------------------------------


def said_by(case):
    return "\n".join(judged(case.certificate.to_cbor()).claims)


@pytest.mark.parametrize(
    ("name", "words", "not_said"),
    [
        (
            "group-certified",
            (
                "digits answered one, certified by group",
                "asha voted one",
                "chidi voted two, otherwise than the group",
                "dana was silent",
                "not firm",
                "committed to by asha, bruno, chidi (3 of 4 members)",
                "keys of epoch 0",
                "asha answered with the model of commitment",
            ),
            ("contested",),
        ),
        ("group-certified-firmly", ("firm: the same whatever the silent had voted",), ("not firm", "otherwise")),
        ("group-certified-by-all", ("committed to by asha, bruno, chidi, dana (4 of 4",), ("firm", "silent")),
        ("group-contested", ("answered nothing, contested by group", "dana abstained"), ("answered zero",)),
        (
            "group-rows",
            (
                "in part no; contested, contested by group",
                "contested: row 2 of 2",
                "asha voted no on row 1 of 2",
                "chidi voted yes on row 1 of 2, otherwise than the group on 1 of 2 rows",
            ),
            ("no; no", "no; yes"),
        ),
        (
            "group-failed",
            ("failed: 2 of 4 members answered, and it takes 3", "bruno had an error"),
            ("answered zero",),
        ),
        ("group-failed-late", ("failed: its deadline had passed", "asha voted one"), ("certified",)),
        ("group-failed-unheard", ("0 of 4 members answered", "a model that its epoch began with is"), ()),
        (
            "group-resistant-one-withheld",
            ("dana withheld the answer to which it had committed", "not firm: other votes of the silent"),
            ("dana was silent",),
        ),
        ("group-median", ("answered 151.25, certified", "bruno voted 9000000.0"), ("otherwise",)),
    ],
)
def test_it_says_who_voted_what(name, words, not_said):
    said = said_by(GOOD[name])
    for each in words:
        assert each in said
    for each in not_said:
        assert each not in said


@pytest.mark.parametrize(
    ("withheld", "words"),
    [(0, "to decide;"), (1, "to decide, which waited for 1 withheld answer;"), (2, "for 2 withheld answers;")],
)
def test_what_was_waited_for_until_the_deadline_is_said(withheld, words):
    votes = (*[1] * (4 - withheld), *[Withheld()] * withheld)
    late = replace(GOOD["group-resistant-one-withheld"], votes=votes, deadline=TIME - 1)
    assert words in f"{failure(late.evidence)};"


def test_a_contested_row_is_no_answer():
    certificate = Case(TOWERS, ((0, 1), (0, 0), (1, 0), (0, 1)), rows=2).certificate
    first, second = answers(certificate.interface, certificate.statement.outputs)
    assert (first.text, first.index, first.contested) == ("no", 0, False)
    assert (second.text, second.index, second.contested) == ("contested", None, True)


def test_a_group_that_failed_has_no_answers():
    certificate = GOOD["group-failed"].certificate
    assert answers(certificate.interface, certificate.statement.outputs) == ()


# --- on the command line ----------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    (tmp_path / "c.cbor").write_bytes(CERTIFIED.certificate.to_cbor())
    (tmp_path / "c.json").write_text(CERTIFIED.certificate.to_json())
    (tmp_path / "receipt.json").write_text(CERTIFIED.receipt.to_json())
    (tmp_path / "forged.cbor").write_bytes(STRANGERS.certificate.to_cbor())
    (tmp_path / "digit.png").write_bytes(CERTIFIED.content)
    (tmp_path / "row.csv").write_bytes(ROW.content)
    (tmp_path / "trust.toml").write_text(f'groups = ["{DIGITS.digest}"]\n')
    altered = json.loads(CERTIFIED.certificate.to_json())
    altered["statement"]["outcome"] = "contested"
    (tmp_path / "altered.json").write_text(json.dumps(altered))
    return tmp_path


def run(files, *arguments):
    known = {path.name for path in files.iterdir()}
    return CliRunner().invoke(
        main, ["verify", *(str(files / each) if each in known else each for each in arguments)]
    )


GROUP, SALT, OTHER = DIGITS.digest, CERTIFIED.salt.hex(), TRIMMED.digest
MODELS = [word for each in CERTIFIED.certificate.statement.models for word in ("--model", each.commitment.hex())]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["c.cbor"], 3),
        (["c.cbor", "--group", GROUP], 0),
        (["c.json", "--group", GROUP], 0),
        (["c.cbor", "--group", OTHER], 1),
        (["c.cbor", "--group", OTHER, "--group", GROUP], 0),
        (["c.cbor", "--trust", "trust.toml"], 0),
        (["c.cbor", "--provider", f"ed25519:{GROUP}"], 1),
        (["c.cbor", "--group", GROUP, *MODELS], 0),
        (["c.cbor", "--group", GROUP, *MODELS[:4]], 1),
        (["forged.cbor"], 3),
        (["forged.cbor", "--group", GROUP], 1),
        (["altered.json", "--group", GROUP], 1),
        (["receipt.json", "--group", GROUP, "--input", "digit.png"], 0),
        (["receipt.json", "--input", "digit.png"], 3),
        (["receipt.json", "--group", GROUP, "--input", "row.csv"], 1),
        (["c.cbor", "--group", GROUP, "--input", "digit.png", "--salt", SALT], 0),
        (["c.cbor", "--group", GROUP, "--input", "digit.png", "--salt", "00" * 32], 1),
        (["c.cbor", "--group", GROUP, "--input", "digit.png"], 2),
    ],
)
def test_the_exit_code_says_what_was_found(files, arguments, code):
    assert run(files, *arguments).exit_code == code


def test_an_unpinned_group_is_named_and_how_to_accept_it(files):
    assert f"--group {GROUP}" in run(files, "c.cbor").stdout


def test_the_output_shows_votes_and_caveats(files):
    shown = run(files, "c.cbor", "--group", GROUP).stdout
    for words in ("asha voted one", "dana was silent", "Agreement is not truth", "Accepted."):
        assert words in shown
