"""A group's commitment: it stands, and nothing in it can be altered, left out, borrowed or forged."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest

from assay import cbor, jsonform
from assay.agreement.evidence import AgreementEvidence, require_committed
from assay.agreement.group import Signed, Values
from assay.agreement.votes import Abstained, Answered, Erred, count
from assay.digest import Tag
from assay.errors import AssayError, NotVerified, Refused
from assay.fields import plain
from assay.model import ImagePreprocessing
from tests.sdk import groups

replace = msgspec.structs.replace


def altered(value):
    """The same structure with each leaf changed in turn, as (path, structure)."""
    if isinstance(value, dict):
        for name, item in value.items():
            for path, other in altered(item):
                yield (name, *path), value | {name: other}
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            for path, other in altered(item):
                yield (i, *path), [*value[:i], other, *value[i + 1 :]]
        if value:
            yield ("shorter",), list(value[:-1])
    elif isinstance(value, bytes):
        yield (), value[:-1] + bytes([value[-1] ^ 1])
    elif isinstance(value, bool):
        yield (), not value
    elif isinstance(value, int):
        yield (), value + 1
    elif value is None:
        yield (), 0
    else:
        yield (), value + "x"


@pytest.mark.parametrize("committing", [*combinations(range(4), 3), (0, 1, 2, 3)])
def test_three_of_four_are_enough_whoever_they_are(committing):
    require_committed(groups.evidence(committing=committing))


def test_it_survives_its_encoding():
    evidence = groups.evidence()
    assert jsonform.convert(cbor.decode(cbor.encode(plain(evidence))), AgreementEvidence) == evidence


ALTERED = list(altered(plain(groups.evidence())))


@pytest.mark.parametrize(("path", "changed"), ALTERED, ids=["/".join(map(str, path)) for path, _ in ALTERED])
def test_no_field_can_be_altered(path, changed):
    with pytest.raises(AssayError):
        require_committed(jsonform.convert(changed, AgreementEvidence))


@pytest.mark.parametrize(
    ("commits", "why"),
    [
        (lambda commits: commits[:2], "too few"),
        (lambda commits: (*commits[:2], commits[0]), "distinct"),
        (lambda commits: commits[::-1], "distinct"),
        (lambda commits: (*commits[:2], Signed(9, commits[2].signature)), "distinct"),
    ],
    ids=["two signers", "a signer twice", "another order", "a stranger's place"],
)
def test_no_quorum_no_proof(commits, why):
    evidence = groups.evidence()
    short = msgspec.structs.replace(evidence, commits=commits(evidence.commits))
    with pytest.raises(NotVerified, match=why):
        require_committed(short)


def test_preparing_is_not_committing():
    signers, evidence = groups.keys(), groups.evidence()
    prepared = evidence.ballot.digest(Tag.AGREEMENT_PREPARE)
    borrowed = tuple(Signed(i, signers[i].sign(Tag.AGREEMENT_PREPARE, prepared)) for i in range(3))
    with pytest.raises(NotVerified, match="signature"):
        require_committed(replace(evidence, commits=borrowed))


def test_a_wholly_forged_group_is_consistent_and_has_another_name():
    forged = groups.evidence(groups.keys(first=101))
    require_committed(forged)
    assert forged.group != groups.evidence().group


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"members": groups.configuration(groups.keys()).members[:3] * 2}, "wrong-size"),
        ({"members": (groups.configuration(groups.keys()).members[0],) * 4}, "same-member"),
        ({"aggregator": "mean"}, "unsafe-aggregator"),
        ({"aggregator": "median"}, "wrong-aggregator"),
        ({"answer": Values(1000)}, "wrong-interface"),
        ({"inputs": ()}, "wrong-interface"),
    ],
    ids=str,
)
def test_a_group_in_which_a_vote_means_nothing_is_refused(changes, code):
    with pytest.raises(Refused) as refusal:
        groups.configuration(groups.keys(), **changes).checked()
    assert refusal.value.code == code


def test_members_make_the_same_of_a_picture():
    made = groups.configuration(groups.keys())
    interface = replace(made.members[3].model.interface, preprocessing=ImagePreprocessing("image", 2, 2))
    other = replace(made.members[3], model=replace(made.members[3].model, interface=interface))
    with pytest.raises(Refused) as refusal:
        replace(made, members=(*made.members[:3], other)).checked()
    assert refusal.value.pointer == "/members/3/model/interface/preprocessing"


# --- counting ---------------------------------------------------------------------------------------------


def said(*votes):
    return tuple(each if not isinstance(each, tuple) else Answered(bytes(32), each) for each in votes)


def test_rows_are_counted_one_by_one():
    made = groups.configuration(groups.keys())
    tally = count(made, said((0, 1), (0, 2), (0, 1), (1, 2)), rows=2, least=0)
    assert tally.outcome == "contested"
    label, decided, firm = tally.outputs(made)
    assert (label.array().tolist(), decided.array().tolist()) == ([0, 0], [True, False])
    assert firm.array().tolist() == [True, True]


@pytest.mark.parametrize(("other", "firm"), [(Abstained(), True), (Erred(), True), (groups.Absent(), True)])
def test_fewer_than_all_may_answer(other, firm):
    made = groups.configuration(groups.keys())
    tally = count(made, said((1,), (1,), (1,), other), rows=1, least=0)
    assert (tally.outcome, tally.decisions[0].value, tally.decisions[0].firm) == ("certified", 1, firm)


def test_with_two_answers_of_four_nothing_is_said():
    made = groups.configuration(groups.keys())
    tally = count(made, said((1,), (1,), Erred(), groups.Absent()), rows=1, least=0)
    assert (tally.outcome, tally.outputs(made)) == ("failed", ())


def test_a_buyer_may_ask_for_more_votes():
    made = groups.configuration(groups.keys())
    assert count(made, said((1,), (1,), (1,), (2,)), rows=1, least=4).outcome == "contested"


@pytest.mark.parametrize("votes", [(3,), (-1,), (0, 0)])
def test_a_vote_for_nothing_that_the_group_has_is_refused(votes):
    with pytest.raises(NotVerified, match="vote"):
        count(groups.configuration(groups.keys()), said((1,), votes, (1,), (1,)), rows=1, least=0)
