"""From the table to a node and back: what a worker's dispatcher does, with nodes that need no network."""

from __future__ import annotations

import base64
import io
import itertools
import time

import pytest
from django.db import OperationalError
from PIL import Image

from assay.certificate import parse
from assay.errors import Refused
from assay.keys import PrivateKey
from assay.model import input_digest
from assay.preprocessing import PNG, preprocess
from assay.verify import Trust, verify
from marketplace.catalogue.interfaces import interface_of
from marketplace.certificates import actions as certificates
from marketplace.certificates.models import Certificate
from marketplace.db.threads import DatabaseThreads
from marketplace.predictions import access, dispatch
from marketplace.predictions.awaiting import until_ended, watching
from marketplace.predictions.models import Prediction, PredictionEvent
from tests.marketplace import answering
from tests.marketplace.answering import FakeNodes, dispatching

pytestmark = pytest.mark.django_db(transaction=True)  # the dispatcher has connections of its own


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), 100).save(out, "PNG")
    return out.getvalue()


def ended(prediction: Prediction, seconds: float = 20) -> Prediction:
    """As it stands once it has ended; a test that waits longer fails by what it then asserts."""
    with watching(prediction.pk) as watched:
        return until_ended(access.again(prediction), watched, seconds)


def stages(prediction: Prediction) -> list[str]:
    return list(
        PredictionEvent.objects.filter(prediction=prediction).order_by("seq").values_list("stage", flat=True)
    )


def test_a_prediction_is_answered_and_its_certificate_stands_up_to_the_check(cast, ask, nodes):
    asked = ask()
    with dispatching(nodes):
        answered = ended(asked)
    assert answered.status == "certified"
    assert stages(answered) == ["received", "dispatched", "answered", "certified"]
    document = bytes(Certificate.objects.get(pk=answered.certificate_id).document)
    stored = Prediction.objects.get(pk=asked.pk)
    report = verify(
        document,
        Trust(providers=frozenset({cast.node_key.public.raw})),
        inputs=answering.stored_inputs(stored),
        salt=bytes(asked.salt),
    )
    assert report.exit_code == 0
    assert answered.created <= answered.dispatched <= answered.answered <= answered.completed
    assert answered.certificate.anchor == str(cast.node_key.public)


def test_a_picture_is_kept_as_the_picture_and_certified_as_its_tensors(ask, nodes, version):
    png = picture()
    content = {"name": "image", "content_type": PNG, "content": base64.b64encode(png).decode()}
    asked = ask(inputs=[content])
    with dispatching(nodes):
        answered = ended(asked)
    stored = Prediction.objects.get(pk=asked.pk)
    assert (stored.inputs, bytes(stored.source), stored.source_type) == (None, png, PNG)
    statement = parse(bytes(Certificate.objects.get(pk=answered.certificate_id).document)).statement
    assert statement.input == input_digest(bytes(asked.salt), preprocess(interface_of(version), png, PNG))


def test_a_hundred_at_once_are_each_answered_once(ask, nodes):
    asked = [ask() for _ in range(100)]
    with dispatching(nodes, capacity=30):
        statuses = {ended(each).status for each in asked}
    assert statuses == {"certified"}
    assert Certificate.objects.count() == 100
    assert set(nodes.worked.values()) == {1}


def test_when_a_node_is_down_the_next_is_asked_and_the_failure_remembered(cast, ask, version, node):
    spare = PrivateKey.generate()
    answering.deployed(version, spare, "attic")
    node.failed = None
    nodes = FakeNodes([cast.node_key, spare], down={cast.node_key.public.raw})
    asked = [ask() for _ in range(8)]
    with dispatching(nodes):
        finished = [ended(each) for each in asked]
    assert {each.certificate.anchor for each in finished} == {str(spare.public)}
    node.refresh_from_db()
    assert node.failed is not None
    assert "retrying" in {stage for each in asked for stage in stages(each)}


