"""The account of a campaign finds what it is there to find: each defect is planted once, and told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from assay import direct, receipt
from assay.agreement.entry import Asked as Requested
from assay.agreement.entry import Entry
from assay.agreement.votes import Answered
from assay.certificate import parse
from assay.digest import sha256
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port, input_digest
from assay.preprocessing import PNG, preprocess
from assay.tensor import Tensor
from consensus.messages import Record
from stack.chaos.account import MARGIN, Outage, settle
from stack.chaos.asking import Asked
from stack.chaos.ledgers import Ledgers, Outcome, contradictions
from stack.chaos.money import Charge, at_rest, price
from stack.chaos.questions import Question
from stack.chaos.records import Stored

KEY = PrivateKey(bytes(range(32)))
INTERFACE = Interface(
    task="other",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 2)),),
    outputs=(Port(name="y", datatype="FP32", shape=(-1, 1)),),
    labels=(),
    preprocessing=NoPreprocessing(),
)
INPUT = (Tensor.of("x", np.ones((1, 2), "f4")),)
QUESTION = Question("model", "dana/digits", KEY.public.raw, [], INPUT)
SALT = b"\7" * 32
REQUEST = uuid7()
NOW = dt.datetime.now(dt.UTC)
SOON = NOW + dt.timedelta(seconds=5)
NOTHING = Ledgers({}, [])
VECTORS = Path(__file__).parents[2] / "docs" / "vectors" / "good"


class Journals:
    """What a Witness has seen."""

    def __init__(self, **signed: bytes) -> None:
        self.signed = {owner: {REQUEST.bytes: sha256(document)} for owner, document in signed.items()}
        self.broken: list[str] = []


def certificate(key=KEY, request=REQUEST, target="model:dana/digits@1", inputs=INPUT) -> bytes:
    statement = direct.statement(
        request.bytes,
        target=target,
        model=ModelReference(digest=b"\1" * 32, interface=INTERFACE),
        input_digest=input_digest(SALT, inputs),
        outputs=(Tensor.of("y", np.zeros((1, 1), "f4")),),
        time_ms=int(NOW.timestamp() * 1000),
    )
    return direct.issue(key, [statement])[0].to_cbor()


DOCUMENT = certificate()
GOOD = Stored(
    id=REQUEST,
    status="certified",
    seq=3,
    deadline=SOON,
    completed=NOW,
    salt=SALT,
    error=None,
    sha256=sha256(DOCUMENT),
    document=DOCUMENT,
    stages=("received", "dispatched", "certified"),
    numbers=(1, 2, 3),
)


def told(stored: Stored) -> Asked:
    """A client that was told what is stored."""
    asked = Asked("key", QUESTION, 5.0)
    asked.ids.add(str(stored.id))
    asked.ends.add((stored.status, stored.sha256.hex() if stored.sha256 else ""))
    return asked


def findings(stored: Stored, asked: Asked | None = None, journals=None, outages=()) -> list[str]:
    journals = journals or Journals(dana=stored.document or b"")
    return list(settle([asked or told(stored)], {"key": stored}, journals, NOTHING, outages).findings)


def having(document: bytes) -> Stored:
    return replace(GOOD, document=document, sha256=sha256(document))


def test_a_prediction_that_is_in_order_is_not_complained_of():
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("stored", "finding"),
    [
        (
            replace(GOOD, stages=("received", "certified", "expired")),
            "events ['received', 'certified', 'expired']",
        ),
        (replace(GOOD, stages=("received", "certified", "certified")), "events"),
        (replace(GOOD, stages=("received", "dispatched", "answered")), "events"),
        (replace(GOOD, numbers=(1, 3)), "numbered [1, 3], the last is 3"),
        (replace(GOOD, completed=None), "has no time of completion"),
        (replace(GOOD, completed=SOON + dt.timedelta(seconds=MARGIN + 1)), "after its deadline"),
        (replace(GOOD, document=None, sha256=None), "answer"),
        (replace(GOOD, status="expired", stages=("received", "expired", "expired")), "answer"),
        (having(certificate(key=PrivateKey(b"\2" * 32))), "does not stand"),
        (having(certificate(inputs=(Tensor.of("x", np.zeros((1, 2), "f4")),))), "does not stand"),
        (having(DOCUMENT[:-1] + b"\0"), "does not stand"),
        (having(certificate(request=uuid7())), "is about"),
        (having(certificate(target="model:dana/other@1")), "is about"),
    ],
)
def test_what_is_stored_and_does_not_hold_is_told(stored, finding):
    assert any(finding in each for each in findings(stored)), findings(stored)


def test_a_client_that_was_told_otherwise_is_heard():
    twice, otherwise, refused = told(GOOD), told(GOOD), told(GOOD)
    twice.ids.add(str(uuid7()))
    otherwise.ends.add(("expired", ""))
    refused.problems.append("POST: 500")
    for asked in (twice, otherwise, refused):
        assert len(findings(GOOD, asked)) == 1
    assert settle([told(GOOD)], {}, Journals(), NOTHING, ()).findings == ["key key was asked and is not stored"]


def test_a_second_signature_is_found_in_whichever_journal_it_is():
    other = certificate(key=PrivateKey(b"\2" * 32))
    assert findings(GOOD, journals=Journals(dana=DOCUMENT, asha=other)) != []
    assert findings(GOOD, journals=Journals(dana=other)) != []
    assert findings(GOOD, journals=Journals(dana=DOCUMENT)) == []


def test_time_in_which_nobody_could_write_is_not_held_against_a_prediction():
    back = SOON + dt.timedelta(seconds=20)
    late = replace(GOOD, completed=back + dt.timedelta(seconds=1))
    assert findings(late, outages=[Outage(SOON - dt.timedelta(seconds=1), back)]) == []
    assert findings(late, outages=[Outage(SOON - dt.timedelta(seconds=9), SOON - dt.timedelta(seconds=8))]) != []


# --- groups -----------------------------------------------------------------------------------------------


def of_group() -> tuple[Stored, Question, Outcome]:
    """A group's certified answer to a picture, as its buyer asked and the group decided."""
    certificate, salt = receipt.read((VECTORS / "group-certified.receipt.json").read_bytes())
    picture = (VECTORS / "group-certified.input.png").read_bytes()
    evidence = certificate.evidence
    slug = evidence.configuration.slug
    question = Question("group", slug, evidence.group, [], preprocess(certificate.interface, picture, PNG))
    document = certificate.to_cbor()
    stored = replace(
        GOOD, id=UUID(bytes=certificate.statement.request), salt=salt, document=document, sha256=sha256(document)
    )
    return stored, question, Outcome(evidence.entry.digest, evidence.ended)


