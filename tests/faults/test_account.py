"""The account of a campaign finds what it is there to find: each defect is planted once, and told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from assay import direct
from assay.digest import sha256
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port, input_digest
from assay.tensor import Tensor
from stack.chaos.account import MARGIN, Outage, settle
from stack.chaos.asking import Asked
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
QUESTION = Question("dana/digits", KEY.public.raw, [], INPUT)
SALT = b"\7" * 32
REQUEST = uuid7()
NOW = dt.datetime.now(dt.UTC)
SOON = NOW + dt.timedelta(seconds=5)


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
    return list(settle([asked or told(stored)], {"key": stored}, journals, outages).findings)


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
        (replace(GOOD, document=None, sha256=None), "do not go together"),
        (replace(GOOD, status="expired", stages=("received", "expired", "expired")), "do not go together"),
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
    assert settle([told(GOOD)], {}, Journals(), ()).findings == ["key key was asked and is not stored"]


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
