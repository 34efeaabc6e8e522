"""/groups and what is below it: founded, joined, signed and changed over the API alone."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assay import cbor, jsonform
from assay.agreement import consent
from assay.agreement.group import Epoch, require_genesis
from assay.jsonform import base64url, from_base64url
from assay.keys import PrivateKey
from assay.rotation import rotate
from marketplace.catalogue import actions as catalogue
from marketplace.groups import actions
from marketplace.groups.models import Group, Swap
from marketplace.predictions import outbox
from node.commands.accept import fetched, request_to_consent
from tests.marketplace.groups import founded
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
GROUPS = "/api/v1/groups"
ONE = f"{GROUPS}/{founded.SLUG}"


@pytest.fixture
def ask(client, owners):
    """Asks as the owner with this number; None for nobody."""

    def send(method, path, body=None, owner: int | None = 0):
        headers = {} if owner is None else owners[owner].person.headers
        content = json.dumps(body or {})
        return client.generic(method, path, content, content_type="application/json", headers=headers)

    return send


def new_group(owners, **changes):
    return {
        "name": founded.SLUG,
        "title": "Digits of four",
        "model": str(owners[0].version),
        "aggregator": "plurality",
        "invite": [each.slug for each in owners[1:]],
    } | changes


# --- the whole way ----------------------------------------------------------------------------------------


def test_from_founding_to_serving_over_the_api(ask, owners, machines):
    made = ask("POST", GROUPS, new_group(owners))
    assert (made.status_code, made["Location"], made.json()["state"]) == (201, ONE, "inviting")
    assert [each["state"] for each in made.json()["members"]] == ["accepted", "invited", "invited", "invited"]
    for i, each in enumerate(owners[1:], 1):
        assert ask("GET", f"{ONE}/choices", owner=i).json() == [
            {
                "model": str(each.version),
                "node": each.node.pk,
                "node_name": "cellar",
                "fits": True,
                "reason": "",
            }
        ]
        accepted = ask("POST", f"{ONE}/accept", {"model": str(each.version)}, owner=i)
        assert accepted.status_code == 200
    assert accepted.json()["state"] == "signing"
    for i, each in enumerate(owners):
        configuration = fetched(ask("GET", f"{ONE}/configuration", owner=i).json(), founded.SLUG)
        signed = ask("POST", f"{ONE}/consents", request_to_consent(each.key, configuration), owner=i)
        assert signed.status_code == 201
    assert signed.json()["state"] == "forming"
    assert ask("GET", ONE, owner=None).status_code == 404
    outbox.carry_out()
    shown = ask("GET", ONE, owner=None).json()
    assert shown["state"] == "serving"
    assert shown["genesis"] == configuration.digest.hex()
    assert all(each["formed"] for each in shown["members"])


def test_a_group_shows_all_that_one_needs_to_ask_and_to_trust_it(ask, owners, serving):
    shown = ask("GET", ONE, owner=None).json()
    assert shown["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 64]}]
    assert shown["interface"]["preprocessing"]["kind"] == "image"
    assert (shown["n"], shown["f"], shown["aggregator"], shown["labels"][3]) == (4, 1, "plurality", "3")
    assert (shown["grace"], shown["horizon"], shown["scale"]) == (250, 600_000, None)
    member = shown["members"][1]
    assert (member["organisation"], member["model"], member["key"]) == (
        "bela",
        "bela/digits@1",
        str(owners[1].key.public),
    )
    assert member["commitment"] == bytes(owners[1].version.commitment).hex()
    assert (member["serving"], member["metrics"][0]["value"]) == (True, 0.97)
    assert [(each["number"], each["digest"]) for each in shown["epochs"]] == [(0, shown["genesis"])]


def test_a_member_whose_key_was_replaced_is_no_longer_reached_as_the_one_that_signed(ask, owners, serving):
    heir = PrivateKey(b"\x55" * 32)
    catalogue.rotate_key(owners[1].actor, rotate(owners[1].key, heir, 1))
    member = ask("GET", ONE, owner=None).json()["members"][1]
    assert (member["key"], member["serving"]) == (str(owners[1].key.public), False)


def test_anybody_can_check_the_genesis(ask, serving):
    shown = ask("GET", f"{ONE}/configuration", owner=None).json()
    epoch = jsonform.convert(cbor.decode(from_base64url(shown["epoch"])), Epoch)
    assert require_genesis(epoch).digest.hex() == shown["digest"]
    assert consent.encoded(epoch.configuration) == from_base64url(shown["configuration"])
    assert shown["signed"] == ["asha", "bela", "sam", "owner3"]


# --- lists ------------------------------------------------------------------------------------------------


def test_a_list_has_what_serves_and_ones_own(ask, owners, serving):
    founded.found(owners[1], "bela-own")
    names = lambda owner: [each["slug"] for each in ask("GET", GROUPS, owner=owner).json()["results"]]  # noqa: E731
    assert names(None) == names(2) == [founded.SLUG]
    assert names(1) == ["bela-own", founded.SLUG]


def test_the_number_of_queries_does_not_grow_with_the_list(ask, owners, serving):
    def queries() -> int:
        ask("GET", GROUPS)  # notes, once in a minute, that the key was used
        with CaptureQueriesContext(connection) as captured:
            assert ask("GET", GROUPS).status_code == 200
        return len(captured)

    before = queries()
    for i in range(5):
        founded.found(owners[0], f"other-{i}")
    assert queries() == before


def test_pages_follow_each_other(ask, owners):
    for i in range(3):
        founded.found(owners[0], f"group-{i}")
    first = ask("GET", f"{GROUPS}?limit=2").json()
    second = ask("GET", f"{GROUPS}?limit=2&cursor={first['next']}").json()
    assert [each["slug"] for each in first["results"] + second["results"]] == ["group-2", "group-1", "group-0"]


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"aggregator": "mean"}, 422, "unsafe-aggregator"),
        ({"aggregator": "median"}, 422, "wrong-aggregator"),
        ({"size": 6}, 422, "wrong-size"),
        ({"name": "Ä"}, 422, "invalid"),
        ({"title": ""}, 422, "invalid"),
        ({"model": "bela/digits@1"}, 404, "not-found"),
        ({"model": "asha/digits"}, 422, "invalid"),
        ({"model": "asha/digits@2"}, 404, "not-found"),
        ({"node": 1}, 404, "not-found"),
        ({"grace": -1}, 422, "invalid"),
        ({"invite": ["nobody"]}, 404, "not-found"),
        ({"price": 1}, 422, "invalid"),
    ],
    ids=str,
)
def test_a_group_that_cannot_be_is_refused_by_field_and_nothing_is_made(ask, owners, change, status, code):
    refused = ask("POST", GROUPS, new_group(owners, **change))
    assert (refused.status_code, problem(refused)["code"]) == (status, code)
    assert not Group.objects.exists()


def test_a_plain_mean_is_refused_with_the_reason(ask, owners):
    said = problem(ask("POST", GROUPS, new_group(owners, aggregator="mean")))
    assert (said["detail"], said["pointer"]) == ("one liar moves a plain mean at will", "/aggregator")


def test_whoever_cannot_be_invited_is_named_by_place(ask, owners):
    said = problem(ask("POST", GROUPS, new_group(owners, invite=["bela", "nobody"])))
    assert (said["pointer"], said["got"]) == ("/invite/1", "nobody")


def test_invitations_are_the_founders(ask, owners, inviting):
    assert ask("POST", f"{ONE}/invitations", {"organisation": "bela"}).status_code == 201
    refused = ask("POST", f"{ONE}/invitations", {"organisation": "sam"}, owner=1)
    assert (refused.status_code, problem(refused)["code"]) == (409, "not-founder")
    assert ask("POST", f"{ONE}/invitations", {"organisation": "sam"}, owner=2).status_code == 404
    assert ask("DELETE", f"{ONE}/invitations/bela").json()["members"][1:] == []
    assert ask("GET", ONE, owner=1).status_code == 404


def test_an_invitation_is_declined(ask, owners, inviting):
    ask("POST", f"{ONE}/invitations", {"organisation": "bela"})
    assert [each["organisation"] for each in ask("POST", f"{ONE}/decline", owner=1).json()["members"]] == ["asha"]
    assert ask("POST", f"{ONE}/decline", owner=1).status_code == 404


def test_a_misfit_is_refused_with_the_reason(ask, owners, inviting):
    bela = owners[1]
    founded.deployed(
        bela.person,
        bela.node,
        b"\x71" * 32,
        founded.other(founded.answering.INTERFACE, labels=("a", "b")),
        "misfit",
    )
    ask("POST", f"{ONE}/invitations", {"organisation": "bela"})
    misfit = next(each for each in ask("GET", f"{ONE}/choices", owner=1).json() if not each["fits"])
    assert (misfit["model"], "labels" in misfit["reason"]) == ("bela/misfit@1", True)
    refused = ask("POST", f"{ONE}/accept", {"model": "bela/misfit@1"}, owner=1)
    assert (refused.status_code, problem(refused)["code"]) == (422, "wrong-interface")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"digest": "00" * 32, "signature": ""}, 409),
        ({"digest": "00", "signature": ""}, 422),
        ({"digest": "00" * 32, "signature": "!"}, 422),
    ],
    ids=str,
)
def test_a_consent_that_is_none_is_refused(ask, signing, body, status):
    assert ask("POST", f"{ONE}/consents", body).status_code == status


def test_anothers_signature_is_refused(ask, owners, signing):
    digest, signature = founded.signature(signing, owners[1])
    refused = ask("POST", f"{ONE}/consents", {"digest": digest.hex(), "signature": base64url(signature)})
    assert (refused.status_code, problem(refused)["code"]) == (422, "bad-signature")


def test_there_is_nothing_to_sign_before_all_have_chosen(ask, inviting):
    refused = ask("GET", f"{ONE}/configuration")
    assert (refused.status_code, problem(refused)["code"]) == (409, "nothing-to-sign")


def test_who_is_to_sign_is_told_by_a_key_of_the_right_scope(client, owners, signing):
    digest, signature = founded.signature(signing, owners[0])
    body = json.dumps({"digest": digest.hex(), "signature": base64url(signature)})
    for scope, status in (("read", 403), ("models", 403), ("nodes", 201)):
        headers = {"authorization": f"Bearer {owners[0].person.key(scope)}"}
        sent = client.post(f"{ONE}/consents", body, content_type="application/json", headers=headers)
        assert sent.status_code == status, scope


# --- afterwards -------------------------------------------------------------------------------------------


def test_a_member_changes_its_model_and_all_can_see_that_it_did(ask, owners, machines, serving):
    bela = owners[1]
    founded.deployed(bela.person, bela.node, b"\x70" * 32)
    asked = ask("POST", f"{ONE}/model", {"model": "bela/digits@2"}, owner=1)
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    assert ask("GET", f"{ONE}/updates", owner=None).json()["results"] == []
    assert len(ask("GET", f"{ONE}/updates", owner=2).json()["results"]) == 1
    outbox.carry_out()
    (seen,) = ask("GET", f"{ONE}/updates", owner=None).json()["results"]
    assert (seen["before"], seen["after"], seen["state"]) == ("bela/digits@1", "bela/digits@2", Swap.State.ADOPTED)
    assert ask("GET", ONE).json()["members"][1]["model"] == "bela/digits@2"


def test_a_change_that_waits_for_its_owner_shows_the_command_and_is_withdrawn(ask, owners, machines, serving):
    bela = owners[1]
    better = founded.deployed(bela.person, bela.node, b"\x70" * 32)
    machines[1].refuses, machines[1].code = "Adopt", "owner-must-adopt"
    assert ask("POST", f"{ONE}/model", {"model": "bela/digits@2"}, owner=1).json()["command"] == ""
    outbox.carry_out()
    (seen,) = ask("GET", f"{ONE}/updates", owner=1).json()["results"]
    assert seen["state"] == "waiting"
    assert seen["command"] == f"assay-node adopt {founded.SLUG} {bytes(better.version.commitment).hex()}"
    assert seen["command"] in seen["detail"]
    assert problem(ask("DELETE", f"{ONE}/model", owner=2))["code"] == "no-swap"  # it is another's
    withdrawn = ask("DELETE", f"{ONE}/model", owner=1)
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    assert withdrawn.json()["command"] == ""
    assert ask("DELETE", f"{ONE}/model", owner=1).status_code == 409


def test_the_founder_describes_the_group_anew(ask, owners, serving):
    described = ask("PATCH", ONE, {"summary": "Of four owners"})
    assert (described.status_code, described.json()["summary"]) == (200, "Of four owners")
    assert described.json()["title"] == "Digits of four"
    assert ask("PATCH", ONE, {"title": ""}).status_code == 422
    assert ask("PATCH", ONE, {"aggregator": "median"}).status_code == 422  # that is signed
    assert ask("PATCH", ONE, {"title": "Mine"}, owner=1).status_code == 409
    assert Group.objects.get().title == "Digits of four"


def test_a_withdrawn_group_is_its_members_alone(ask, owners, serving):
    assert ask("DELETE", ONE, owner=1).status_code == 409
    assert ask("DELETE", ONE).json()["state"] == "withdrawn"
    assert ask("GET", ONE, owner=None).status_code == 404
    assert ask("GET", ONE, owner=1).status_code == 200


def test_a_session_may_do_it_too(client, owners):
    from django.test import Client

    signed_in = Client()
    signed_in.force_login(owners[0].person.user)
    sent = signed_in.post(GROUPS, json.dumps(new_group(owners)), content_type="application/json")
    assert sent.status_code == 201
    assert actions.withdraw(owners[0].actor, Group.objects.get()).state == "withdrawn"
