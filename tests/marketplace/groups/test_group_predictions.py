"""A group is asked: by its name, in the modes of groups, within its horizon; and its word becomes the answer."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading

import pytest
from django.db import IntegrityError, connection, transaction

from assay.certificate import AgreementCertificate, parse
from assay.errors import DeadlineExceeded, Refused
from assay.verify import Trust, verify
from marketplace.catalogue.interfaces import modes_of
from marketplace.errors import NotFound
from marketplace.groups import actions as groups
from marketplace.predictions import access, actions, questions
from marketplace.predictions.models import Prediction
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.answering import dispatching
from tests.marketplace.api.test_predictions import png
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.groups.deciding import ABSTAINS, ERRS, SILENT, FakeGroup

pytestmark = pytest.mark.django_db
PREDICTIONS = "/api/v1/predictions"
in_the_end = pytest.mark.django_db(transaction=True)


A_PICTURE = {"name": "image", "content_type": "image/png", "content": png(shade=200)}


def request(**changes):
    asked = {"group": founded.SLUG, "inputs": [answering.a_three()], "verification": {"mode": "agreement"}}
    return {name: value for name, value in (asked | changes).items() if value is not None}


def ask(person, **changes) -> Prediction:
    return actions.create(person.actor, questions.read(person.actor, Body(**request(**changes))))


def sent(client, person, **changes):
    body = json.dumps(request(**changes))
    return client.post(
        PREDICTIONS, body, content_type="application/json", headers={**person.headers, "prefer": "wait=20"}
    )


# --- what is judged ---------------------------------------------------------------------------------------


def test_a_question_to_a_group_is_stored_as_one(cast, deciding, serving):
    prediction = Prediction.objects.get(pk=ask(cast.bela).pk)
    assert (prediction.group, prediction.version, prediction.target) == (serving, None, "group:digits-four")
    assert (prediction.asked, prediction.params) == (serving, {"votes": 0})


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"group": None}, "invalid", "/model"),
        ({"model": "asha/digits"}, "invalid", "/group"),
        ({"verification": {"mode": "direct"}}, "wrong-target", "/verification/mode"),
        ({"group": None, "model": "asha/digits"}, "wrong-target", "/verification/mode"),
        ({"verification": {"mode": "vote"}}, "unknown-mode", "/verification/mode"),
        ({"verification": {"mode": "agreement", "votes": 17}}, "invalid", "/verification/votes"),
        ({"verification": {"mode": "agreement", "votes": "4"}}, "invalid", "/verification/votes"),
        ({"verification": {"mode": "agreement", "votes": 5}}, "out-of-range", "/verification/votes"),
        ({"inputs": [answering.a_three() | {"shape": [2, 32]}]}, "wrong-shape", "/inputs/0/shape"),
        ({"inputs": [answering.a_three() | {"name": "x"}]}, "wrong-names", "/inputs"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_field(cast, deciding, change, code, pointer):
    with pytest.raises(Refused) as caught:
        ask(cast.bela, **change)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)
    assert not Prediction.objects.exists()


def test_a_mode_of_models_says_which_are_of_groups(cast, deciding):
    with pytest.raises(Refused) as caught:
        ask(cast.bela, verification={"mode": "direct"})
    assert (caught.value.expected, caught.value.got) == ("agreement", "direct")


def test_a_deadline_beyond_the_horizon_is_refused(cast, owners, deciding):
    founded.formed(
        founded.signed(founded.complete(founded.found(owners[0], "short", horizon=2000), owners), owners)
    )
    assert ask(cast.bela, group="short", deadline=2.0)
    with pytest.raises(Refused) as caught:
        ask(cast.bela, group="short", deadline=2.1)
    assert (caught.value.pointer, caught.value.expected) == ("/deadline", "at most 2 seconds")


def test_only_a_group_that_serves_is_asked(cast, owners, deciding, serving):
    founded.found(owners[0], "unfinished")
    groups.withdraw(owners[0].actor, serving)
    for name in ("unfinished", founded.SLUG, "nobody", "a/b", ""):
        with pytest.raises(NotFound):
            ask(cast.asha, group=name)


def test_no_model_is_offered_in_a_mode_of_groups(deciding, owners):
    assert modes_of(owners[0].version) == ["direct"]


@pytest.mark.parametrize("column", ["version_id = NULL", "group_id = NULL", "group_id = 1", "version_id = 1"])
def test_a_prediction_is_of_one_thing_and_stays_it(cast, deciding, column):
    prediction = ask(cast.bela)
    changed = f"UPDATE predictions_prediction SET {column} WHERE id = %s"
    if column == "version_id = NULL":
        changed = changed.replace("version_id = NULL", "version_id = NULL, group_id = NULL")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(changed, [prediction.pk])


def test_a_row_of_neither_or_both_is_refused(cast, deciding, serving, owners):
    fields = {
        "organisation": cast.bela.organisation,
        "target": "group:x",
        "mode": "agreement",
        "rows": 1,
        "salt": bytes(32),
        "deadline": "2100-01-01T00:00:00Z",
    }
    for asked in ({}, {"group": serving, "version": owners[0].version}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Prediction.objects.create(**fields, **asked)


# --- what comes of it -------------------------------------------------------------------------------------


@in_the_end
def test_a_groups_word_is_the_answer_and_its_certificate_names_the_genesis(client, cast, deciding, serving):
    with dispatching(answering.FakeNodes([]), groups=deciding):
        answer = sent(client, cast.bela)
    shown = answer.json()
    genesis = serving.epochs.get().hex
    assert (answer.status_code, shown["status"], shown["target"]) == (201, "certified", "group:digits-four")
    assert (shown["answer"]["text"], shown["answer"]["index"], "contested" in shown["answer"]) == ("3", 3, False)
    assert [each["name"] for each in shown["outputs"]] == ["label", "decided", "firm"]
    assert (shown["verification"]["outcome"], shown["verification"]["group"]) == ("certified", genesis)
    document = bytes(Prediction.objects.get().certificate.document)
    report = verify(document, Trust.of((), (genesis,), ()))
    assert report.exit_code == 0
    assert isinstance(parse(document), AgreementCertificate)


@in_the_end
def test_the_mode_is_given_the_members_in_their_order_and_the_epochs(cast, owners, deciding, serving):
    with dispatching(answering.FakeNodes([]), groups=deciding):
        end(ask(cast.bela))
    (job,) = deciding.asked
    assert [each.key for each in job.target.providers] == [each.key.public for each in owners]
    assert [each.address for each in job.target.providers] == [each.node.address for each in owners]
    assert job.target.epochs[0].configuration.digest.hex() == serving.epochs.get().hex
    assert (job.target.name, job.params.votes) == ("group:digits-four", 0)


@in_the_end
@pytest.mark.parametrize(
    ("says", "status"),
    [
        ({3: 4}, "certified"),
        ({3: SILENT}, "certified"),
        ({2: ABSTAINS}, "certified"),
        ({0: 1, 1: 2, 2: 4}, "contested"),
        ({2: SILENT, 3: ERRS}, "failed"),
    ],
    ids=str,
)
def test_dissent_silence_and_failure_end_as_the_group_says(client, cast, deciding, says, status):
    deciding.says = says
    with dispatching(answering.FakeNodes([]), groups=deciding):
        shown = sent(client, cast.bela).json()
    assert (shown["status"], shown["verification"]["outcome"]) == (status, status)
    prediction = Prediction.objects.get()
    assert parse(bytes(prediction.certificate.document)).statement.outcome == status
    if status == "contested":
        assert shown["answer"]["contested"]
    if status == "failed":
        assert (shown["outputs"], shown["answer"], shown["error"]["code"]) == (None, None, "group-failed")
        assert "answered" not in prediction.events.values_list("stage", flat=True)


@in_the_end
@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({3: 4}, "contested because 3 of the 4 votes that were asked for agree"),
        ({3: SILENT}, "contested because 3 of the 4 votes that were asked for agree"),
        ({2: 5, 3: 5}, None),  # as many for another: asking for fewer votes had changed nothing
        ({0: 1, 1: 2, 2: 4}, None),
    ],
    ids=str,
)
def test_votes_that_were_asked_for_and_not_had_are_named_as_the_reason(client, cast, deciding, says, reason):
    deciding.says = says
    with dispatching(answering.FakeNodes([]), groups=deciding):
        shown = sent(client, cast.bela, verification={"mode": "agreement", "votes": 4}).json()
    assert (shown["status"], shown["verification"].get("reason")) == ("contested", reason)
    again = client.get(f"{PREDICTIONS}/{shown['id']}", headers=cast.bela.headers).json()
    assert again["verification"] == shown["verification"]


@in_the_end
def test_a_group_that_does_not_decide_in_time_expires(client, cast, deciding):
    deciding.refusing = DeadlineExceeded("too slow")
    with dispatching(answering.FakeNodes([]), groups=deciding):
        assert sent(client, cast.bela).json()["status"] == "expired"


@in_the_end
def test_a_group_withdrawn_meanwhile_fails_what_waits(client, cast, owners, deciding, serving):
    prediction = ask(cast.bela)
    groups.withdraw(owners[0].actor, serving)
    with dispatching(answering.FakeNodes([]), groups=deciding):
        shown = end(prediction)
    assert (shown.status, shown.error["code"]) == ("failed", "group-not-serving")


@in_the_end
def test_a_picture_is_made_the_groups_input(client, cast, deciding):
    with dispatching(answering.FakeNodes([]), groups=deciding):
        shown = sent(client, cast.bela, inputs=[A_PICTURE]).json()
    assert shown["status"] == "certified"
    assert deciding.asked[0].inputs[0].shape == (1, 64)


def end(prediction: Prediction) -> Prediction:
    """The prediction, once it has ended."""
    from marketplace.predictions.awaiting import until_ended, watching

    with watching(prediction.pk) as ended:
        return until_ended(access.again(prediction), ended, 20)


@in_the_end
def test_another_model_answers_from_then_on(client, cast, owners, deciding, serving):
    better = founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    serving.members.filter(position=1).update(version=better.version)
    with dispatching(answering.FakeNodes([]), groups=deciding):
        assert sent(client, cast.bela).json()["status"] == "certified"
    assert deciding.asked[0].target.providers[1].model.commitment == bytes(better.version.commitment)


class Hesitant(FakeGroup):
    """Answers nothing before it is told of an epoch after the first."""

    def __init__(self, keys) -> None:
        super().__init__(keys)
        self.waits, self._told = threading.Event(), threading.Event()

    async def decide(self, job, least):
        if len(job.target.epochs) == 1:
            self.waits.set()
            assert await asyncio.to_thread(self._told.wait, 20)
            job = dataclasses.replace(job, target=self.target)
        return await super().decide(job, least)

    def follow(self, target) -> None:
        self.target = target
        if len(target.epochs) == 2:
            self._told.set()


@in_the_end
def test_what_was_asked_before_the_epoch_changed_is_answered_in_the_next(cast, owners, serving):
    group, asked = Hesitant([each.key for each in owners]), ask(cast.bela)
    with dispatching(answering.FakeNodes([]), groups=group):
        assert group.waits.wait(20)
        succeeding.succeeded(serving, owners[0], owners, [each.key for each in owners], grace=400)
        ended = end(asked)
    assert ended.status == "certified"
    certificate = parse(bytes(Prediction.objects.get(pk=asked.pk).certificate.document))
    assert certificate.evidence.configuration.epoch == 1