STORED, OF_GROUP, DECIDED = of_group()
NAME = (OF_GROUP.anchor, STORED.id.bytes)


def group_findings(stored: Stored = STORED, question: Question = OF_GROUP, decided=None) -> list[str]:
    asked = replace(told(stored), question=question)
    ledgers = Ledgers({NAME: DECIDED} if decided is None else decided, [])
    return list(settle([asked], {"key": stored}, Journals(), ledgers, ()).findings)


def test_a_groups_answer_that_is_in_order_is_not_complained_of():
    assert group_findings() == []
    failed = replace(STORED, status="failed", document=None, sha256=None, stages=("received", "failed"))
    assert group_findings(replace(failed, numbers=(1, 2), seq=2)) == []


def test_a_certificate_of_a_group_is_held_against_genesis_status_and_log():
    contested = replace(STORED, status="contested", stages=("received", "dispatched", "contested"))
    for found, what in (
        (group_findings(contested), "says that it certified"),
        (group_findings(question=replace(OF_GROUP, anchor=bytes(32))), "does not stand"),
        (group_findings(decided={}), "has not decided"),
        (group_findings(decided={NAME: replace(DECIDED, entry=bytes(32))}), "is not what the group has decided"),
        (group_findings(having(DOCUMENT)), "is of mode direct"),
    ):
        assert any(what in each for each in found), found


def record(number: int, parent: int, *asked: int) -> Record:
    """An entry in which requests with these ids were decided."""
    entry = Entry(bytes(32), 0, number, bytes([parent]) * 32, 1, bytes(32), len(asked), bytes(32))
    requests = tuple(Requested(bytes(32), bytes(32), bytes([each]) * 16, bytes(32), 1, 1, 0) for each in asked)
    return Record(entry, 0, bytes(32), (), (), (), requests, (), ())


def test_logs_that_do_not_begin_one_another_and_second_decisions_are_told():
    group = parse((VECTORS / "group-certified.cbor").read_bytes()).evidence.configuration
    first, second, other = record(1, 0, 1), record(2, 1, 2), record(2, 2, 2)
    assert list(contradictions(group, {"asha": [first], "bruno": [first, second]}, [first, second])) == []
    assert len(list(contradictions(group, {"asha": [first, other]}, [first, second]))) == 1
    assert len(list(contradictions(group, {}, [first, record(2, 1, 1)]))) == 1


# --- money ----------------------------------------------------------------------------------------------------

LINES = [{"line": {"owner": "dana", "member": None}, "free": 0, "most": 500}]


@pytest.mark.parametrize(
    ("stored", "finding"),
    [
        (replace(GOOD, charge=Charge(500, 499, LINES)), "was charged 499 instead of 500"),
        (replace(GOOD, charge=Charge(500, 0, LINES)), "was charged 0 instead of 500"),
        (replace(GOOD, charge=Charge(500, None, LINES)), "500 are held still"),
        (replace(GOOD, status="expired", charge=Charge(500, 500, LINES)), "was charged 500 for nothing"),
        (replace(GOOD, status="contested", charge=Charge(500, 501, LINES)), "was charged 501 of 500"),
    ],
)
def test_a_wrong_charge_is_told(stored, finding):
    assert any(each.endswith(finding) for each in findings(stored))


def test_a_right_charge_is_not_complained_of():
    assert findings(replace(GOOD, charge=Charge(500, 500, LINES))) == []


def test_a_group_is_due_the_votes_that_its_certificate_shows():
    document = (VECTORS / "group-certified.cbor").read_bytes()
    evidence = parse(document).evidence
    lines = [
        {"line": {"owner": member.owner, "member": i}, "free": 0, "most": 10**i}
        for i, member in enumerate(evidence.configuration.members)
    ]
    assert [isinstance(said, Answered) for said in evidence.ended.said] == [True, True, True, False]
    assert price(Charge(1111, 0, lines), document) == 111


def test_a_ledger_that_is_off_or_holds_something_at_rest_is_told():
    assert list(at_rest({"credit": 5, "granted": -5, "held": 0})) == []
    assert list(at_rest({"credit": 5, "granted": -4})) == ["the ledger does not balance: it is off by 1"]
    assert list(at_rest({"granted": -4, "held": 4})) == ["4 are held at rest"]
