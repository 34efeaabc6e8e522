"""Discarding drafts: gone for good if nobody else was given anything of it, and not touched if anybody was."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from assay.errors import AssayError
from marketplace.accounts.models import AuditEntry
from marketplace.billing import pricing
from marketplace.billing.models import Price
from marketplace.billing.pricing import Asking
from marketplace.catalogue import access, actions, spool
from marketplace.catalogue.models import Deployment, Evaluation, Model, ModelVersion, Upload
from marketplace.errors import Conflict, Forbidden, NotFound
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox, Prediction
from tests.marketplace import answering
from tests.marketplace.catalogue.conftest import spooled
from tests.marketplace.people import problem
from tests.web.conftest import asked

pytestmark = pytest.mark.django_db
VERSION = "/api/v1/models/asha/levels/versions/1"


def refused(act, *given) -> None:
    """The act is refused, and nothing at all has changed."""
    before = everything()
    with pytest.raises(Conflict) as caught:
        act(*given)
    assert caught.value.code == "not-a-draft"
    assert everything() == before


def everything() -> list[list[tuple]]:
    kinds = (Model, ModelVersion, Upload, Deployment, Evaluation, Prediction, AuditEntry)
    return [list(kind.objects.order_by("pk").values_list("pk")) for kind in kinds]


# --- what goes --------------------------------------------------------------------------------------------


def test_a_version_that_was_never_served_goes_with_its_file_and_leaves_a_line_in_the_audit(cast, ready):
    assert spooled(ready)
    upload = ready.upload.pk
    actions.discard_version(cast.asha.actor, ready)
    outbox.carry_out()
    assert not ModelVersion.objects.exists()
    assert not Upload.objects.exists()
    assert not spool.path_of(upload).exists()
    entry = AuditEntry.objects.get(action="version.discarded")
    assert (entry.subject, entry.user) == ("asha/levels@1", cast.asha.user)


def test_an_upload_that_was_given_up_can_be_discarded_and_not_before(cast, uploading):
    refused(actions.discard_version, cast.asha.actor, uploading)
    actions.abandon(uploading)
    actions.discard_version(cast.asha.actor, uploading)
    assert not ModelVersion.objects.exists()


def test_a_version_whose_delivery_failed_or_was_stopped_goes_with_its_deployments(cast, ready, node):
    deployment = actions.deploy(cast.asha.actor, ready, node)
    refused(actions.discard_version, cast.asha.actor, ready)  # it is on its way
    actions.undeploy(cast.asha.actor, deployment)
    actions.discard_version(cast.asha.actor, ready)
    assert outbox.carry_out() > 0
    assert not Deployment.objects.exists()
    assert not Outbox.objects.exclude(error="").exists(), "errands for it come to nothing quietly"


def test_a_model_goes_with_all_its_versions(cast, model, ready, declared):
    actions.abandon(actions.begin_version(cast.asha.actor, model, 10, declared))
    actions.discard_model(cast.asha.actor, model)
    assert everything()[:4] == [[], [], [], []]
    assert AuditEntry.objects.get(action="model.discarded").subject == "asha/levels"
    assert actions.create_model(cast.asha.actor, "levels", "other", title="Again").pk != model.pk


def test_a_model_goes_with_its_prices(cast, model, ready):
    pricing.set_for_model(cast.asha.actor, model, "direct", Asking("0.01"))
    actions.discard_model(cast.asha.actor, model)
    assert not Price.objects.exists()


def test_a_withdrawn_model_that_nobody_asked_goes_once_it_is_off_its_nodes(cast, published, ready, serving):
    actions.unpublish(cast.asha.actor, published)
    refused(actions.discard_model, cast.asha.actor, published)
    actions.undeploy(cast.asha.actor, serving)
    actions.discard_model(cast.asha.actor, published)
    assert not Model.objects.exists()


# --- what stays -------------------------------------------------------------------------------------------


def test_what_is_published_stays(cast, published, ready):
    refused(actions.discard_version, cast.asha.actor, ready)
    refused(actions.discard_model, cast.asha.actor, published)


def test_an_earlier_version_that_buyers_may_have_pinned_stays(cast, published, ready, node):
    newer = ModelVersion.objects.create(
        model=published,
        number=2,
        state="ready",
        weights="delivered",
        digest=b"\1" * 32,
        commitment=b"\2" * 32,
        interface=ready.interface,
        report=ready.report,
        created_by=cast.asha.user,
    )
    Deployment.objects.create(version=newer, node=node, state="serving")
    actions.publish(cast.asha.actor, newer)
    refused(actions.discard_version, cast.asha.actor, ready)


def test_a_version_that_a_node_has_confirmed_stays_even_when_stopped(cast, ready, serving):
    Deployment.objects.update(state="stopped", acknowledged=timezone.now())
    refused(actions.discard_version, cast.asha.actor, ready)


def test_what_was_asked_stays_whoever_asked_and_whatever_came_of_it(cast):
    version = answering.digits(cast.asha)
    prediction = asked(cast.bela)
    version.refresh_from_db()
    actions.unpublish(cast.asha.actor, version.model)
    version.refresh_from_db()
    refused(actions.discard_version, cast.asha.actor, version)
    refused(actions.discard_model, cast.asha.actor, version.model)
    assert Prediction.objects.get(pk=prediction.pk).version == version


def test_a_model_of_which_something_is_uploading_or_being_measured_stays(cast, model, ready, declared):
    Evaluation.objects.create(version=ready, dataset="x", rows=1, digest=bytes(32), created_by=cast.asha.user)
    refused(actions.discard_model, cast.asha.actor, model)
    Evaluation.objects.update(state="failed")
    uploading = actions.begin_version(cast.asha.actor, model, 10, declared)
    refused(actions.discard_model, cast.asha.actor, model)
    actions.abandon(uploading)
    actions.discard_model(cast.asha.actor, model)


def test_nobody_else_discards_it(cast, model, ready):
    for stranger in (cast.bela, cast.sam):
        with pytest.raises(NotFound):
            access.managed_version(stranger.actor, "asha", "levels", 1)
    with pytest.raises(Forbidden):
        access.managed_version(cast.tariq.actor, "asha", "levels", 1)


# --- at the same time -------------------------------------------------------------------------------------


class Meanwhile:
    """`act` in another thread; it comes to wait for a row that this transaction holds."""

    def __init__(self, act) -> None:
        self.raised: AssayError | None = None
        self._thread = threading.Thread(target=self._run, args=(act,))
        self._thread.start()

    def _run(self, act) -> None:
        try:
            act()
        except AssayError as error:
            self.raised = error
        finally:
            connection.close()

    def until_it_waits(self) -> None:
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        end = time.monotonic() + 30
        while self._thread.is_alive() and time.monotonic() < end:
            with connection.cursor() as cursor:
                cursor.execute(waiting)
                if cursor.fetchone()[0]:
                    return
        raise AssertionError(f"it did not wait: {self.raised!r}")

    def end(self) -> AssayError | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.raised


@pytest.mark.django_db(transaction=True)
def test_publishing_that_waited_for_a_discard_finds_nothing(cast, model, ready):
    with transaction.atomic():
        actions.discard_version(cast.asha.actor, ready)
        publishing = Meanwhile(lambda: actions.publish(cast.asha.actor, ModelVersion.objects.get(pk=ready.pk)))
        publishing.until_it_waits()
    assert isinstance(publishing.end(), NotFound)
    model.refresh_from_db()
    assert model.published_version is None


@pytest.mark.django_db(transaction=True)
def test_a_discard_that_waited_for_publishing_is_refused(cast, model, ready, serving):
    with transaction.atomic():
        actions.publish(cast.asha.actor, ready)
        discarding = Meanwhile(
            lambda: actions.discard_version(cast.asha.actor, ModelVersion.objects.get(pk=ready.pk))
        )
        discarding.until_it_waits()
    assert isinstance(discarding.end(), Conflict)
    model.refresh_from_db()
    assert model.published_version == ready


@pytest.mark.django_db(transaction=True)
def test_a_discard_that_waited_for_a_deployment_is_refused(cast, ready, node):
    with transaction.atomic():
        actions.deploy(cast.asha.actor, ready, node)
        discarding = Meanwhile(
            lambda: actions.discard_model(cast.asha.actor, Model.objects.get(pk=ready.model_id))
        )
        discarding.until_it_waits()
    assert isinstance(discarding.end(), Conflict)
    assert Deployment.objects.get().version == ready


@pytest.mark.django_db(transaction=True)
def test_a_version_whose_bytes_are_just_being_sent_again_is_not_discarded(cast, ready):
    with transaction.atomic():
        Upload.objects.select_for_update().get(version=ready)
        discarding = Meanwhile(lambda: actions.discard_version(cast.asha.actor, ready))
        raised = discarding.end()
    assert isinstance(raised, Conflict)
    assert raised.code == "upload-busy"
    assert ModelVersion.objects.filter(pk=ready.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("extra", [{}, {"idempotency-key": "once"}])
def test_a_question_that_comes_while_its_version_is_discarded_is_a_conflict_and_leaves_nothing(cast, ready, extra):
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [0.5] * 4}
    body = {"model": "asha/levels@1", "inputs": [tensor], "verification": {"mode": "direct"}}
    answers = []

    def ask() -> None:
        headers = cast.asha.headers | extra
        answers.append(Client().post("/api/v1/predictions", body, "application/json", headers=headers))

    with transaction.atomic():
        actions.discard_version(cast.asha.actor, ready)
        asking = Meanwhile(ask)
        asking.until_it_waits()
    assert asking.end() is None
    assert (answers[0].status_code, problem(answers[0])["code"]) == (409, "conflict")
    assert not Prediction.objects.exists()
    assert not ModelVersion.objects.exists()


# --- by REST ----------------------------------------------------------------------------------------------


def test_delete_answers_with_what_it_was_and_then_there_is_none(client, cast, ready):
    answer = client.delete(VERSION, headers=cast.asha.headers)
    assert answer.status_code == 200
    assert (answer.json()["number"], answer.json()["state"]) == (1, "ready")
    assert client.delete(VERSION, headers=cast.asha.headers).status_code == 404
    model = client.delete("/api/v1/models/asha/levels", headers=cast.asha.headers)
    assert (model.status_code, model.json()["name"]) == (200, "levels")
    assert client.get("/api/v1/models/asha/levels", headers=cast.asha.headers).status_code == 404


def test_delete_of_what_is_published_is_a_conflict(client, cast, published, ready):
    for path in (VERSION, "/api/v1/models/asha/levels"):
        answer = client.delete(path, headers=cast.asha.headers)
        assert (answer.status_code, problem(answer)["code"]) == (409, "not-a-draft")


def test_delete_of_somebody_elses_draft_is_not_found(client, cast, ready):
    for path in (VERSION, "/api/v1/models/asha/levels"):
        assert client.delete(path, headers=cast.bela.headers).status_code == 404
        assert client.delete(path, headers=cast.tariq.headers).status_code == 403
    assert ModelVersion.objects.filter(pk=ready.pk).exists()