def test_a_refusal_by_the_node_fails_the_prediction_with_its_reason(ask, nodes):
    nodes.refusing = Refused("the model does not take that", code="wrong-shape", pointer="/inputs/0")
    asked = ask()
    with dispatching(nodes):
        finished = ended(asked)
    assert finished.status == "failed"
    assert finished.error == {
        "code": "wrong-shape",
        "detail": "the model does not take that",
        "pointer": "/inputs/0",
    }
    assert finished.certificate_id is None


def test_an_answer_too_large_to_be_shown_fails_and_says_what_to_do(ask, nodes, monkeypatch):
    monkeypatch.setattr(certificates, "MAX_OUTPUTS", 47)  # a row's label and ten scores are 48 bytes
    asked = ask()
    with dispatching(nodes):
        failed = ended(asked)
    assert failed.status == "failed"
    assert failed.error["code"] == "too-large"
    assert failed.error["hint"] == "Ask for fewer rows."
    assert not Certificate.objects.exists()


def test_without_any_node_it_ends_at_its_deadline(ask, version):
    asked = ask(deadline=0.5)
    with dispatching(FakeNodes([])):
        started = time.monotonic()
        finished = ended(asked)
    assert finished.status == "expired"
    assert finished.error["code"] == "deadline-exceeded"
    assert time.monotonic() - started < 5


def test_with_no_worker_at_all_reading_it_after_its_deadline_ends_it(ask, version):
    finished = ended(ask(deadline=0.1))
    assert finished.status == "expired"
    assert stages(finished) == ["received", "expired"]


@pytest.mark.parametrize("defect", ["target", "salt"])
def test_a_valid_certificate_about_something_else_is_not_taken(cast, ask, nodes, defect, monkeypatch):
    wrong = {"target": "model:asha/other@1", "salt": b"\1" * 32}[defect]
    honest = answering.certificate
    monkeypatch.setattr(answering, "certificate", lambda key, job: honest(key, job, **{defect: wrong}))
    asked = ask()
    with dispatching(nodes):
        finished = ended(asked)
    assert finished.status == "failed"
    assert Certificate.objects.count() == 0


def test_a_certificate_by_another_key_is_not_taken(cast, ask, nodes, monkeypatch):
    forger = PrivateKey.generate()
    honest = answering.certificate
    monkeypatch.setattr(answering, "certificate", lambda key, job: honest(forger, job))
    asked = ask()
    with dispatching(nodes):
        assert ended(asked).error["code"] == "not-pinned"


def test_a_mode_with_a_bug_fails_its_own_prediction_and_no_other(ask, nodes, monkeypatch):
    broken, fine = ask(), ask()
    honest = nodes.submit

    async def submit(provider, job):
        if job.request == broken.pk.bytes:
            raise ZeroDivisionError("a bug")
        return await honest(provider, job)

    monkeypatch.setattr(nodes, "submit", submit)
    with dispatching(nodes):
        assert ended(fine).status == "certified"
        assert ended(broken).error["code"] == "internal-error"


def test_a_database_that_is_away_for_a_moment_costs_a_moment(ask, nodes, monkeypatch):
    """Whatever statement it happens in: nothing fails, and nothing is done twice."""
    from marketplace.db import threads

    monkeypatch.setattr(threads, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(dispatch, "IDLE", 0.01)
    run, turns = DatabaseThreads.run, itertools.count()

    async def shaky(self, function, *args, **kwargs):
        if next(turns) % 3 == 1:
            raise OperationalError(f"away, just when {function.__name__} was asked for")
        return await run(self, function, *args, **kwargs)

    monkeypatch.setattr(DatabaseThreads, "run", shaky)
    asked = [ask() for _ in range(5)]
    with dispatching(nodes):
        assert {ended(each).status for each in asked} == {"certified"}
    assert set(nodes.worked.values()) == {1}
