"""Having a version measured and discarding drafts on pages, and that nobody is shown what they may not do."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from marketplace.accounts.models import AuditEntry, Membership, Role
from marketplace.catalogue.actions import evaluations
from marketplace.catalogue.models import Evaluation, Model, ModelVersion
from marketplace.predictions.models import Prediction
from tests.web.conftest import browser, url
from tests.web.test_forms import MODEL, text
from tests.web.test_policy import Page
from tests.web.test_who_may_open_what import draft

MEASURE = (*MODEL, 1)


def rows(right: list[str], **changes: object) -> SimpleUploadedFile:
    tensor = {"name": "image", "datatype": "FP32", "shape": [len(right), 64], "data": [3.0] * 64 * len(right)}
    content = {"inputs": [tensor], "labels": right} | changes
    return SimpleUploadedFile("set.json", json.dumps(content).encode(), "application/json")


def sent(**changes: object) -> dict[str, object]:
    return {"dataset": "Held <b>out</b>", "shown": "2", "set": rows(["3", "3", "4"])} | changes


# --- measuring --------------------------------------------------------------------------------------------


def test_a_set_that_is_sent_is_measured_and_its_progress_and_outcome_shown(shop):
    client = browser(shop.cast.asha)
    assert url("measure", *MEASURE) in text(client.get(url("manage", *MODEL)))
    answer = client.post(url("measure", *MEASURE), sent(), follow=True)
    assert "the figures appear here" in text(answer)
    evaluation = Evaluation.objects.get()
    assert (evaluation.rows, evaluation.dataset, evaluation.created_by) == (
        3,
        "Held <b>out</b>",
        shop.cast.asha.user,
    )
    shop.version.refresh_from_db()
    assert [example["title"] for example in shop.version.examples] == ["3", "3"]

    part = text(client.get(url("measure", *MEASURE), headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert "Waiting" in part
    assert 'hx-trigger="every 1s"' in part

    figure = {"name": "accuracy", "value": 0.625, "dataset": evaluation.dataset, "rows": 3}
    shop.version.metrics = [*shop.version.metrics, figure | {"sha256": bytes(evaluation.digest).hex()}]
    shop.version.save()
    Evaluation.objects.update(state="measured")
    page = text(client.get(url("measure", *MEASURE)))
    assert "62.5 %" in page
    assert "Held &lt;b&gt;out&lt;/b&gt;" in page
    assert 'hx-trigger="every 1s"' not in page


def test_a_measurement_that_fails_says_why(shop):
    client = browser(shop.cast.asha)
    client.post(url("measure", *MEASURE), sent())
    Evaluation.objects.update(state="failed", detail="prediction 7 expired: no node serves this model now")
    page = text(client.get(url("measure", *MEASURE)))
    assert "Prediction 7 expired: no node serves this model now." in page


def test_a_form_asks_for_the_same_as_rest_does(shop):
    browser(shop.cast.asha).post(url("measure", *MEASURE), sent())
    evaluations.advance()
    assert Prediction.objects.filter(user=shop.cast.asha.user).count() == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"dataset": " "}, "dataset", "A text is missing"),
        ({"dataset": "x" * 121}, "dataset", "too long"),
        ({"shown": "21"}, "shown", "0 to 20"),
        ({"shown": "-1"}, "shown", "Not a number"),
        ({"shown": ""}, "shown", "Not a number"),
        ({"set": ""}, "set", "No file"),
        ({"set": SimpleUploadedFile("set.json", b"\xff no JSON")}, "set", "Not JSON"),
        ({"set": SimpleUploadedFile("set.json", b"[" * 100_000)}, "set", "Not JSON"),
        ({"set": SimpleUploadedFile("set.json", b"{}")}, "set", "Not a labelled set"),
        ({"set": rows(["3", "eleven"])}, "set", "/labels/1"),
        ({"set": rows(["3"], labels=[])}, "set", "1 labels"),
        ({"set": rows(["3"], inputs=[{"name": "no"}])}, "set", "/inputs"),
    ],
)
def test_what_does_not_fit_is_named_at_its_field_and_the_rest_kept(shop, change, field, said):
    answer = browser(shop.cast.asha).post(url("measure", *MEASURE), sent(**change))
    assert answer.status_code in (400, 422)
    assert f'id="{field}-error"' in text(answer)
    assert said in text(answer)
    marked = [each["id"] for each in Page(text(answer)).all("input") if "is-invalid" in each.get("class", "")]
    assert marked == [field]
    if field != "dataset":
        assert "Held &lt;b&gt;out&lt;/b&gt;" in text(answer)
    assert not Evaluation.objects.exists()


def test_a_version_that_nobody_serves_is_not_measured_and_it_is_said_of_the_form(shop):
    shop.version.deployments.update(state="stopped")
    client = browser(shop.cast.asha)
    assert url("measure", *MEASURE) not in text(client.get(url("manage", *MODEL)))
    answer = client.post(url("measure", *MEASURE), sent())
    assert answer.status_code == 409
    assert "No node serves this version" in text(answer)


def test_a_version_that_is_not_ready_has_nothing_to_measure(shop):
    assert browser(shop.cast.asha).get(url("measure", *MODEL, 2)).status_code == 422


# --- discarding -------------------------------------------------------------------------------------------


def test_a_refused_version_is_discarded_after_a_question(shop):
    client = browser(shop.cast.asha)
    page = text(client.get(url("manage", *MODEL)))
    offered = [number for number in (1, 2, 3) if url("discard-version", *MODEL, number) in page]
    assert offered == [2], "neither what is published nor what is being uploaded"
    assert "Discard version 2 of Digits?" in text(client.get(url("discard-version", *MODEL, 2)))
    assert ModelVersion.objects.filter(pk=shop.rejected.pk).exists(), "asking changes nothing"
    answer = client.post(url("discard-version", *MODEL, 2), follow=True)
    assert "Version 2 is discarded." in text(answer)
    assert not ModelVersion.objects.filter(pk=shop.rejected.pk).exists()
    assert AuditEntry.objects.get(action="version.discarded").subject == "asha/digits@2"


@pytest.mark.parametrize("number", [1, 3])
def test_a_version_that_is_no_draft_is_not_discarded(shop, number):
    client = browser(shop.cast.asha)
    for answer in (
        client.get(url("discard-version", *MODEL, number)),
        client.post(url("discard-version", *MODEL, number)),
    ):
        assert answer.status_code == 409
        assert "cannot be discarded" in text(answer)
    assert shop.version.model.versions.count() == 3


def test_a_model_that_was_asked_is_not_discarded_even_when_withdrawn(shop):
    client = browser(shop.cast.asha)
    client.post(url("abandon", *MODEL, 3))
    client.post(url("undeploy", shop.deployment.pk))
    client.post(url("unpublish", *MODEL))
    client.post(url("undeploy", shop.deployment.pk))
    assert url("discard", *MODEL) not in text(client.get(url("manage", *MODEL)))
    assert client.post(url("discard", *MODEL)).status_code == 409
    assert browser(shop.cast.bela).get(url("certificate", shop.certificate)).status_code == 200


def test_a_draft_of_a_model_is_discarded_after_a_question(shop):
    client, at = browser(shop.cast.asha), draft(shop)
    assert url("discard", *at) in text(client.get(url("manage", *at)))
    assert client.get(url("discard", *at)).status_code == 200
    answer = client.post(url("discard", *at))
    assert answer.headers["Location"] == url("models")
    assert not Model.objects.filter(slug="draft").exists()


@pytest.mark.parametrize(("who", "status"), [("tariq", 403), ("bela", 404), ("sam", 404)])
def test_nobody_else_discards_or_measures(shop, who, status):
    client = browser(getattr(shop.cast, who))
    targets = [("discard-version", (*MODEL, 2)), ("discard", draft(shop)), ("measure", MEASURE)]
    assert [client.post(url(name, *at), sent()).status_code for name, at in targets] == [status] * 3
    assert ModelVersion.objects.filter(pk=shop.rejected.pk).exists()
    assert Model.objects.filter(slug="draft").exists()
    assert not Evaluation.objects.exists()


# --- only what one's role may do --------------------------------------------------------------------------


def actions_on(page: str) -> set[str]:
    return {form["action"] for form in Page(page).all("form") if form.get("action")}


def test_a_teammate_sees_the_nodes_of_the_team_and_whose_they_are_but_no_button_to_retire_them(shop):
    retire = url("retire", shop.node.pk)
    for headers in ({}, {"HX-Request": "true"}):
        mine = text(browser(shop.cast.asha).get(url("nodes"), headers=headers))
        assert retire in actions_on(mine)
        assert "<dt>Organisation</dt>" not in mine
        theirs = text(browser(shop.cast.tariq).get(url("nodes"), headers=headers))
        assert "cellar" in theirs
        assert '<span class="muted mono">asha</span>' in theirs
        assert retire not in actions_on(theirs)
        assert "cellar" not in text(browser(shop.cast.sam).get(url("nodes"), headers=headers))


@pytest.mark.parametrize(("role", "may"), [("buyer", False), ("billing", False), ("owner", True), ("admin", True)])
def test_what_is_shown_of_nodes_and_models_is_what_the_role_may_do(shop, role, may):
    Membership.objects.filter(organisation=shop.cast.asha.organisation, user=shop.cast.tariq.user).update(
        role=role
    )
    client = browser(shop.cast.tariq)
    assert (url("retire", shop.node.pk) in actions_on(text(client.get(url("nodes"))))) is may
    assert (url("manage", *MODEL) in text(client.get(url("model", *MODEL)))) is may
    assert client.get(url("manage", *MODEL)).status_code == (200 if may else 403)


def test_whoever_manages_anothers_models_finds_each_link_of_their_pages_open(shop):
    own = Membership.objects.filter(organisation=shop.cast.asha.organisation, user=shop.cast.tariq.user)
    own.update(role=Role.OWNER)
    client = browser(shop.cast.tariq)
    page = Page(text(client.get(url("manage", *MODEL))))
    links = {link["href"] for link in page.all("a") if link["href"].startswith("/dashboard")}
    uploads = {link for link in links if link.startswith(url("upload"))}
    assert len(uploads) == 2, "a new version, and going on with version 3"
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
    for link in uploads:
        assert 'data-owner="asha"' in text(client.get(link))


def test_keys_are_shown_to_whom_may_revoke_them(shop):
    revoke = url("revoke", shop.key.pk)
    assert revoke in actions_on(text(browser(shop.cast.bela).get(url("keys"))))
    for other in (shop.cast.asha, shop.cast.tariq, shop.cast.sam):
        assert revoke not in actions_on(text(browser(other).get(url("keys"))))


def test_a_visitor_and_a_buyer_are_not_offered_to_manage(shop):
    for person in (None, shop.cast.bela):
        assert url("manage", *MODEL) not in text(browser(person).get(url("model", *MODEL)))
